//! The lease on a generation: a shared lock that lives as long as any process that inherited it. Owns the lock and its
//! file descriptor; must not know who collects generations.
//!
//! `flock(2)` belongs to the open file, dies with the last process that has it, needs no write access, and works
//! between containers and the host on one kernel. A collector takes the exclusive lock without waiting, and leaves a
//! generation alone when it does not get it.

use std::io::ErrorKind;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::fs::{FlockOperation, fstat, stat};
use rustix::io::{Errno, FdFlags};

use crate::error::Error;

/// File in a generation that is locked.
const LOCKED: &str = "env.json";
/// Start scripts use low descriptors as their own (`exec 3>&1`), which would give up the lease.
const LOWEST_FD: i32 = 200;

/// What came of asking for a lease.
#[derive(Debug)]
pub(super) enum Lease {
    Held(OwnedFd),
    /// The generation does not exist (any more).
    Gone,
    /// A collector has it.
    Busy,
    /// The file system grants no locks.
    Unsupported(String),
}

pub(super) fn take(generation: &Path) -> Result<Lease, Error> {
    let path = generation.join(LOCKED);
    let file = match fs_err::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Lease::Gone),
        Err(source) => return Err(Error::Io { act: "open the environment for its lease", source }),
    };
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(Lease::Busy),
        Err(
            error @ (Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::BADF),
        ) => {
            return Ok(Lease::Unsupported(error.to_string()));
        }
        Err(error) => {
            return Err(Error::Io { act: "take a lease on the environment", source: error.into() });
        }
    }
    // Between opening and locking a collector may have removed it: then the lock is on a file without a name.
    let same = match (fstat(&file), stat(&path)) {
        (Ok(held), Ok(named)) => held.st_ino == named.st_ino && held.st_dev == named.st_dev,
        _ => false,
    };
    if !same {
        return Ok(Lease::Gone);
    }
    let high = rustix::io::fcntl_dupfd_cloexec(&file, LOWEST_FD);
    // With fewer descriptors allowed than that, the low one has to do. Both share the one lock.
    Ok(Lease::Held(high.unwrap_or_else(|_few| file.into_parts().0.into())))
}

/// Lets the descriptor live on in the commands that this process becomes or starts.
pub(super) fn inherit(lease: &OwnedFd) -> Result<(), Error> {
    set_flags(lease, FdFlags::empty())
}

/// Keeps the descriptor from commands that this process starts from now on.
pub(super) fn keep(lease: &OwnedFd) -> Result<(), Error> {
    set_flags(lease, FdFlags::CLOEXEC)
}

fn set_flags(lease: &OwnedFd, flags: FdFlags) -> Result<(), Error> {
    rustix::io::fcntl_setfd(lease.as_fd(), flags).map_err(|error| Error::Io {
        act: "hand the lease on to the command",
        source: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join(LOCKED), "{}").unwrap();
        dir
    }

    fn exclusive(dir: &Path) -> Result<fs_err::File, Errno> {
        let file = fs_err::File::open(dir.join(LOCKED)).unwrap();
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).map(|()| file)
    }

    #[test]
    fn leases_are_shared_and_keep_collectors_out() {
        let dir = generation();
        let first = take(dir.path()).unwrap();
        let second = take(dir.path()).unwrap();
        assert!(matches!((&first, &second), (Lease::Held(_), Lease::Held(_))));
        assert_eq!(exclusive(dir.path()).unwrap_err(), Errno::WOULDBLOCK);
        drop(first);
        assert_eq!(exclusive(dir.path()).unwrap_err(), Errno::WOULDBLOCK);
        drop(second);
        let collector = exclusive(dir.path()).unwrap();
        assert!(matches!(take(dir.path()).unwrap(), Lease::Busy));
        drop(collector);
    }

    #[test]
    fn a_generation_that_is_not_there_gives_none() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(take(dir.path()).unwrap(), Lease::Gone));
    }

    #[test]
    fn the_descriptor_is_out_of_the_way_of_start_scripts() {
        use std::os::fd::AsRawFd as _;
        let dir = generation();
        let Lease::Held(lease) = take(dir.path()).unwrap() else { panic!("no lease") };
        assert!(lease.as_raw_fd() >= LOWEST_FD);
        assert!(rustix::io::fcntl_getfd(&lease).unwrap().contains(FdFlags::CLOEXEC));
        inherit(&lease).unwrap();
        assert!(!rustix::io::fcntl_getfd(&lease).unwrap().contains(FdFlags::CLOEXEC));
        keep(&lease).unwrap();
        assert!(rustix::io::fcntl_getfd(&lease).unwrap().contains(FdFlags::CLOEXEC));
    }
}
