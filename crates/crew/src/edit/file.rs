//! One file that is edited: as it was read, and as it will be. Owns that nobody else's edit is lost.

use std::io;
use std::path::{Path, PathBuf};

use pyfast_packaging::edit::Edited;
use pyfast_root::regular_file;
use pyfast_root::whole_file::{self, Prepared};
use pyfast_settings::own_lock::is_lock;
use rustix::fs::Access;

use crate::error::Error;

/// A file that is edited.
pub(super) struct File {
    /// As the user names it.
    pub(super) shown: PathBuf,
    /// Absolute.
    pub(super) path: PathBuf,
    /// `None` where it was not there.
    before: Option<Vec<u8>>,
    pub(super) edited: Edited,
}

impl File {
    pub(super) fn open(shown: &Path, working: &Path) -> Result<Self, Error> {
        if is_lock(shown) {
            return Err(Error::EditsLock { path: shown.to_owned() });
        }
        let path = working.join(shown);
        let wrong = |source| Error::Edit { path: shown.to_owned(), source };
        let before = content(&path).map_err(wrong)?;
        let edited = Edited::new(shown, before.as_deref().unwrap_or_default())?;
        Ok(Self { shown: shown.to_owned(), path, before, edited })
    }

    /// What it had.
    pub(super) fn before(&self) -> &[u8] {
        self.before.as_deref().unwrap_or_default()
    }

    /// What it will have.
    pub(super) fn content(&self) -> Vec<u8> {
        self.edited.content()
    }

    /// Whether it states what is to be installed of its own project.
    pub(super) fn is_project(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == "pyproject.toml")
    }

    /// Whether it could be written, to know that before anything is done.
    pub(super) fn check_place(&self) -> Result<(), Error> {
        let target = self.target();
        let directory = target.parent().unwrap_or(Path::new("/"));
        rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK)
            .and_then(|()| match self.before {
                Some(_) => rustix::fs::access(&target, Access::WRITE_OK),
                None => Ok(()),
            })
            .map_err(|error| Error::Edit { path: self.shown.clone(), source: error.into() })
    }

    /// Writes it, where it is what was read.
    pub(super) fn write(&self) -> Result<(), Error> {
        let wrong = |source| Error::Edit { path: self.shown.clone(), source };
        if content(&self.path).map_err(wrong)? != self.before {
            return Err(Error::EditedMeanwhile { path: self.shown.clone() });
        }
        self.replace(&self.content()).map_err(wrong)
    }

    /// Puts back what was there, as far as that can be.
    pub(super) fn restore(&self) {
        if let Some(before) = &self.before {
            // The error that made it necessary is the one to report.
            let _ = self.replace(before);
        }
    }

    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let target = self.target();
        match target.symlink_metadata() {
            Ok(_) => Prepared::next(&target, content)?.put(),
            Err(_) => whole_file::replace(&target, content, 0o666),
        }
    }

    /// A link stays one.
    fn target(&self) -> PathBuf {
        fs_err::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    /// Whether it is to be another than it was.
    pub(super) fn changes(&self) -> bool {
        self.before.as_deref() != Some(&*self.content())
    }
}

fn content(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match regular_file::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use pyfast_packaging::edit::{List, Wanted};

    use super::*;

    fn edited(directory: &Path, name: &str) -> File {
        let mut file = File::open(Path::new(name), directory).expect(name);
        let wanted = Wanted::new("b>=1", directory).expect("a requirement");
        file.edited.add(&wanted, List::Dependencies).expect(name);
        file
    }

    #[test]
    fn a_link_stays_one_and_permissions_stay() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().join("real.txt");
        fs_err::write(&real, "a\n").unwrap();
        // No usual mask lets others write.
        fs_err::set_permissions(&real, std::fs::Permissions::from_mode(0o666)).unwrap();
        symlink("real.txt", directory.path().join("r.txt")).unwrap();
        edited(directory.path(), "r.txt").write().unwrap();
        assert_eq!(fs_err::read_to_string(&real).unwrap(), "a\nb>=1\n");
        assert_eq!(fs_err::metadata(&real).unwrap().permissions().mode() & 0o777, 0o666);
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("r.txt");
        fs_err::write(&path, "a\n").unwrap();
        let file = edited(directory.path(), "r.txt");
        fs_err::write(&path, "c\n").unwrap();
        assert!(matches!(file.write(), Err(Error::EditedMeanwhile { .. })));
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "c\n");
        let file = edited(directory.path(), "new.txt");
        fs_err::write(directory.path().join("new.txt"), "").unwrap();
        assert!(matches!(file.write(), Err(Error::EditedMeanwhile { .. })));
    }

    #[test]
    fn locks_and_what_is_no_file_are_not_edited() {
        let directory = tempfile::tempdir().unwrap();
        let refused = |name: &str| File::open(Path::new(name), directory.path()).err();
        assert!(matches!(refused("pylock.dev.toml"), Some(Error::EditsLock { .. })));
        fs_err::create_dir(directory.path().join("d.txt")).unwrap();
        assert!(matches!(refused("d.txt"), Some(Error::Edit { .. })));
    }
}
