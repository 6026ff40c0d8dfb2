//! Carries out a link plan in a directory. Follows the plan to the letter and decides nothing.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use rustix::fs::{Mode, OFlags};

use crate::disk::write_new;
use crate::error::Error;
use crate::layout::{Layout, wheel_inside};
use crate::plan::{LinkPlan, RealMode, Step};

/// Directories from the root down to a generation, `envs/v1/<id>`; also in the working directory.
const DEPTH: usize = 3;

/// Makes the environment of `plan` in `directory`, which must not exist.
pub(crate) fn act(layout: &Layout, plan: &LinkPlan, directory: &Path) -> Result<(), Error> {
    fs_err::create_dir(directory).map_err(Error::io("create", directory))?;
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::PATH;
    let top = rustix::fs::open(directory, flags, Mode::empty());
    let top: OwnedFd = top.map_err(Error::io("open", directory))?;
    let mut real = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Directory { path } => {
                let mode = Mode::from_raw_mode(0o755);
                rustix::fs::mkdirat(&top, path.as_str(), mode)
                    .map_err(Error::io("create", &directory.join(path)))?;
            }
            Step::Link { path, wheel, inside } => {
                let target = store_target(path, &format!("{}/{inside}", wheel_inside(wheel)));
                rustix::fs::symlinkat(target.as_str(), top.as_fd(), path.as_str())
                    .map_err(Error::io("link", &directory.join(path)))?;
            }
            Step::Symlink { path, target } => {
                rustix::fs::symlinkat(target.as_str(), top.as_fd(), path.as_str())
                    .map_err(Error::io("link", &directory.join(path)))?;
            }
            Step::File { path, content, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                write_new(&directory.join(path), content, mode)?;
            }
            Step::Real { path, wheel, inside, mode } => {
                real.push((directory.join(path), layout.wheel(wheel).join(inside), *mode));
            }
        }
    }
    // All directories exist now: the order of files does not matter.
    real.par_iter().try_for_each(|(path, stored, mode)| make_real(path, stored, *mode))
}

/// The way from a link in the environment to a path relative to the root.
fn store_target(path: &str, inside_root: &str) -> String {
    let above = DEPTH + path.matches('/').count();
    let mut target = String::with_capacity(3 * above + inside_root.len());
    for _ in 0..above {
        target.push_str("../");
    }
    target.push_str(inside_root);
    target
}

fn make_real(path: &PathBuf, stored: &PathBuf, mode: RealMode) -> Result<(), Error> {
    let done = match mode {
        RealMode::Hardlink => match fs_err::hard_link(stored, path) {
            // Another file system or too many links: a copy serves as well.
            Err(error) if is_refused(&error) => copy(stored, path),
            other => other,
        },
        RealMode::Clone => match clone(stored, path) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(error),
            Err(_) => {
                // An unfinished clone left an empty file.
                let _ = fs_err::remove_file(path);
                copy(stored, path)
            }
        },
        RealMode::Copy => copy(stored, path),
    };
    done.map_err(Error::io("write", path))
}

fn is_refused(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = error.raw_os_error().map(Errno::from_raw_os_error);
    // fs-err keeps the number in the error that it wraps.
    let number = number.or_else(|| Errno::from_io_error(error));
    matches!(number, Some(Errno::XDEV | Errno::MLINK | Errno::PERM | Errno::NOTSUP | Errno::NOSYS))
        || matches!(
            error.kind(),
            io::ErrorKind::CrossesDevices
                | io::ErrorKind::TooManyLinks
                | io::ErrorKind::Unsupported
                | io::ErrorKind::PermissionDenied
        )
}

/// A copy that its owner may write.
fn copy(stored: &Path, path: &Path) -> io::Result<()> {
    fs_err::copy(stored, path)?;
    make_writable(path)
}

fn clone(stored: &Path, path: &Path) -> io::Result<()> {
    let from = fs_err::File::open(stored)?;
    let to = fs_err::File::create_new(path)?;
    rustix::fs::ioctl_ficlone(&to, &from)?;
    let mode = from.metadata()?.permissions().mode() | 0o200;
    to.set_permissions(std::fs::Permissions::from_mode(mode))
}

fn make_writable(path: &Path) -> io::Result<()> {
    let mode = fs_err::metadata(path)?.permissions().mode() | 0o200;
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_up_to_the_root() {
        assert_eq!(store_target("x", "store/a"), "../../../store/a");
        assert_eq!(store_target("lib/p/x", "store/a"), "../../../../../store/a");
    }

    #[test]
    fn a_refused_hard_link_becomes_a_copy() {
        let error = |number| io::Error::from_raw_os_error(number);
        assert!(is_refused(&error(18)) && is_refused(&error(31)), "EXDEV, EMLINK");
        assert!(!is_refused(&error(28)) && !is_refused(&error(2)), "ENOSPC, ENOENT");
        // /proc is another file system.
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("copy");
        make_real(&path, &"/proc/self/comm".into(), RealMode::Hardlink).unwrap();
        assert!(path.is_file());
        for mode in [RealMode::Copy, RealMode::Clone] {
            let other = root.path().join(format!("{mode:?}"));
            make_real(&other, &path, mode).unwrap();
            assert!(fs_err::metadata(&other).unwrap().permissions().mode() & 0o200 != 0);
        }
    }
}
