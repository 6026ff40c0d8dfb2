//! Working directories in `tmp/`, which vanish with their process. One that a killed process left is
//! known by its lock, without asking a clock or a process table: process ids mean nothing across containers.

use crate::dir::Dir;
use crate::error::Error;
use crate::lock_name::LockName;
use crate::random::{is_random_name, random_name};
use crate::root::Root;
use crate::ticket::{self, Lock, Share};

/// What every working directory's name begins with.
const PREFIX: &str = "work-";

/// A directory in `tmp/` that belongs to this process. Removed when dropped.
#[derive(Debug)]
pub struct Workspace {
    tmp: Dir,
    name: String,
    dir: Dir,
    /// Held for as long as the directory is there.
    _lock: Lock,
}

impl Workspace {
    /// Removes what killed processes of this user have left in `tmp/`, and makes a directory of our own.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn create(root: &Root) -> Result<Self, Error> {
        let tmp = root.tmp()?;
        let unique = random_name().map_err(Error::io("create", tmp.path()))?;
        let name = format!("{PREFIX}{unique}");
        // Before the directory, so that nobody takes that for a leftover.
        let lock = root.queue(&LockName::workspace(&name), Share::Alone)?;
        sweep(root, &tmp)?;
        tmp.create_dir(&name, 0o700)?;
        let dir = tmp.dir(&name)?;
        Ok(Self { tmp, name, dir, _lock: lock })
    }

    /// Removes what killed processes of this user have left in `tmp/`, for whoever needs no directory. What cannot be
    /// removed is in nobody's way, and is tried again by the next process.
    pub fn sweep(root: &Root) {
        if let Ok(Some(tmp)) = root.find_tmp() {
            let _ = sweep(root, &tmp);
        }
    }

    /// The open directory. It is as deep in the root as a generation.
    pub fn dir(&self) -> &Dir {
        &self.dir
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next process.
        let _ = self.tmp.remove_tree(&self.name);
    }
}

/// Removes the working directories that no process has. What was not named here, is no directory, or is
/// another user's stays as it is.
fn sweep(root: &Root, tmp: &Dir) -> Result<(), Error> {
    let own = rustix::process::geteuid().as_raw();
    for entry in tmp.entries()? {
        let Some(name) = entry.name.to_str().filter(|_| entry.kind.is_dir()) else { continue };
        if !name.strip_prefix(PREFIX).is_some_and(is_random_name) {
            continue;
        }
        let ours = tmp.facts(name)?.is_some_and(|facts| facts.kind.is_dir() && facts.owner == own);
        let lock = if ours { Lock::try_now(root.locks()?, name, Share::Alone)? } else { None };
        // Where a file system has no locks, nobody knows whose it is.
        if lock.is_some_and(|lock| lock.is_supported()) {
            // Another sweeper may have been faster; and what cannot be removed is in nobody's way.
            let _ = tmp.remove_tree(name);
        }
    }
    ticket::sweep(&root.locks()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_in_use_stays() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(directory.path(), directory.path()).unwrap();
        let stale = directory.path().join("tmp").join(format!("work-{}", "0".repeat(32)));
        fs_err::create_dir_all(stale.join("deep")).unwrap();
        fs_err::write(stale.join("deep/file"), "x").unwrap();
        fs_err::set_permissions(stale.join("deep"), std::fs::Permissions::from_mode(0o000))
            .unwrap();
        let first = Workspace::create(&root).unwrap();
        assert!(!stale.exists());
        let second = Workspace::create(&root).unwrap();
        assert!(first.dir().path().is_dir() && second.dir().path().is_dir());
        let path = first.dir().path().to_owned();
        drop(first);
        assert!(!path.exists() && second.dir().path().is_dir());
    }

    #[test]
    fn what_was_not_named_here_stays() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(&directory.path().join("root"), directory.path()).unwrap();
        let tmp = directory.path().join("root/tmp");
        let victim = directory.path().join("victim");
        fs_err::create_dir(&victim).unwrap();
        fs_err::write(victim.join("file"), "x").unwrap();
        fs_err::create_dir(tmp.join("thesis")).unwrap();
        fs_err::write(tmp.join("key"), "x").unwrap();
        fs_err::set_permissions(tmp.join("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&victim, tmp.join(format!("work-{}", "1".repeat(32)))).unwrap();
        drop(Workspace::create(&root).unwrap());
        assert_eq!(fs_err::read_dir(&tmp).unwrap().count(), 3);
        let mode = fs_err::metadata(tmp.join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(victim.join("file").exists());
    }

    #[test]
    fn a_tree_deeper_than_there_are_descriptors_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(directory.path(), directory.path()).unwrap();
        let work = Workspace::create(&root).unwrap();
        let mut deepest = work.dir().clone();
        for level in 0..2000 {
            deepest.create_dir("d", 0o755).unwrap();
            if level % 100 == 0 {
                deepest.write_new("file", b"x", 0o400).unwrap();
            }
            deepest = deepest.dir("d").unwrap();
        }
        work.dir().remove_tree("d").unwrap();
        assert_eq!(work.dir().entries().unwrap().len(), 1, "the file beside it");
    }
}
