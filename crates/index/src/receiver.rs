//! Bytes on their way: hashed as they come, in memory while they are few, and beyond that in a file that whoever asks
//! for them chose: one without a name, which goes with whoever holds it, or one by whose name they are gone on with. Does
//! not know which, where they come from, nor what they are for.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use pyfast_packaging::hash::{OtherDigest, OtherKind, Sha256};
use sha2::Digest as _;
use tokio::sync::mpsc;

use crate::arrival::Arrival;
use crate::client::Piece;
use crate::digest;
use crate::error::Error;

/// So much of a file is read at once.
const BUFFER: usize = 256 << 10;

/// Makes a file, of whose bytes is told how far they have come; `None` where none can be made, and all stays in memory.
type MakeFile = Box<dyn Fn(&Arc<Arrival>) -> io::Result<Option<File>> + Send>;

/// The bytes of a file.
#[derive(Debug, Clone)]
pub enum Body {
    /// Few of them.
    Memory(Bytes),
    /// Many, in a file that has no name, or is the user's own and locked as long as it is open. What is read of it is
    /// not hashed again: a process of the same user that does not heed locks can have altered a file that has a name.
    File(Arc<File>),
}

impl Body {
    /// How many there are.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.metadata().map_or(u64::MAX, |metadata| metadata.len()),
        }
    }

    /// Their digest of a kind.
    ///
    /// # Errors
    /// [`Error::Spool`] if the file cannot be read.
    pub fn digest(&self, kind: OtherKind) -> Result<OtherDigest, Error> {
        match self {
            Self::Memory(bytes) => Ok(digest::of_bytes(kind, bytes)),
            Self::File(file) => {
                digest::of_file(kind, file).map_err(|source| Error::Spool { source })
            }
        }
    }

    /// Writes all of them.
    ///
    /// # Errors
    /// If they cannot be read or written.
    pub fn copy_to(&self, to: &mut impl io::Write) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => to.write_all(bytes),
            Self::File(file) => {
                let mut file = &**file;
                file.rewind()?;
                io::copy(&mut file, to).map(drop)
            }
        }
    }

    /// A reader of them, one of any number.
    pub fn reader(&self) -> BodyReader<'_> {
        BodyReader { body: self, position: 0 }
    }

    /// All of them in memory.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn into_bytes(self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes),
            Self::File(_) => {
                let mut content = Vec::new();
                self.copy_to(&mut content)?;
                Ok(content.into())
            }
        }
    }
}

/// Reads bytes from a place of its own.
#[derive(Debug)]
pub struct BodyReader<'a> {
    body: &'a Body,
    position: u64,
}

impl io::Read for BodyReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.body {
            Body::Memory(bytes) => {
                let start = usize::try_from(self.position).unwrap_or(usize::MAX);
                bytes.get(start..).unwrap_or_default().read(buffer)?
            }
            Body::File(file) => file.read_at(buffer, self.position)?,
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl io::Seek for BodyReader<'_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let place = match to {
            io::SeekFrom::Start(place) => Some(place),
            io::SeekFrom::End(offset) => self.body.size().checked_add_signed(offset),
            io::SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// What has come.
#[derive(Debug)]
pub struct Received {
    /// The bytes.
    pub body: Body,
    /// Their digest.
    pub sha256: Sha256,
    /// Whether they are of more than one answer: then another digest than the right one may be nobody's lie.
    pub continued: bool,
}

/// Who is told of bytes; where these stop to come before their end, that nothing is to be relied on.
struct Told(Arc<Arrival>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// Who takes bytes as they come.
pub struct Receiver {
    /// So many may be held in memory.
    room: usize,
    make_file: MakeFile,
    digest: sha2::Sha256,
    memory: Vec<u8>,
    file: Option<Arc<File>>,
    told: Told,
    /// Bytes of the file that were in it before.
    before: u64,
    continued: bool,
}

impl Receiver {
    /// One that holds up to `room` bytes in memory, and asks for a file when there are more.
    pub fn new(
        room: usize,
        make_file: impl Fn(&Arc<Arrival>) -> io::Result<Option<File>> + Send + 'static,
    ) -> Self {
        let (digest, memory, file) = (sha2::Sha256::new(), Vec::new(), None);
        let make_file = Box::new(make_file);
        let told = Told(Arc::default());
        Self { room, make_file, digest, memory, file, told, before: 0, continued: false }
    }

    /// One that has a file already, in which the first `before` bytes may be.
    pub fn onto(file: File, before: u64) -> Self {
        Self { file: Some(Arc::new(file)), before, ..Self::new(0, |_| Ok(None)) }
    }

    /// How far bytes have come into the file, for who reads them there.
    pub fn arrival(&self) -> Arc<Arrival> {
        Arc::clone(&self.told.0)
    }

    /// Forgets what came: it comes again from its beginning.
    fn begin(&mut self) -> io::Result<()> {
        self.digest = sha2::Sha256::new();
        self.memory.clear();
        (self.before, self.continued) = (0, false);
        self.told.0.begin();
        if let Some(mut file) = self.file.as_deref() {
            file.set_len(0)?;
            file.rewind()?;
        }
        Ok(())
    }

    /// Hashes what was in the file before, after which the next bytes come: nobody waits for that once they do.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn catch_up(&mut self) -> io::Result<()> {
        let Some(mut file) = self.file.as_deref().filter(|_| self.before > 0) else {
            return Ok(());
        };
        file.rewind()?;
        let mut buffer = vec![0; BUFFER];
        while self.before > 0 {
            let most = buffer.len().min(usize::try_from(self.before).unwrap_or(usize::MAX));
            let count = file.read(&mut buffer[..most])?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.digest.update(&buffer[..count]);
            self.before -= count as u64;
            self.told.0.come(count as u64);
        }
        Ok(())
    }

    /// What was in the file before, of which nothing is missing.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn all_before(mut self) -> io::Result<Received> {
        self.catch_up()?;
        self.continued = true;
        Ok(self.finish())
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.digest.update(piece);
        if self.file.is_none() && self.memory.len() + piece.len() > self.room {
            self.file = (self.make_file)(&self.told.0)?.map(Arc::new);
            if let Some(mut file) = self.file.as_deref() {
                let held = std::mem::take(&mut self.memory);
                file.write_all(&held)?;
                self.told.0.come(held.len() as u64);
            }
        }
        if let Some(mut file) = self.file.as_deref() {
            file.write_all(piece)?;
            self.told.0.come(piece.len() as u64);
            return Ok(());
        }
        self.memory.extend_from_slice(piece);
        Ok(())
    }

    /// Takes all that is sent, on a thread that may wait for it and for the disk.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn take_all(mut self, mut pieces: mpsc::Receiver<Piece>) -> io::Result<Received> {
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Piece::Begin => self.begin()?,
                Piece::GoesOn => {
                    self.catch_up()?;
                    self.continued = true;
                }
                Piece::Data(bytes) => self.take(&bytes)?,
            }
        }
        Ok(self.finish())
    }

    /// What has come.
    pub fn finish(self) -> Received {
        let sha256 = Sha256(self.digest.finalize().into());
        self.told.0.end();
        let body = match self.file {
            Some(file) => Body::File(file),
            None => Body::Memory(self.memory.into()),
        };
        Received { body, sha256, continued: self.continued }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Cache;

    /// What is kept of pieces that came after an attempt that broke off.
    fn received(cache: Cache, pieces: &[&[u8]]) -> Received {
        let mut receiver = Receiver::new(ROOM, move |_| Ok(cache.nameless()));
        for _ in 0..2 {
            receiver.begin().unwrap();
            for piece in pieces {
                receiver.take(piece).unwrap();
            }
        }
        receiver.finish()
    }

    const ROOM: usize = 1 << 20;

    fn check_file(cache: Cache) {
        let piece = vec![7; ROOM / 2];
        let small = received(cache.clone(), &[&piece, &piece]);
        assert!(matches!(small.body, Body::Memory(bytes) if bytes.len() == ROOM));
        let large = received(cache, &[&piece, &piece, b"end"]);
        assert!(matches!(large.body, Body::File(_)));
        let all = [&piece[..], &piece, b"end"].concat();
        assert_eq!(large.sha256, Sha256::of(&all));
        assert_eq!(large.body.size(), all.len() as u64);
        assert!(large.body.into_bytes().unwrap() == all);
    }

    #[test]
    fn much_goes_to_a_file_without_a_name_and_little_stays_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("cache");
        check_file(Cache::new(Some(cache.clone())));
        assert_eq!(fs_err::read_dir(cache).unwrap().count(), 0, "nothing is left to be removed");
    }

    #[test]
    fn without_a_cache_or_where_it_cannot_be_made_it_goes_to_a_file_as_well() {
        check_file(Cache::new(None));
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("file"), "in the way").unwrap();
        check_file(Cache::new(Some(directory.path().join("file/cache"))));
    }

    #[test]
    fn where_the_disk_refuses_nothing_more_is_taken() {
        let mut receiver = Receiver::new(1, |_| Err(io::ErrorKind::StorageFull.into()));
        receiver.take(b"a").unwrap();
        assert_eq!(receiver.take(b"b").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
