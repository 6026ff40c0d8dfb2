//! What has come of a large file when its sender or this process broke off, so that the next attempt goes on with it. Owns
//! who is at such a file, and how many are kept; must not know what the files are. Nothing of one is believed: who goes on
//! with it checks the digest of all.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pyfast_packaging::hash::Sha256;
use rustix::fs::{Mode, OFlags};

use super::private::{Private, own};

/// Bytes of files that nobody is at; the oldest go first.
const KEPT: u64 = 8 << 30;

/// A file that is not whole, which no other process is at meanwhile.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
    size: u64,
}

impl Partial {
    /// Opens the file of a digest; `None` where another process is at it.
    pub(super) fn begun(
        cache: &Private,
        folder: &str,
        expected: &Sha256,
    ) -> io::Result<Option<Self>> {
        Self::open(&cache.path.join(folder), expected, OFlags::empty())
    }

    /// Makes the file of a digest where there is none, and removes what is too much of others.
    pub(super) fn begin(
        cache: &Private,
        folder: &str,
        expected: &Sha256,
    ) -> io::Result<Option<Self>> {
        let folder = cache.path.join(folder);
        cache.make(&folder)?;
        // Nothing is removed by way of a link that was planted.
        own(&folder)?;
        sweep(&folder, KEPT);
        let partial = Self::open(&folder, expected, OFlags::CREATE)?;
        partial
            .map(|partial| partial.file.set_len(0).map(|()| Self { size: 0, ..partial }))
            .transpose()
    }

    fn open(folder: &Path, expected: &Sha256, if_missing: OFlags) -> io::Result<Option<Self>> {
        // What was planted is not gone on with.
        own(folder)?;
        let path = folder.join(expected.to_string());
        let Some(file) = locked(&path, if_missing)? else { return Ok(None) };
        let found = file.metadata()?;
        // Its name may be gone since it was opened, with whoever was at it.
        let named = fs_err::symlink_metadata(&path).is_ok_and(|named| is_same(&named, &found));
        Ok((named && is_ours(&found)).then_some(Self { file, path, size: found.len() }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes of it have come.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The file itself. Whoever holds it keeps others away from it.
    ///
    /// # Errors
    /// If the process may open no more files.
    pub fn file(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    /// Takes its name away: it is whole, or of no use.
    pub fn discard(self) {
        // What cannot be removed is gone on with, checked, and removed another time.
        let _ = fs_err::remove_file(self.path);
    }
}

/// Opens a file and keeps others away from it; `None` where one is at it.
fn locked(path: &Path, if_missing: OFlags) -> io::Result<Option<File>> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags | if_missing, Mode::RUSR | Mode::WUSR)?;
    let file = File::from(file);
    Ok(file.try_lock().is_ok().then_some(file))
}

/// Whether nobody else can change a file, or has it by another name.
fn is_ours(found: &Metadata) -> bool {
    found.is_file()
        && found.nlink() == 1
        && found.uid() == rustix::process::geteuid().as_raw()
        && !Mode::from_raw_mode(found.mode()).intersects(Mode::RWXG | Mode::RWXO)
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Removes the oldest files that nobody is at, until these have no more than `most` bytes.
fn sweep(folder: &Path, most: u64) {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.parse::<Sha256>().is_ok())
    });
    let mut kept: Vec<(Metadata, PathBuf)> = ours
        .filter_map(|entry| Some((entry.metadata().ok().filter(is_ours)?, entry.path())))
        .collect();
    kept.sort_by_key(|(metadata, _)| (metadata.mtime(), metadata.mtime_nsec()));
    let mut total: u64 = kept.iter().map(|(metadata, _)| metadata.len()).sum();
    for (metadata, path) in &kept {
        if total <= most {
            break;
        }
        total -= metadata.len();
        // Others are kept away from this one alone: who is turned away begins anew.
        if let Ok(Some(_idle)) = locked(path, OFlags::empty()) {
            let _ = fs_err::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::cache::{Cache, PARTIAL};

    const DIGEST: Sha256 = Sha256([7; 32]);

    fn place(cache: &Path) -> PathBuf {
        cache.join(PARTIAL).join(DIGEST.to_string())
    }

    /// A cache in which three bytes of the file have come.
    fn begun() -> (tempfile::TempDir, Cache) {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(directory.path().to_owned()));
        assert!(cache.begun(&DIGEST).is_none());
        let partial = cache.begin(&DIGEST).unwrap();
        assert_eq!(partial.size(), 0);
        partial.file().unwrap().write_all(b"abc").unwrap();
        (directory, cache)
    }

    #[test]
    fn what_has_come_is_found_again_until_it_is_discarded() {
        let (directory, cache) = begun();
        let partial = cache.begun(&DIGEST).unwrap();
        assert_eq!(partial.size(), 3);
        partial.discard();
        assert!(!place(directory.path()).exists());
        assert!(cache.begun(&DIGEST).is_none());
        assert!(Cache::new(None).begin(&DIGEST).is_none());
    }

    #[test]
    fn one_at_a_time_is_at_it_and_nobody_at_one_without_a_name() {
        let (directory, cache) = begun();
        let first = cache.begun(&DIGEST).unwrap();
        let file = first.file().unwrap();
        assert!(cache.begin(&DIGEST).is_none());
        drop(first);
        assert!(cache.begin(&DIGEST).is_none(), "the file itself is held");
        drop(file);
        let first = cache.begun(&DIGEST).unwrap();
        let late = fs_err::File::open(place(directory.path())).unwrap();
        first.discard();
        assert_eq!(late.file().metadata().unwrap().nlink(), 0);
        assert_eq!(cache.begin(&DIGEST).unwrap().size(), 0, "another file");
    }

    #[test]
    fn what_was_planted_is_not_gone_on_with() {
        let check = |plant: &dyn Fn(&Path, &Path)| {
            let (directory, cache) = begun();
            let (place, other) = (place(directory.path()), directory.path().join("other"));
            plant(&place, &other);
            assert!(cache.begin(&DIGEST).is_none());
        };
        check(&|place, other| {
            fs_err::rename(place, other).unwrap();
            symlink(other, place).unwrap();
        });
        check(&|place, other| fs_err::hard_link(place, other).unwrap());
        check(&|place, _| {
            fs_err::set_permissions(place, std::fs::Permissions::from_mode(0o622)).unwrap();
        });
        check(&|place, _| {
            fs_err::remove_file(place).unwrap();
            fs_err::create_dir(place).unwrap();
        });
        check(&|place, _| {
            fs_err::remove_file(place).unwrap();
            let mode = Mode::from_raw_mode(0o600);
            rustix::fs::mknodat(rustix::fs::CWD, place, rustix::fs::FileType::Fifo, mode, 0)
                .unwrap();
        });
        check(&|place, other| {
            let folder = place.parent().unwrap();
            fs_err::rename(folder, other).unwrap();
            symlink(other, folder).unwrap();
        });
    }

    #[test]
    fn nothing_is_removed_by_way_of_a_link_nor_what_has_another_name() {
        let (directory, cache) = begun();
        let folder = directory.path().join(PARTIAL);
        let large = |name: &str| {
            let path = folder.join(name);
            fs_err::write(&path, "").unwrap();
            fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            fs_err::OpenOptions::new().write(true).open(&path).unwrap().set_len(KEPT + 1).unwrap();
        };
        large("disk.img");
        large(&Sha256([9; 32]).to_string());
        let other = directory.path().join("other");
        fs_err::rename(&folder, &other).unwrap();
        symlink(&other, &folder).unwrap();
        assert!(cache.begin(&DIGEST).is_none());
        assert_eq!(fs_err::read_dir(&other).unwrap().count(), 3);
        fs_err::remove_file(&folder).unwrap();
        fs_err::rename(&other, &folder).unwrap();
        assert!(cache.begin(&DIGEST).is_some());
        assert!(folder.join("disk.img").exists());
        assert!(!folder.join(Sha256([9; 32]).to_string()).exists());
    }

    #[test]
    fn the_oldest_go_that_nobody_is_at() {
        let (directory, cache) = begun();
        let folder = directory.path().join(PARTIAL);
        let of = |number: u8| {
            let partial = cache.begin(&Sha256([number; 32])).unwrap();
            partial.file().unwrap().write_all(b"abc").unwrap();
            partial
        };
        let busy = of(1);
        for number in [2, 3] {
            // Later by any clock of a file system.
            let file = of(number).file().unwrap();
            let later =
                std::time::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(number) << 31);
            file.set_modified(later).unwrap();
        }
        sweep(&folder, 3);
        let mut left: Vec<String> = fs_err::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let expected = [1, 3].map(|number| Sha256([number; 32]).to_string());
        assert_eq!(left, expected);
        drop(busy);
    }
}
