//! Leases on generations: a process that runs in one keeps it from being collected. A lease can hold up
//! nobody but the collector, who can be held up by nobody but leases.
//!
//! Whoever runs has a shared lock on the generation's `env.json`, which reading allows. The collector
//! asks for the exclusive one, which needs write access, without waiting.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::dir::Dir;
use crate::error::Error;
use crate::record_lock::{self, Taken};

/// File in a generation that is locked. It is written last: without it there is no generation.
pub const DESCRIPTION: &str = "env.json";

/// What came of asking for a lease.
#[derive(Debug)]
pub enum Lease {
    /// It lives as long as a process that has this descriptor.
    Held(OwnedFd),
    /// The generation does not exist (any more).
    Gone,
    /// A collector has it at this moment.
    Busy,
    /// The file system grants no locks.
    Unsupported,
}

/// Takes a lease on a generation, without waiting.
///
/// # Errors
/// If something else is in the place of its description.
pub fn take(generation: &Dir) -> Result<Lease, Error> {
    let path = generation.path().join(DESCRIPTION);
    let Some((file, held)) = generation.open(DESCRIPTION)? else { return Ok(Lease::Gone) };
    match record_lock::shared(&file).map_err(Error::io("take a lease on", &path))? {
        Taken::Busy => return Ok(Lease::Busy),
        Taken::Unsupported => return Ok(Lease::Unsupported),
        Taken::Held => {}
    }
    // Between opening and locking a collector may have removed it: then the lock is on a file without a name.
    let named = generation.facts(DESCRIPTION)?;
    let same = named.is_some_and(|named| (named.inode, named.device) == (held.inode, held.device));
    Ok(if same { Lease::Held(file.into()) } else { Lease::Gone })
}

/// A generation that no process runs in, and that none can begin to run in while this is held.
#[derive(Debug)]
pub struct Unused {
    _file: File,
}

/// Keeps processes from beginning to run in a generation; `None` if one runs in it.
///
/// # Errors
/// If its description is not there, is something else, or may not be written.
pub fn unused(generation: &Dir) -> Result<Option<Unused>, Error> {
    let path = generation.path().join(DESCRIPTION);
    let opened = generation.open_writable(Path::new(DESCRIPTION))?;
    let (file, _) = opened.ok_or_else(|| Error::Io {
        act: "open",
        path: path.clone(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    match record_lock::exclusive(&file).map_err(Error::io("lock", &path))? {
        Taken::Busy => return Ok(None),
        Taken::Held | Taken::Unsupported => {}
    }
    // Processes that an earlier version of this program started have this lock instead.
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(None),
        _ => Ok(Some(Unused { _file: file })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation() -> (tempfile::TempDir, Dir) {
        let directory = tempfile::tempdir().unwrap();
        let dir = Dir::open_named(directory.path()).unwrap();
        dir.write_new(DESCRIPTION, b"{}", 0o644).unwrap();
        (directory, dir)
    }

    #[test]
    fn leases_are_shared_and_keep_collectors_out() {
        let (_directory, dir) = generation();
        let (first, second) = (take(&dir).unwrap(), take(&dir).unwrap());
        assert!(matches!((&first, &second), (Lease::Held(_), Lease::Held(_))));
        assert!(unused(&dir).unwrap().is_none());
        drop(first);
        assert!(unused(&dir).unwrap().is_none());
        drop(second);
        let collector = unused(&dir).unwrap().unwrap();
        assert!(matches!(take(&dir).unwrap(), Lease::Busy));
        drop(collector);
        assert!(matches!(take(&dir).unwrap(), Lease::Held(_)));
    }

    #[test]
    fn a_reader_holds_up_nobody_who_wants_to_run() {
        let (_directory, dir) = generation();
        let (reader, _) = dir.open(DESCRIPTION).unwrap().unwrap();
        rustix::fs::flock(&reader, FlockOperation::NonBlockingLockExclusive).unwrap();
        record_lock::shared(&reader).unwrap();
        assert!(record_lock::exclusive(&reader).is_err(), "that needs write access");
        assert!(matches!(take(&dir).unwrap(), Lease::Held(_)));
        assert!(unused(&dir).unwrap().is_none());
    }

    #[test]
    fn a_generation_that_is_not_there_gives_none() {
        let directory = tempfile::tempdir().unwrap();
        let dir = Dir::open_named(directory.path()).unwrap();
        assert!(matches!(take(&dir).unwrap(), Lease::Gone));
        assert!(unused(&dir).is_err());
    }
}
