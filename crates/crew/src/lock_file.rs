//! Reading and replacing lock files. Owns where a link at a lock may lead; must not know what a lock says.

use std::path::{Path, PathBuf};

use pyfast_root::{regular_file, whole_file};

use crate::error::Error;

/// Who chose the place of a file that is written.
#[derive(Debug, Clone, Copy)]
pub enum ChosenBy<'a> {
    /// The user named it: whatever it leads to is meant.
    User,
    /// It lies where a lock of the project in this directory belongs. Somebody else may have put a link there.
    Project(&'a Path),
}

/// What a file has. Of a pipe or a terminal nothing is read: that would wait for what nobody writes.
pub fn known(path: &Path) -> Option<String> {
    regular_file::read_text(path).ok()
}

/// Writes a lock whole or not at all; the same content leaves the file alone. A link stays one, and
/// what is no file, such as a device or a pipe, is written to and never replaced: where the user named it.
///
/// # Errors
/// [`Error::WriteLock`].
pub fn write(path: &Path, text: &str, chosen: ChosenBy<'_>) -> Result<(), Error> {
    if known(path).is_some_and(|known| known == text) {
        return Ok(());
    }
    let target = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let is_file = fs_err::metadata(&target).map_or(true, |facts| facts.is_file());
    let written = match chosen {
        ChosenBy::User if !is_file => fs_err::write(path, text),
        ChosenBy::Project(_) if !is_file => return Err(refused(path, "it is no regular file")),
        ChosenBy::Project(project) if !is_within(&target, path, project) => {
            let reason = format!("it leads to `{}`, outside of the project", target.display());
            return Err(refused(path, &reason));
        }
        _ => whole_file::replace(&target, text.as_bytes(), 0o666),
    };
    written.map_err(|error| Error::WriteLock {
        path: path.to_owned(),
        reason: error.to_string(),
        refused: false,
    })
}

/// Whether what a lock's path leads to lies below the project or where the lock itself lies.
fn is_within(target: &Path, path: &Path, project: &Path) -> bool {
    let real = |directory: &Path| fs_err::canonicalize(directory).ok();
    let beside = path.parent().and_then(real);
    let below: Option<PathBuf> = real(project);
    // Without a link there is nothing to follow.
    !fs_err::symlink_metadata(path).is_ok_and(|facts| facts.is_symlink())
        || below.is_some_and(|project| target.starts_with(project))
        || beside.is_some_and(|directory| target.parent() == Some(&directory))
}

fn refused(path: &Path, reason: &str) -> Error {
    Error::WriteLock { path: path.to_owned(), reason: reason.to_owned(), refused: true }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_of_the_project_stays_one_and_leads_below_it() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        fs_err::create_dir_all(place("project/deep")).unwrap();
        for name in ["outside", "project/deep/lock"] {
            fs_err::write(place(name), "old").unwrap();
        }
        let (project, link) = (place("project"), place("project/pylock.toml"));
        let by_project = ChosenBy::Project(&project);
        symlink("deep/lock", &link).unwrap();
        write(&link, "new", by_project).unwrap();
        assert_eq!(fs_err::read_to_string(place("project/deep/lock")).unwrap(), "new");
        assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());

        fs_err::remove_file(&link).unwrap();
        symlink("../outside", &link).unwrap();
        let refused = write(&link, "new", by_project).expect_err("it leads outside");
        assert!(refused.to_string().contains("outside of the project"), "{refused}");
        assert!(matches!(refused, Error::WriteLock { refused: true, .. }));
        assert_eq!(fs_err::read_to_string(place("outside")).unwrap(), "old");
        write(&link, "new", ChosenBy::User).unwrap();
        assert_eq!(fs_err::read_to_string(place("outside")).unwrap(), "new");
    }

    #[test]
    fn a_lock_beside_requirements_elsewhere_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let project = tempfile::tempdir().unwrap();
        let lock = directory.path().join("pylock.toml");
        write(&lock, "one", ChosenBy::Project(project.path())).unwrap();
        symlink("pylock.toml", directory.path().join("link")).unwrap();
        let link = directory.path().join("link");
        write(&link, "two", ChosenBy::Project(project.path())).unwrap();
        assert_eq!(fs_err::read_to_string(lock).unwrap(), "two");
    }

    #[test]
    fn a_pipe_where_a_lock_belongs_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pylock.toml");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, 0o600.into()).unwrap();
        assert_eq!(known(&pipe), None);
        let refused = write(&pipe, "new", ChosenBy::Project(directory.path())).unwrap_err();
        assert!(refused.to_string().contains("no regular file"), "{refused}");
    }
}
