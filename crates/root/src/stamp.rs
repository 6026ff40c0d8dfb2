//! Whether a file has changed, without reading it. Owns what is compared and when that may be believed;
//! must not know what the files are for, nor where the memory of them is kept.

use std::fmt;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use serde::{Deserialize, Serialize};

/// Clocks of file systems tick coarsely: a file that changed this shortly before it was looked at may
/// change again without another time.
const GRANULARITY_NS: i64 = 100_000_000;

/// What the file system says of a file that links have led to.
///
/// Sizes and times of contents are whatever a program sets: archives, image layers and reproducible
/// checkouts give every file the same. The time of the last change of the *file* and its inode are the
/// kernel's own, so another file under the name, or a link that leads elsewhere, shows in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stamp {
    size: u64,
    modified_ns: i64,
    changed_ns: i64,
    inode: u64,
    device: u64,
}

impl Stamp {
    /// That of the running program, where what is kept holds for no other one.
    ///
    /// # Errors
    /// If its file cannot be looked at.
    pub fn of_program() -> io::Result<Self> {
        Ok(Self::of(&fs_err::metadata(std::env::current_exe()?)?))
    }

    /// The stamp that these facts are.
    pub fn of(facts: &Metadata) -> Self {
        Self {
            size: facts.size(),
            modified_ns: nanoseconds(facts.mtime(), facts.mtime_nsec()),
            changed_ns: nanoseconds(facts.ctime(), facts.ctime_nsec()),
            inode: facts.ino(),
            device: facts.dev(),
        }
    }

    /// Whether an equal stamp means equal content: the file had been left alone for a while at `seen_ns`
    /// (nanoseconds since 1970), when its content was read.
    pub fn is_settled(&self, seen_ns: i64) -> bool {
        self.changed_ns.saturating_add(GRANULARITY_NS) < seen_ns
    }

    /// When the file was last changed in any way, in nanoseconds since 1970.
    pub fn changed_ns(&self) -> i64 {
        self.changed_ns
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, modified_ns, changed_ns, inode, device } = self;
        write!(f, "{size} {modified_ns} {changed_ns} {inode} {device}")
    }
}

/// Times beyond the year 2262 are all the same.
fn nanoseconds(seconds: i64, beyond: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(beyond)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::Path;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use super::*;

    fn stamp(path: &Path) -> Stamp {
        Stamp::of(&fs_err::metadata(path).unwrap())
    }

    /// Every file the same time, as archives and image layers have it.
    fn write(path: &Path, text: &str) {
        fs_err::write(path, text).unwrap();
        let file = fs_err::File::options().write(true).open(path).unwrap();
        file.file().set_modified(UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn a_change_shows_whatever_size_and_time_say() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        for (folder, text) in [("one", "a==1"), ("two", "a==2")] {
            fs_err::create_dir(place(folder)).unwrap();
            write(&place(folder).join("r.txt"), text);
        }
        symlink("one", place("current")).unwrap();
        let through = place("current/r.txt");
        let before = stamp(&through);
        assert_eq!(stamp(&place("one/r.txt")), before);
        fs_err::remove_file(place("current")).unwrap();
        symlink("two", place("current")).unwrap();
        assert_ne!(stamp(&through), before, "a directory above leads elsewhere");

        let before = stamp(&through);
        std::thread::sleep(Duration::from_millis(20));
        write(&through, "a==3");
        assert_ne!(stamp(&through), before, "the same size and time");
    }

    #[test]
    fn what_has_just_changed_may_change_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("r.txt");
        write(&file, "a");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_nanos()).unwrap();
        assert!(!stamp(&file).is_settled(now), "its old time of content means nothing");
        assert!(stamp(&file).is_settled(now + 1_000_000_000));
    }
}
