//! Files of JSON in the user's data directory. Owns how they are read and written; must not know what is in one.

use std::io;
use std::path::Path;

use pyfast_root::{regular_file, whole_file};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is kept; nothing where there is none, or none that can be read.
pub fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&regular_file::read(file).ok()?).ok()
}

/// Keeps it, for the user alone, whole or not at all. What is there already is not written again.
///
/// # Errors
/// If the disk refuses.
pub fn write(file: &Path, what: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_vec(what)?;
    if regular_file::read(file).is_ok_and(|known| known == text) {
        return Ok(());
    }
    if let Some(directory) = file.parent() {
        fs_err::create_dir_all(directory)?;
    }
    whole_file::replace(file, &text, 0o600)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn what_is_kept_already_is_not_written_again() {
        let room = tempfile::tempdir().unwrap();
        let file = room.path().join("of/nobody.json");
        let inode = |what: &[&str]| {
            write(&file, &what).unwrap();
            assert_eq!(read::<Vec<String>>(&file).unwrap(), what);
            fs_err::metadata(&file).unwrap().ino()
        };
        let first = inode(&["one"]);
        assert_eq!(inode(&["one"]), first);
        assert_ne!(inode(&["two"]), first);
    }
}
