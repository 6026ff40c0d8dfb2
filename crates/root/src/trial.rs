//! What a file system can do of what a root needs, tried in a directory that is made for it and removed again. Owns how
//! each ability is tried; what its absence means is others' to say.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_err::os::unix::fs::symlink;
use rustix::fs::{
    CWD, RenameFlags, StatVfsMountFlags, Timespec, Timestamps, futimens, renameat_with,
};

use crate::blocks::share_blocks;
use crate::lock_name::LockName;
use crate::root::Root;
use crate::ticket::Share;

/// Something that a file system may be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// Symbolic links.
    SymbolicLinks,
    /// A root's locks: nobody gets one before it is given back.
    Locks,
    /// Hard links.
    HardLinks,
    /// Two names exchanged in one act.
    ExchangingRenames,
    /// Copies that share their blocks until one is written.
    Reflinks,
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SymbolicLinks => "symbolic links",
            Self::Locks => "locks",
            Self::HardLinks => "hard links",
            Self::ExchangingRenames => "exchanging renames",
            Self::Reflinks => "reflinks",
        })
    }
}

impl Ability {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::SymbolicLinks,
        Self::Locks,
        Self::HardLinks,
        Self::ExchangingRenames,
        Self::Reflinks,
    ];

    /// Tries it in an empty directory.
    fn attempt(self, room: &Path) -> io::Result<()> {
        match self {
            Self::SymbolicLinks => symbolic_links(room),
            Self::Locks => locks(room),
            Self::HardLinks => hard_links(room),
            Self::ExchangingRenames => exchanging_renames(room),
            Self::Reflinks => share_blocks(room),
        }
    }
}

/// What came of trying a directory's file system.
#[derive(Debug)]
pub struct Trial {
    /// What it can do.
    pub can: Vec<Ability>,
    /// What it cannot.
    pub cannot: Vec<Ability>,
    /// Why what was tried is still there; `None` where it was removed.
    pub left: Option<io::Error>,
}

impl Trial {
    /// Tries the file system of an existing directory, whose times stay as they were.
    ///
    /// # Errors
    /// If nothing can be made in it.
    pub fn of(directory: &Path) -> io::Result<Self> {
        // Before anything is tried: no time of what stays is to tell of it.
        let times = Times::of(directory);
        let room = tempfile::Builder::new().prefix(".pyfast-doctor-").tempdir_in(directory)?;
        let (mut can, mut cannot) = (Vec::new(), Vec::new());
        for (number, ability) in Ability::ALL.into_iter().enumerate() {
            let own = room.path().join(number.to_string());
            match fs_err::create_dir(&own).and_then(|()| ability.attempt(&own)) {
                Ok(()) => can.push(ability),
                Err(_refused) => cannot.push(ability),
            }
        }
        let left = room.close().err();
        if let Some(times) = times {
            times.restore();
        }
        Ok(Self { can, cannot, left })
    }
}

/// What is known of a file system without trying anything.
#[derive(Debug, Clone, Copy)]
pub struct Mount {
    /// Bytes that this user may still write.
    pub free: u64,
    /// Whether no program may be started from it.
    pub noexec: bool,
}

impl Mount {
    /// The file system of a directory, where it says something of itself.
    pub fn of(directory: &Path) -> Option<Self> {
        let facts = rustix::fs::statvfs(directory).ok()?;
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        Some(Self { free, noexec: facts.f_flag.contains(StatVfsMountFlags::NOEXEC) })
    }
}

/// A directory with the times that it had.
struct Times {
    directory: File,
    had: Timestamps,
}

impl Times {
    /// `None` where nobody may ask for them, and so nobody can change them either.
    fn of(directory: &Path) -> Option<Self> {
        let directory: File = fs_err::File::open(directory).ok()?.into();
        let facts = directory.metadata().ok()?;
        let time = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        let had = Timestamps {
            last_access: time(facts.atime(), facts.atime_nsec()),
            last_modification: time(facts.mtime(), facts.mtime_nsec()),
        };
        Some(Self { directory, had })
    }

    /// Where it is somebody else's, its times stay as they are.
    fn restore(self) {
        let _ = futimens(&self.directory, &self.had);
    }
}

fn symbolic_links(room: &Path) -> io::Result<()> {
    fs_err::write(room.join("file"), "x")?;
    symlink("file", room.join("link"))?;
    fs_err::read(room.join("link")).map(drop)
}

/// A lock of a root, in the way in which syncs take it: nobody else gets it before it is given back.
fn locks(room: &Path) -> io::Result<()> {
    let other = |error: crate::Error| io::Error::other(error);
    let root = Root::create(room, room).map_err(other)?;
    let first = root.queue(&LockName::store(), Share::Alone).map_err(other)?;
    let second = root.queue(&LockName::store(), Share::Alone).map_err(other)?;
    if !first.is_held().map_err(other)? || second.is_held().map_err(other)? {
        return Err(io::Error::other("two hold the lock, or nobody gets it"));
    }
    drop(first);
    if second.is_held().map_err(other)? {
        return Ok(());
    }
    Err(io::Error::other("nobody gets the lock that was given back"))
}

fn hard_links(room: &Path) -> io::Result<()> {
    fs_err::write(room.join("file"), "x")?;
    fs_err::hard_link(room.join("file"), room.join("link"))
}

fn exchanging_renames(room: &Path) -> io::Result<()> {
    let (one, other) = (room.join("one"), room.join("other"));
    fs_err::create_dir(&one)?;
    fs_err::create_dir(&other)?;
    Ok(renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_is_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let time = || fs_err::metadata(directory.path()).and_then(|facts| facts.modified());
        let before = time().expect("a time");
        std::thread::sleep(std::time::Duration::from_millis(20));
        let trial = Trial::of(directory.path()).expect("it can be written");
        assert_eq!(time().expect("a time"), before);
        assert!(trial.can.contains(&Ability::SymbolicLinks), "{trial:?}");
        assert_eq!(trial.can.len() + trial.cannot.len(), Ability::ALL.len());
        assert!(trial.left.is_none(), "{trial:?}");
        assert_eq!(fs_err::read_dir(directory.path()).expect("readable").count(), 0);
    }

    #[test]
    fn the_locks_that_are_tried_are_those_of_syncs() {
        let room = tempfile::tempdir().expect("a directory");
        locks(room.path()).expect("locks");
        // Whatever the file system can: where a sync would wait, nothing is said to work.
        let root = Root::create(room.path(), room.path()).expect("a root");
        let first = root.queue(&LockName::store(), Share::Alone).expect("a ticket");
        assert!(locks(room.path()).is_err(), "somebody else has the lock");
        drop(first);
        locks(room.path()).expect("locks");
    }
}
