//! Files outside of any root that are replaced whole: locks beside requirements, the user's own
//! memory. Their directory may be somebody else's, so the name of what is written aside cannot be
//! foreseen, and what has that name already is never opened.

use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::random::random_name;

/// Replaces the file at `path`, or the link if there is one: readers see the old content or the new.
/// `mode` is what the process's mask may take permissions from.
///
/// # Errors
/// If the directory cannot be written; the old file stands then, and nothing is left beside it.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    Prepared::new(path, content, mode)?.put()
}

/// What is to be a file's content, written beside it: what could fail has been done. Dropped, it is removed.
#[derive(Debug)]
pub struct Prepared {
    temporary: PathBuf,
    path: PathBuf,
}

impl Prepared {
    /// The next content of a file that is there, with the permissions of now, and, as far as the user may give files
    /// away, its owner.
    ///
    /// # Errors
    /// If the file or its directory cannot be written, or there is none.
    pub fn next(path: &Path, content: &[u8]) -> io::Result<Self> {
        // Whoever may write the directory could replace what is not theirs to write. A program that is opened for that
        // cannot be started meanwhile.
        accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)?;
        let facts = fs_err::metadata(path)?;
        let prepared = Self::new(path, content, 0o600)?;
        // An ordinary user may give a file to a group of theirs, and to nobody.
        if chown(&prepared.temporary, Some(facts.uid()), Some(facts.gid())).is_err() {
            let _ = chown(&prepared.temporary, None, Some(facts.gid()));
        }
        fs_err::set_permissions(&prepared.temporary, facts.permissions())?;
        Ok(prepared)
    }

    fn new(path: &Path, content: &[u8], mode: u32) -> io::Result<Self> {
        let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::IsADirectory))?;
        let name = format!(".{}-{}", name.to_string_lossy(), random_name()?);
        let (temporary, path) = (path.with_file_name(name), path.to_owned());
        // O_EXCL follows no link and opens nothing that is there.
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&temporary)?;
        let prepared = Self { temporary, path };
        file.write_all(content)?;
        file.sync_all()?;
        Ok(prepared)
    }

    /// Makes it the file's content.
    ///
    /// # Errors
    /// If it cannot be moved there; the old file stands then.
    pub fn put(self) -> io::Result<()> {
        fs_err::rename(&self.temporary, &self.path)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // It is gone where it was put.
        let _ = fs_err::remove_file(&self.temporary);
    }
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
    fn the_next_content_has_the_permissions_and_is_gone_unless_it_is_put() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs_err::write(&path, "one").unwrap();
        // No usual mask lets others write.
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        drop(Prepared::next(&path, b"two").unwrap());
        assert_eq!(fs_err::read(&path).unwrap(), b"one");
        Prepared::next(&path, b"two").unwrap().put().unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), b"two");
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o666);
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
        assert!(Prepared::next(&directory.path().join("absent"), b"two").is_err());
    }

    #[test]
    fn the_next_content_has_the_owner_where_one_may_say_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs_err::write(&path, "one").unwrap();
        let owner = |path: &Path| fs_err::metadata(path).map(|facts| (facts.uid(), facts.gid()));
        // Only root may give it away; for others it stays theirs.
        let _ = chown(&path, Some(1234), Some(1234));
        let before = owner(&path).unwrap();
        Prepared::next(&path, b"two").unwrap().put().unwrap();
        assert_eq!(owner(&path).unwrap(), before);
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_file_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        fs_err::create_dir(directory.path().join("taken")).unwrap();
        assert!(replace(&directory.path().join("taken"), b"new", 0o644).is_err());
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
    }
}
