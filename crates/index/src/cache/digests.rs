//! Digests of files of this machine, so that a directory of wheels is not read whole at every resolution. Owns when a
//! digest is believed; must not know what the files are.
//!
//! An entry is believed while device, inode, size and both times of the file are those of when it was read, and if
//! the file was settled then: a change in the same tick of the clock would leave the times as they were.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pyfast_packaging::hash::Sha256;
use sha2::Digest as _;

use super::{Cache, private};
use crate::error::Error;

const DIGESTS: &str = "digests-1";
/// Seconds after which a file's times tell of a change: the coarsest clock of a file system in use, FAT's.
const TICK: i64 = 2;

/// The SHA-256 of a file.
///
/// # Errors
/// [`ReadWheel`](Error::ReadWheel).
pub fn file_digest(path: &Path) -> Result<Sha256, Error> {
    Cache::default().file_digest(path)
}

impl Cache {
    /// The SHA-256 of a file: as it was when the file was read last, where it is the same file.
    ///
    /// # Errors
    /// [`ReadWheel`](Error::ReadWheel).
    pub fn file_digest(&self, path: &Path) -> Result<Sha256, Error> {
        let fail = |source| Error::ReadWheel { path: path.to_owned(), source };
        let mut file = pyfast_root::regular_file::open(path).map_err(fail)?;
        let before = file.metadata().map_err(fail)?;
        let entry = self.digest_path(path);
        if let Some(known) = entry.as_deref().and_then(|entry| recall(entry, &before)) {
            return Ok(known);
        }
        let digest = hash(&mut file).map_err(fail)?;
        let after = file.metadata().map_err(fail)?;
        if let Some(entry) = entry
            && identity(&before) == identity(&after)
        {
            self.write(&entry, &[format!("{} {digest}\n", identity(&after)).as_bytes()]);
        }
        Ok(digest)
    }

    fn digest_path(&self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        let name = Sha256::of(path.as_os_str().as_bytes()).to_string();
        Some(self.below(DIGESTS)?.join(name))
    }
}

/// The digest that an entry has of a file.
fn recall(entry: &Path, file: &Metadata) -> Option<Sha256> {
    let (text, facts) = private::read_with_facts(entry).ok()?;
    if facts.mtime() <= file.ctime().max(file.mtime()).saturating_add(TICK) {
        return None;
    }
    let text = String::from_utf8(text).ok()?;
    let (known, digest) = text.strip_suffix('\n')?.rsplit_once(' ')?;
    (known == identity(file)).then(|| digest.parse().ok())?
}

/// What of a file changes with its content.
fn identity(file: &Metadata) -> String {
    let times = [(file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec())];
    let [modified, changed] =
        times.map(|(seconds, nanoseconds)| format!("{seconds}.{nanoseconds:09}"));
    format!("{} {} {} {modified} {changed}", file.dev(), file.ino(), file.len())
}

fn hash(file: &mut File) -> io::Result<Sha256> {
    let mut hasher = sha2::Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(Sha256(hasher.finalize().into()));
        }
        hasher.update(&buffer[..count]);
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;
    use std::time::{Duration, SystemTime};

    use super::*;

    fn touch(file: &Path, modified: SystemTime) {
        File::options().write(true).open(file).unwrap().set_modified(modified).unwrap();
    }

    /// A cache with a file beside it that has not been touched for an hour; and its entry, which claims another digest.
    fn planted(directory: &Path, claim: Sha256) -> (Cache, PathBuf) {
        let (cache, wheel) = (Cache::new(Some(directory.join("cache"))), directory.join("a.whl"));
        fs::write(&wheel, "content").unwrap();
        assert_eq!(cache.file_digest(&wheel).unwrap(), Sha256::of(b"content"));
        let entry = cache.digest_path(&wheel).unwrap();
        let text = format!("{} {claim}\n", identity(&fs::metadata(&wheel).unwrap()));
        fs::write(&entry, text).unwrap();
        // The change of the file cannot be put into the past, but the reading into the future.
        let later = SystemTime::now() + Duration::from_hours(1);
        touch(&entry, later);
        (cache, wheel)
    }

    #[test]
    fn a_file_that_stayed_as_it_was_is_not_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, wheel) = planted(directory.path(), Sha256([7; 32]));
        assert_eq!(cache.file_digest(&wheel).unwrap(), Sha256([7; 32]));
        assert_eq!(file_digest(&wheel).unwrap(), Sha256::of(b"content"), "without a cache it is");
    }

    #[test]
    fn one_that_was_changed_is() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, wheel) = planted(directory.path(), Sha256([7; 32]));
        let modified = fs::metadata(&wheel).unwrap().modified().unwrap();
        // The same size and time of modification, as a careless or a hostile copy has them.
        fs::write(&wheel, "CONTENT").unwrap();
        touch(&wheel, modified);
        assert_eq!(cache.file_digest(&wheel).unwrap(), Sha256::of(b"CONTENT"));
    }

    #[test]
    fn one_that_was_read_while_its_clock_ticked_is() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, wheel) = planted(directory.path(), Sha256([7; 32]));
        let entry = cache.digest_path(&wheel).unwrap();
        let changed = fs::metadata(&wheel).unwrap().modified().unwrap();
        touch(&entry, changed);
        assert_eq!(cache.file_digest(&wheel).unwrap(), Sha256::of(b"content"));
    }

    #[test]
    fn an_entry_that_is_none_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let (cache, wheel) = planted(directory.path(), Sha256([7; 32]));
        let entry = cache.digest_path(&wheel).unwrap();
        for text in [&b""[..], b"\xff\n", b"1 2 3\n", b" \n"] {
            fs::write(&entry, text).unwrap();
            let later = SystemTime::now() + Duration::from_hours(1);
            touch(&entry, later);
            assert_eq!(cache.file_digest(&wheel).unwrap(), Sha256::of(b"content"));
        }
    }
}
