//! Files outside of any root that are replaced whole: locks beside requirements, the user's own
//! memory. Their directory may be somebody else's, so the name of what is written aside cannot be
//! foreseen, and what has that name already is never opened.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::random::random_name;

/// Replaces the file at `path`, or the link if there is one: readers see the old content or the new.
/// `mode` is what the process's mask may take permissions from.
///
/// # Errors
/// If the directory cannot be written; the old file stands then, and nothing is left beside it.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
    let name = format!(".{}-{}", name.to_string_lossy(), random_name()?);
    let temporary = path.with_file_name(name);
    // O_EXCL follows no link and opens nothing that is there.
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(&temporary)?;
    let replaced = file
        .write_all(content)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs_err::rename(&temporary, path));
    replaced.inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs_err::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        replace(&path, b"one", 0o644).unwrap();
        replace(&path, b"two", 0o600).unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"two");
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays() {
        let directory = tempfile::tempdir().unwrap();
        let (victim, link) = (directory.path().join("victim"), directory.path().join("link"));
        fs_err::write(&victim, "kept").unwrap();
        symlink(&victim, &link).unwrap();
        replace(&link, b"new", 0o644).unwrap();
        assert_eq!(fs_err::read(&victim).unwrap(), b"kept");
        assert_eq!(fs_err::read(&link).unwrap(), b"new");
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        fs_err::create_dir(directory.path().join("taken")).unwrap();
        assert!(replace(&directory.path().join("taken"), b"new", 0o644).is_err());
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
    }
}
