//! Blobs: the bytes behind a descriptor, wherever they are. Owns that no bytes leave here that their digest does not
//! name.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use crate::digest::{Digest, Hashing};
use crate::error::Error;
use crate::manifest::Descriptor;

/// So much of a file is read at once.
const BUFFER: usize = 256 << 10;

/// Where the bytes of a blob are.
#[derive(Debug, Clone)]
pub enum Content {
    /// Here.
    Memory(Vec<u8>),
    /// In an open file.
    File(Arc<File>),
    /// In a part of one.
    Part {
        /// The file.
        file: Arc<File>,
        /// Where the part begins.
        begin: u64,
        /// How long it is.
        size: u64,
    },
    /// Not here: who has them by their digest is asked before they are read.
    Absent,
}

impl Content {
    /// Writes all of it.
    ///
    /// # Errors
    /// [`Error::Write`] if it cannot be read or written.
    pub(crate) fn copy_to(&self, to: &mut dyn Write) -> Result<(), Error> {
        if let Self::Memory(bytes) = self {
            return to.write_all(bytes).map_err(Error::Write);
        }
        let (mut buffer, mut at) = (vec![0; BUFFER], 0);
        loop {
            let count = self.read_at(&mut buffer, at).map_err(Error::Write)?;
            if count == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..count]).map_err(Error::Write)?;
            at += count as u64;
        }
    }

    /// Reads some of it from a place on; nothing at its end.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let (file, begin, left) = match self {
            Self::Memory(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
                return rest.unwrap_or_default().read(buffer);
            }
            Self::File(file) => (file, 0, u64::MAX),
            Self::Part { file, begin, size } => (file, *begin, size.saturating_sub(at)),
            Self::Absent => return Err(io::Error::other("its bytes are not at hand")),
        };
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        loop {
            match file.read_at(&mut buffer[..most], begin + at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}

/// A blob.
#[derive(Debug, Clone)]
pub struct Blob {
    /// What it is.
    pub descriptor: Descriptor,
    /// Its bytes.
    pub content: Content,
}

impl Blob {
    /// The blob of bytes at hand.
    pub fn of(media_type: &str, bytes: Vec<u8>) -> Self {
        let descriptor = Descriptor::new(media_type, Digest::of(&bytes), bytes.len() as u64);
        Self { descriptor, content: Content::Memory(bytes) }
    }

    /// Writes all of it, and compares it with its digest.
    ///
    /// # Errors
    /// [`Error::Altered`], and [`Error::Write`] if it cannot be read or written.
    pub fn copy_to(&self, to: &mut dyn Write) -> Result<(), Error> {
        let mut to = Hashing::new(to);
        self.content.copy_to(&mut to)?;
        let (_, found, _) = to.finish();
        let expected = self.descriptor.digest;
        if found == expected { Ok(()) } else { Err(Error::Altered { expected, found }) }
    }

    /// Its bytes, piece by piece; in place of the last one an error if they are not those of its digest.
    pub fn pieces(&self) -> Pieces {
        let Self { descriptor, content } = self.clone();
        let Descriptor { digest: expected, size, .. } = descriptor;
        Pieces { content, expected, size, at: 0, seen: Some(Hashing::new(io::sink())) }
    }

    /// All of it in memory, where it is no more than that.
    ///
    /// # Errors
    /// As [`Blob::copy_to`], and [`Error::Document`] for what is larger.
    pub(crate) fn text(&self, limit: u64) -> Result<Vec<u8>, Error> {
        if self.descriptor.size > limit {
            let what = self.descriptor.digest.to_string();
            return Err(Error::Document { what, reason: "it is too large".to_owned() });
        }
        let mut text = Vec::new();
        self.copy_to(&mut text)?;
        Ok(text)
    }
}

/// The bytes of a blob.
pub struct Pieces {
    content: Content,
    expected: Digest,
    size: u64,
    at: u64,
    /// What has gone by; nothing once that is all.
    seen: Option<Hashing<io::Sink>>,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pieces").field("expected", &self.expected).finish_non_exhaustive()
    }
}

impl Iterator for Pieces {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut seen = self.seen.take()?;
        let left = self.size.saturating_sub(self.at);
        let mut piece = vec![0; usize::try_from(left).map_or(BUFFER, |left| left.min(BUFFER))];
        let read = self.content.read_at(&mut piece, self.at);
        let count = match read.and_then(|count| seen.write_all(&piece[..count]).map(|()| count)) {
            Ok(count) => count,
            Err(error) => return Some(Err(error)),
        };
        piece.truncate(count);
        self.at += count as u64;
        if count > 0 && self.at < self.size {
            self.seen = Some(seen);
            return Some(Ok(piece));
        }
        let (_, found, _) = seen.finish();
        if found != self.expected {
            let expected = self.expected;
            return Some(Err(io::Error::other(Error::Altered { expected, found })));
        }
        (count > 0).then_some(Ok(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: Content, expected: &[u8]) {
        let mut blob = Blob::of("", expected.to_owned());
        blob.content = content;
        let all: io::Result<Vec<_>> = blob.pieces().collect();
        assert_eq!(all.unwrap().concat(), expected);
        blob.descriptor.digest = Digest::of(b"another");
        let last = blob.pieces().last().unwrap().unwrap_err();
        assert!(last.to_string().contains("are others"), "{last}");
    }

    #[test]
    fn pieces_are_all_bytes_and_others_end_in_an_error() {
        let bytes: Vec<u8> = (0..BUFFER + 10).map(|at| at.to_le_bytes()[0]).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let file = Arc::new(file);
        check(Content::File(Arc::clone(&file)), &bytes);
        check(Content::Part { file, begin: 3, size: BUFFER as u64 + 2 }, &bytes[3..BUFFER + 5]);
        check(Content::Memory(bytes.clone()), &bytes);
        check(Content::Memory(Vec::new()), b"");
    }
}
