//! Locks of the kernel that a reader cannot take in a way that is in anybody's way: exclusive ones need a
//! file that is open for writing, which nobody has through a read-only mount. They belong to the open
//! file, as `flock(2)`'s do, and so live as long as a process that inherited it.
//!
//! `F_OFD_SETLK` and `F_GETLK` of fcntl(2).

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// What came of asking for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is had.
    Held,
    /// Somebody else has it.
    Busy,
    /// The file system grants none.
    Unsupported,
}

/// Takes a lock that excludes all others, without waiting. The file must be open for writing.
pub(crate) fn exclusive(file: impl AsFd) -> io::Result<Taken> {
    take(file, libc::F_WRLCK)
}

/// Takes a lock that others may share, without waiting.
pub(crate) fn shared(file: impl AsFd) -> io::Result<Taken> {
    take(file, libc::F_RDLCK)
}

fn take(file: impl AsFd, kind: libc::c_int) -> io::Result<Taken> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole(kind))) {
        Ok(_) => Ok(Taken::Held),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(Taken::Busy),
        Err(Errno::ENOLCK | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => {
            Ok(Taken::Unsupported)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether somebody has the exclusive lock. What readers have does not count.
pub(crate) fn is_held_exclusively(file: &File) -> io::Result<bool> {
    let mut lock = whole(libc::F_RDLCK);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

/// The whole file.
fn whole(kind: libc::c_int) -> libc::flock {
    libc::flock {
        l_type: libc::c_short::try_from(kind).unwrap_or_default(),
        l_whence: libc::c_short::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        // Must be zero for locks of open files.
        l_pid: 0,
    }
}
