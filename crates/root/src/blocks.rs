//! Whether two files of a file system can share their blocks. Leaves nothing behind.

use std::io::{self, Write as _};
use std::path::Path;

use crate::dir::Dir;

/// Whether the file system that a directory is on, or would be if it were made, lets two files share their
/// blocks until one of them is written. Where nobody may write, nothing is shared.
pub fn shares_blocks(directory: &Path) -> bool {
    let Some(directory) = directory.ancestors().find(|place| place.is_dir()) else { return false };
    share_blocks(directory).is_ok()
}

/// Has two files of a directory share their blocks.
///
/// # Errors
/// If they cannot, or nothing can be made in it.
pub(crate) fn share_blocks(directory: &Path) -> io::Result<()> {
    let directory = Dir::open_named(directory)?;
    // Whatever happens, there is nothing to remove.
    let (mut one, other) = (directory.nameless()?, directory.nameless()?);
    one.write_all(b"shared")?;
    Ok(rustix::fs::ioctl_ficlone(&other, &one)?)
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
