//! Digests of bytes, of the kinds that indexes give. What they are compared with, others know.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use pyfast_packaging::hash::{Digest, OtherDigest, OtherKind, Sha256};
use sha2::Digest as _;

use crate::error::Error;

/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// The digest of bytes in memory.
pub fn of_bytes(kind: OtherKind, bytes: &[u8]) -> OtherDigest {
    let mut hasher = Hasher::new(kind);
    hasher.update(bytes);
    hasher.finish()
}

/// The digest of a file, from its beginning.
///
/// # Errors
/// If it cannot be read.
pub fn of_file(kind: OtherKind, file: &File) -> io::Result<OtherDigest> {
    let mut hasher = Hasher::new(kind);
    let mut buffer = vec![0; BUFFER];
    let mut at = 0;
    loop {
        match file.read_at(&mut buffer, at)? {
            0 => return Ok(hasher.finish()),
            count => {
                hasher.update(&buffer[..count]);
                at += count as u64;
            }
        }
    }
}

/// Computes a digest of bytes as they come.
pub(crate) enum Hasher {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    pub(crate) fn new(kind: OtherKind) -> Self {
        match kind {
            OtherKind::Md5 => Self::Md5(md5::Md5::new()),
            OtherKind::Sha1 => Self::Sha1(sha1::Sha1::new()),
            OtherKind::Sha384 => Self::Sha384(sha2::Sha384::new()),
            OtherKind::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> OtherDigest {
        match self {
            Self::Md5(hasher) => OtherDigest::of_bytes(OtherKind::Md5, &hasher.finalize()),
            Self::Sha1(hasher) => OtherDigest::of_bytes(OtherKind::Sha1, &hasher.finalize()),
            Self::Sha384(hasher) => OtherDigest::of_bytes(OtherKind::Sha384, &hasher.finalize()),
            Self::Sha512(hasher) => OtherDigest::of_bytes(OtherKind::Sha512, &hasher.finalize()),
        }
    }
}

/// Refuses a file whose digest is another. Where its SHA-256 does not answer, `other` computes what does.
///
/// # Errors
/// [`Error::HashMismatch`], and what `other` fails with.
pub fn check(
    filename: &str,
    expected: &Digest,
    sha256: Sha256,
    other: impl FnOnce(OtherKind) -> Result<OtherDigest, Error>,
) -> Result<(), Error> {
    let found = match expected {
        Digest::Sha256(_) => Digest::Sha256(sha256),
        Digest::Other(digest) => Digest::Other(other(digest.kind())?),
    };
    same(filename, expected, &found)
}

/// Refuses a file whose digest is another.
pub(crate) fn same<D: PartialEq + std::fmt::Display>(
    filename: &str,
    expected: &D,
    found: &D,
) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let (wheel, expected) = (filename.to_owned(), expected.to_string());
    Err(Error::HashMismatch { wheel, expected, found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_everybody_computes() {
        for (kind, expected) in [
            (OtherKind::Md5, "md5:900150983cd24fb0d6963f7d28e17f72"),
            (OtherKind::Sha1, "sha1:a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                OtherKind::Sha384,
                "sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed\
                 8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                OtherKind::Sha512,
                "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                 2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
        ] {
            assert_eq!(of_bytes(kind, b"abc").to_string(), expected);
        }
    }

    #[test]
    fn a_file_has_the_digest_of_its_bytes() {
        let bytes = vec![7; BUFFER * 2 + 1];
        let mut file = tempfile::tempfile().expect("a file");
        io::Write::write_all(&mut file, &bytes).expect("written");
        let of_file = of_file(OtherKind::Sha512, &file).expect("read");
        assert_eq!(of_file, of_bytes(OtherKind::Sha512, &bytes));
    }
}
