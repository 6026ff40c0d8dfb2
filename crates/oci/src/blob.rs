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
        match &self.content {
            Content::Memory(bytes) => to.write_all(bytes).map_err(Error::Write)?,
            Content::File(file) => copy(file, &mut to).map_err(Error::Write)?,
        }
        let (_, found, _) = to.finish();
        let expected = self.descriptor.digest;
        if found == expected { Ok(()) } else { Err(Error::Altered { expected, found }) }
    }
}

fn copy(file: &File, to: &mut impl Write) -> io::Result<()> {
    let (mut buffer, mut at) = (vec![0; BUFFER], 0);
    loop {
        match file.read_at(&mut buffer, at) {
            Ok(0) => return Ok(()),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
