//! Opening a path below an open directory: no link is followed, and nothing outside is reached, whatever
//! others do to the tree meanwhile. Knows descriptors and names, and nothing of what is opened.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::random::random_name;

/// Set once the kernel has said that it has no `openat2(2)` (before Linux 5.6).
static WALKS: AtomicBool = AtomicBool::new(false);

/// Opens `path`, which has only plain names, below `dir`.
pub(crate) fn open(
    dir: BorrowedFd<'_>,
    path: &Path,
    flags: OFlags,
    mode: Mode,
) -> io::Result<OwnedFd> {
    check(path)?;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if !WALKS.load(Ordering::Relaxed) {
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match rustix::fs::openat2(dir, path, flags, mode, resolve) {
            Err(Errno::NOSYS) => WALKS.store(true, Ordering::Relaxed),
            // Container engines of that time refuse system calls that they do not know with this. A refusal
            // that is meant comes again below.
            Err(Errno::PERM) => {}
            other => return Ok(other?),
        }
    }
    walk(dir, path, flags, mode)
}

/// The same without `openat2(2)`: a name at a time, each of which must not be a link.
fn walk(dir: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut above: Option<OwnedFd> = None;
    let mut names = path.components().map(Component::as_os_str).peekable();
    while let Some(name) = names.next() {
        let at = above.as_ref().map_or(dir, AsFd::as_fd);
        if names.peek().is_none() {
            return Ok(rustix::fs::openat(at, name, flags, mode)?);
        }
        above = Some(rustix::fs::openat(at, name, step, Mode::empty())?);
    }
    Err(io::ErrorKind::InvalidInput.into())
}

/// A file in `dir` that has no name.
pub(crate) fn nameless(dir: BorrowedFd<'_>) -> io::Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::openat(dir, ".", flags | OFlags::TMPFILE, mode) {
        // File systems of networks and older layered ones have no such files: there one loses its name at once.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
            let name = random_name()?;
            let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
            let file = rustix::fs::openat(dir, &name, flags, mode)?;
            rustix::fs::unlinkat(dir, &name, AtFlags::empty())?;
            Ok(file.into())
        }
        opened => Ok(opened?.into()),
    }
}

fn check(path: &Path) -> io::Result<()> {
    let plain = |component| matches!(component, Component::Normal(_));
    if path.as_os_str().is_empty() || !path.components().all(plain) {
        let reason = format!("`{}` is no path below a directory", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok(())
}

/// The directory that a path's last name is in, for acts that take a name alone.
#[derive(Debug)]
pub(crate) enum Parent<'a> {
    /// The directory itself.
    Same(BorrowedFd<'a>),
    /// One below it.
    Below(OwnedFd),
}

impl<'a> Parent<'a> {
    /// Opens the parent of `path`, and gives the last name.
    pub(crate) fn of<'p>(dir: BorrowedFd<'a>, path: &'p Path) -> io::Result<(Self, &'p OsStr)> {
        check(path)?;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            None => Ok((Self::Same(dir), name)),
            Some(parent) => {
                let flags = OFlags::PATH | OFlags::DIRECTORY;
                Ok((Self::Below(open(dir, parent, flags, Mode::empty())?), name))
            }
        }
    }
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Same(fd) => *fd,
            Self::Below(fd) => fd.as_fd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn top(path: &Path) -> OwnedFd {
        rustix::fs::open(path, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap()
    }

    #[test]
    fn paths_that_are_not_plain_names_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let top = top(directory.path());
        for path in ["", "/etc", "..", "a/../b", "."] {
            let error =
                open(top.as_fd(), Path::new(path), OFlags::RDONLY, Mode::empty()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
        }
    }

    /// A tree of three names a level, each a file, a directory, or a link that leads outside, to its
    /// parent, to a sibling, or nowhere.
    fn plant(directory: &Path, kinds: &mut impl Iterator<Item = u8>, depth: usize) {
        for name in ["a", "b", "c"] {
            let path = directory.join(name);
            match kinds.next().unwrap_or_default() % 7 {
                0 => fs_err::write(&path, "x").unwrap(),
                1 => symlink("/etc", &path).unwrap(),
                2 => symlink("..", &path).unwrap(),
                3 => symlink("a", &path).unwrap(),
                4 => symlink("nowhere", &path).unwrap(),
                _ => {
                    fs_err::create_dir(&path).unwrap();
                    if depth > 0 {
                        plant(&path, kinds, depth - 1);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_kernel_without_openat2_gives_the_same(kinds in prop::collection::vec(any::<u8>(), 40)) {
            let directory = tempfile::tempdir().unwrap();
            plant(directory.path(), &mut kinds.into_iter(), 2);
            let top = top(directory.path());
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
            let names = ["a", "b", "c"];
            let paths = names.iter().flat_map(|one| {
                names.iter().flat_map(move |two| {
                    [one.to_string(), format!("{one}/{two}"), format!("{one}/{two}/a")]
                })
            });
            for path in paths {
                let path = Path::new(&path);
                let new = open(top.as_fd(), path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty());
                let old = walk(top.as_fd(), path, flags, Mode::empty());
                match (new, old) {
                    (Ok(new), Ok(old)) => {
                        let inode = |fd| rustix::fs::fstat(fd).unwrap().st_ino;
                        prop_assert_eq!(inode(&new), inode(&old));
                    }
                    // Both refuse; a link on the way is ELOOP for one and ENOTDIR for the other.
                    (Err(_), Err(_)) => {}
                    (new, old) => prop_assert!(false, "{path:?}: {new:?} {old:?}"),
                }
            }
        }
    }
}
