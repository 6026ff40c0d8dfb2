//! What a check looks at, so that somebody else can tell whether it would see the same again. Must not know what is made
//! of it.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use pyfast_checker::{Files, Listed};
use pyfast_root::Stamp;
use serde::{Deserialize, Serialize};

/// What the file system said of files and directories of this machine; `None` where there was nothing.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen(BTreeMap<PathBuf, Option<Stamp>>);

impl Seen {
    /// Whether all of it is as it was.
    pub(super) fn holds(&self, looks: &Looks) -> bool {
        self.0.iter().all(|(path, stamp)| looks.at(path) == *stamp)
    }

    /// Whether equal stamps will mean equal contents: what changed just before it was looked at may change again within
    /// the same tick.
    pub(super) fn is_settled(&self, seen_ns: i64) -> bool {
        self.0.values().flatten().all(|stamp| stamp.is_settled(seen_ns))
    }
}

/// What one check has looked at, each file once whoever asks. The first look counts: what changes behind it is another file
/// the next time. By paths as they are written: taking them apart costs more than the looks.
#[derive(Debug, Default)]
pub(super) struct Looks(Mutex<HashMap<OsString, Option<Stamp>>>);

impl Looks {
    fn at(&self, path: &Path) -> Option<Stamp> {
        let name = path.as_os_str();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied();
        known.unwrap_or_else(|| {
            let stamp = fs_err::metadata(path).ok().map(|facts| Stamp::of(&facts));
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            *known.entry(name.to_owned()).or_insert(stamp)
        })
    }
}

/// What may say that git ignores a file.
fn rules_for(path: &Path) -> impl Iterator<Item = PathBuf> {
    path.ancestors().skip(1).map(|directory| directory.join(".gitignore"))
}

/// Files, with a memory of which were looked at.
pub(super) struct Observed<'f> {
    files: &'f dyn Files,
    looks: &'f Looks,
    seen: Mutex<BTreeMap<PathBuf, Option<Stamp>>>,
    /// Something was looked at of which no stamp says whether it changes.
    is_partial: AtomicBool,
}

impl<'f> Observed<'f> {
    /// Of which nothing was looked at yet.
    pub(super) fn new(files: &'f dyn Files, looks: &'f Looks) -> Self {
        Self { files, looks, seen: Mutex::default(), is_partial: AtomicBool::new(false) }
    }

    /// What was looked at; `None` if that does not tell whether the same would be seen again.
    pub(super) fn seen(self) -> Option<Seen> {
        let seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        (!self.is_partial.into_inner()).then_some(Seen(seen))
    }

    /// Looked at before it is read: what changes in between is another file the next time.
    fn note(&self, path: PathBuf) {
        let stamp = self.looks.at(&path);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).entry(path).or_insert(stamp);
    }
}

impl Files for Observed<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Noted by where it is.
        self.origin(path);
        self.files.read(path)
    }

    fn list(&self, directory: &Path) -> Vec<Listed> {
        let origin = self.origin(directory);
        let listed = self.files.list(directory);
        // A link that leads to no directory today may lead to one tomorrow, without a change of where it is.
        let may_be_package = |one: &&Listed| !one.is_directory && !one.name.contains('.');
        for one in listed.iter().filter(may_be_package) {
            if let Some(origin) = &origin {
                self.note(origin.join(&one.name));
            }
        }
        listed
    }

    fn left_out(&self, path: &Path) -> Option<PathBuf> {
        // Where there is none, whether it is made is asked next, of the same place.
        let found = self.files.left_out(path)?;
        self.note(found.clone());
        Some(found)
    }

    fn is_made(&self, path: &Path) -> bool {
        match self.files.origin(path) {
            Some(origin) => rules_for(&origin).for_each(|rules| self.note(rules)),
            // It is looked for in more than one place.
            None => self.is_partial.store(true, Ordering::Relaxed),
        }
        self.files.is_made(path)
    }

    /// Whoever knows where a file is may know what is in it, and read it no more.
    fn origin(&self, path: &Path) -> Option<PathBuf> {
        let origin = self.files.origin(path);
        if let Some(origin) = &origin {
            self.note(origin.clone());
        }
        origin
    }
}

#[cfg(test)]
mod tests {
    use pyfast_checker::Disk;

    use super::*;

    /// Whether what was seen of `a.py` and of the directory still holds after a change.
    fn holds_after(change: impl FnOnce(&Path)) -> bool {
        let place = tempfile::tempdir().unwrap();
        fs_err::write(place.path().join("a.py"), "x = 1\n").unwrap();
        std::os::unix::fs::symlink("../nowhere", place.path().join("pkg")).unwrap();
        let looks = Looks::default();
        let observed = Observed::new(&Disk, &looks);
        observed.read(&place.path().join("a.py")).unwrap();
        observed.read(&place.path().join("b/c.py")).unwrap_err();
        assert_eq!(observed.list(place.path()).len(), 2);
        let seen = observed.seen().unwrap();
        assert!(seen.holds(&Looks::default()), "nothing has changed");
        change(place.path());
        assert!(seen.holds(&looks), "the next check looks");
        seen.holds(&Looks::default())
    }

    #[test]
    fn whatever_a_check_would_see_otherwise_is_another_look() {
        let same = |_: &Path| {};
        assert!(holds_after(same));
        assert!(!holds_after(|place| fs_err::write(place.join("a.py"), "x = 2\n").unwrap()));
        assert!(!holds_after(|place| fs_err::write(place.join("new.py"), "").unwrap()));
        assert!(!holds_after(|place| fs_err::remove_file(place.join("a.py")).unwrap()));
        assert!(!holds_after(|place| {
            fs_err::create_dir(place.join("b")).unwrap();
            fs_err::write(place.join("b/c.py"), "").unwrap();
        }));
        let linked = |place: &Path| {
            fs_err::remove_file(place.join("pkg")).unwrap();
            fs_err::create_dir(place.join("pkg")).unwrap();
        };
        assert!(!holds_after(linked));
    }

    #[test]
    fn rules_of_git_count_where_they_were_asked() {
        let place = tempfile::tempdir().unwrap();
        let looks = Looks::default();
        let observed = Observed::new(&super::super::made::Sources, &looks);
        assert!(!observed.is_made(&place.path().join("pkg/a_pb2.py")));
        let seen = observed.seen().unwrap();
        assert!(seen.holds(&Looks::default()));
        fs_err::write(place.path().join(".gitignore"), "*_pb2.py\n").unwrap();
        assert!(!seen.holds(&Looks::default()));
    }

    #[test]
    fn what_changed_just_now_may_change_once_more_unseen() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a.py");
        fs_err::write(&file, "").unwrap();
        let looks = Looks::default();
        let observed = Observed::new(&Disk, &looks);
        observed.read(&file).unwrap();
        let seen = observed.seen().unwrap();
        let changed = looks.at(&file).unwrap().changed_ns();
        assert!(!seen.is_settled(changed));
        assert!(seen.is_settled(changed + 1_000_000_000));
    }
}
