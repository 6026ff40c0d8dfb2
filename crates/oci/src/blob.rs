//! Blobs: the bytes behind a descriptor, wherever they are. Owns that no bytes leave here that their digest does not
//! name.

use std::fs::File;
use std::io::{self, Write};
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
}

impl Content {
    /// Writes all of it.
    ///
    /// # Errors
    /// [`Error::Write`] if it cannot be read or written.
    pub(crate) fn copy_to(&self, to: &mut dyn Write) -> Result<(), Error> {
        let copied = match self {
            Self::Memory(bytes) => to.write_all(bytes),
            Self::File(file) => copy(file, 0, u64::MAX, to),
            Self::Part { file, begin, size } => copy(file, *begin, *size, to),
        };
        copied.map_err(Error::Write)
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

fn copy(file: &File, begin: u64, size: u64, to: &mut dyn Write) -> io::Result<()> {
    let (mut buffer, mut done) = (vec![0; BUFFER], 0);
    while done < size {
        let most = usize::try_from(size - done).map_or(BUFFER, |left| left.min(BUFFER));
        match file.read_at(&mut buffer[..most], begin + done) {
            Ok(0) => break,
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                done += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
