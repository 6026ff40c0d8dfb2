//! The lease of an entrypoint: kept for as long as any process that inherited it. Owns its file descriptor; what a
//! lease is and who it keeps out is the root's.

use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::FdFlags;

use crate::error::Error;

/// Start scripts use low descriptors as their own (`exec 3>&1`), which would give up the lease.
const LOWEST_FD: i32 = 200;

/// Puts a lease out of the way of start scripts.
pub(super) fn out_of_the_way(lease: OwnedFd) -> OwnedFd {
    let high = rustix::io::fcntl_dupfd_cloexec(&lease, LOWEST_FD);
    // With fewer descriptors allowed than that, the low one has to do. Both share the one lock.
    high.unwrap_or(lease)
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

    #[test]
    fn the_descriptor_is_out_of_the_way_of_start_scripts() {
        use std::os::fd::AsRawFd as _;
        let file = tempfile::tempfile().unwrap();
        let lease = out_of_the_way(file.into());
        assert!(lease.as_raw_fd() >= LOWEST_FD);
        assert!(rustix::io::fcntl_getfd(&lease).unwrap().contains(FdFlags::CLOEXEC));
        inherit(&lease).unwrap();
        assert!(!rustix::io::fcntl_getfd(&lease).unwrap().contains(FdFlags::CLOEXEC));
        keep(&lease).unwrap();
        assert!(rustix::io::fcntl_getfd(&lease).unwrap().contains(FdFlags::CLOEXEC));
    }
}
