//! An archive in a file that is mapped instead of read, of which no more stays in memory than is being worked on.

use std::fs::File;
use std::io;
use std::ops::Range;

use memmap2::{Mmap, UncheckedAdvice};
use pyfast_packaging::hash::Sha256;
use sha2::Digest as _;

/// A multiple of every page size.
const PAGES: usize = 64 << 10;
/// So much is hashed before it is let go of.
const HASHED: usize = 4 << 20;

/// A mapped file.
#[derive(Debug)]
pub(crate) struct Mapped(Mmap);

impl Mapped {
    /// Maps a file that nobody is to change while it is. What is read of it later is not hashed again.
    pub(crate) fn open(file: &File) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "a wheel of gigabytes must not be read into memory")]
        // SAFETY: the map is only read. Files of downloads have no name, or are the user's own in the cache and locked;
        // who changes one regardless of that is a process of the same user, which could change this process, too.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self(map))
    }

    /// All bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The digest of all bytes, of which no more than a few MiB are in memory at once.
    pub(crate) fn digest(&self) -> Sha256 {
        let mut digest = sha2::Sha256::new();
        let mut begin = 0;
        for part in self.0.chunks(HASHED) {
            digest.update(part);
            self.spent(begin..begin + part.len());
            begin += part.len();
        }
        Sha256(digest.finalize().into())
    }

    /// Lets go of what was worked on; whoever reads it again gets it from the file again.
    pub(crate) fn spent(&self, range: Range<usize>) {
        let begin = range.start / PAGES * PAGES;
        let end = range.end.next_multiple_of(PAGES).min(self.0.len());
        if begin >= end {
            return;
        }
        #[expect(unsafe_code, reason = "pages of a mapped file count as this process's memory")]
        // SAFETY: the map is of a file and was never written to, so what is dropped here is what the file has.
        let dropped =
            unsafe { self.0.unchecked_advise_range(UncheckedAdvice::DontNeed, begin, end - begin) };
        // Where the system does not want to, they merely stay for longer.
        drop(dropped);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_was_let_go_of_is_still_what_the_file_has() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        file.write_all(&content).unwrap();
        let mapped = Mapped::open(&file).unwrap();
        assert!(mapped.bytes() == content);
        assert_eq!(mapped.digest(), Sha256::of(&content));
        for range in [0..0, 5..7, 70_000..200_000, 0..content.len(), 299_999..300_000] {
            mapped.spent(range);
            assert!(mapped.bytes() == content);
        }
    }
}
