//! Whether two files of a file system can share their blocks. Leaves nothing behind.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Whether the file system that a directory is on, or would be if it were made, lets two files share their
/// blocks until one of them is written. Where nobody may write, nothing is shared.
pub fn shares_blocks(directory: &Path) -> bool {
    let Some(directory) = directory.ancestors().find(|place| place.is_dir()) else { return false };
    // Files without a name: whatever happens, there is nothing to remove.
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let nameless = || rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR).map(File::from);
    let (Ok(mut one), Ok(other)) = (nameless(), nameless()) else { return false };
    one.write_all(b"shared").is_ok() && rustix::fs::ioctl_ficlone(&other, &one).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_asked_and_nothing_is_left_there() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("not/made/yet");
        assert_eq!(shares_blocks(&missing), shares_blocks(directory.path()));
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 0);
        assert!(!shares_blocks(Path::new("/proc")), "where no file can be made");
    }
}
