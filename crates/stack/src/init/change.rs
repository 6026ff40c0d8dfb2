//! A change to a file of the user's: as it was read, and as it would be. Owns that it is written as it was shown or not
//! at all; must not know why it is made.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pyfast_crew::Error as CrewError;
use pyfast_crew::interrupt::Interrupts;
use pyfast_root::regular_file;
use pyfast_root::whole_file::Prepared;
use similar::{ChangeTag, TextDiff};

use super::held;
use crate::error::Error;

/// A change to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Absolute.
    path: PathBuf,
    /// The same, seen from the project's directory.
    shown: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Change {
    pub(super) fn new(path: &Path, shown: &str, before: &[u8], after: Vec<u8>) -> Option<Self> {
        let (path, shown, before) = (path.to_owned(), shown.to_owned(), before.to_vec());
        (before != after).then_some(Self { path, shown, before, after })
    }

    /// The file, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same, seen from the project's directory.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The change as `diff -u` and `patch -p1` have it.
    pub fn diff(&self) -> String {
        let texts = [&self.before, &self.after].map(|bytes| String::from_utf8_lossy(bytes));
        let diff = TextDiff::from_lines(&texts[0], &texts[1]);
        let (old, new) = (format!("a/{}", self.shown), format!("b/{}", self.shown));
        diff.unified_diff().header(&old, &new).to_string()
    }

    fn check(&self) -> Result<(), Error> {
        match self.current() {
            Ok(current) if current == self.before => Ok(()),
            Ok(_) => Err(CrewError::EditedMeanwhile { path: self.path.clone() }.into()),
            Err(source) => Err(self.refused(source)),
        }
    }

    fn refused(&self, source: io::Error) -> Error {
        CrewError::Edit { path: self.path.clone(), source }.into()
    }

    fn current(&self) -> io::Result<Vec<u8>> {
        content(&self.path)
    }
}

/// Changes that are written but for the last step, which cannot well fail.
pub struct Ready<'a> {
    changes: Vec<(&'a Change, Prepared)>,
    /// Until all is done.
    held: Interrupts,
}

/// Makes changes ready. Nothing is changed before [`Ready::put`].
///
/// # Errors
/// If one of the files is another than it was, or cannot be written.
pub fn ready(changes: &[Change]) -> Result<Ready<'_>, Error> {
    let mut ready = Ready { changes: Vec::new(), held: held() };
    for change in changes {
        change.check()?;
        let prepared = Prepared::next(&change.path, &change.after);
        ready.changes.push((change, prepared.map_err(|source| change.refused(source))?));
    }
    Ok(ready)
}

impl Ready<'_> {
    /// Makes the changes: all, or none.
    ///
    /// # Errors
    /// If one of the files is another than it was, or the disk refuses.
    pub fn put(self) -> Result<(), Error> {
        let Self { changes, held: _held } = self;
        for (change, _) in &changes {
            change.check()?;
        }
        let mut done: Vec<&Change> = Vec::new();
        for (change, prepared) in changes {
            if let Err(source) = prepared.put() {
                for change in done {
                    // The first error is the one to report.
                    let _ = Prepared::next(&change.path, &change.before).and_then(Prepared::put);
                }
                return Err(change.refused(source));
            }
            done.push(change);
        }
        Ok(())
    }
}

/// The lines of a text that another has not, or not so, counted from 1.
pub(super) fn lines_gone(before: &str, after: &str) -> Vec<usize> {
    let diff = TextDiff::from_lines(before, after);
    let gone = diff.iter_all_changes().filter(|one| one.tag() == ChangeTag::Delete);
    gone.filter_map(|one| one.old_index()).map(|line| line + 1).collect()
}

/// What a file has that may be changed: one that is a file itself.
pub(super) fn content(path: &Path) -> io::Result<Vec<u8>> {
    let facts = path.symlink_metadata()?;
    if facts.is_symlink() {
        return Err(io::Error::other("it is a link, and only a file itself is changed"));
    }
    if facts.is_file() && facts.nlink() > 1 {
        return Err(io::Error::other(
            "it has other names too (hard links), which would keep the old text",
        ));
    }
    regular_file::read(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn apply(changes: &[Change]) -> Result<(), Error> {
        ready(changes)?.put()
    }

    fn change(path: &Path) -> Change {
        let before = fs_err::read(path).unwrap();
        Change::new(path, "Dockerfile", &before, b"FROM y\n".to_vec()).unwrap()
    }

    #[test]
    fn what_is_written_is_what_was_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("Dockerfile");
        fs_err::write(&path, "FROM x\n").unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let change = change(&path);
        insta::assert_snapshot!(change.diff(), @r"
        --- a/Dockerfile
        +++ b/Dockerfile
        @@ -1 +1 @@
        -FROM x
        +FROM y
        ");
        apply(std::slice::from_ref(&change)).unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "FROM y\n");
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(apply(&[change]).is_err(), "it is another now");
    }

    #[test]
    fn nothing_is_written_where_one_file_is_another_or_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        for path in [&one, &other] {
            fs_err::write(path, "FROM x\n").unwrap();
        }
        let changes = [change(&one), change(&other)];
        fs_err::write(&other, "FROM z\n").unwrap();
        apply(&changes).unwrap_err();
        fs_err::remove_file(&other).unwrap();
        std::os::unix::fs::symlink("one", &other).unwrap();
        apply(&changes).unwrap_err();
        assert_eq!(fs_err::read_to_string(&one).unwrap(), "FROM x\n");
    }

    #[test]
    fn where_the_last_file_is_refused_the_first_is_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
        for path in [&one, &other] {
            fs_err::write(path, "FROM x\n").unwrap();
        }
        let changes = [change(&one), change(&other)];
        let mut ready = ready(&changes).unwrap();
        // What is put there is gone: the last step fails, as it does on a file that is mounted.
        let last = ready.changes.pop().unwrap();
        let gone = Prepared::next(&other, b"").unwrap();
        for entry in fs_err::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            let own = fs_err::read(&path).unwrap().is_empty();
            own.then(|| fs_err::remove_file(&path).unwrap());
        }
        ready.changes.push((last.0, gone));
        drop(last.1);
        ready.put().unwrap_err();
        for path in [&one, &other] {
            assert_eq!(fs_err::read_to_string(path).unwrap(), "FROM x\n");
        }
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 2);
    }
}
