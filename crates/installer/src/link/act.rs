//! Carries out a link plan in a directory. Follows the plan to the letter and decides nothing.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, GENERATION_DEPTH, Root, wheel_place};
use rayon::prelude::*;

use crate::error::Error;
use crate::link::{LinkPlan, RealMode, Step};
use crate::store;

/// Makes the environment of `plan` in `staging`, which is empty and as deep in the root as a generation.
pub(crate) fn act(root: &Root, plan: &LinkPlan, staging: &Dir) -> Result<(), Error> {
    let mut places = Places { staging, last: None };
    let mut files = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Directory { path } => staging.create_dir(path, 0o755)?,
            Step::Link { path, wheel, inside } => {
                let inside = format!("{}/{inside}", wheel_place(&wheel.to_string()));
                let (parent, name) = places.of(path)?;
                parent.create_link(name, store_target(path, &inside))?;
            }
            Step::Symlink { path, target } => {
                let (parent, name) = places.of(path)?;
                parent.create_link(name, target)?;
            }
            Step::File { path, content, executable } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                let (parent, name) = places.of(path)?;
                parent.write_new(name, content, mode)?;
            }
            Step::Real { path, wheel, inside, mode } => {
                files.push(RealFile { to: split(path), wheel, from: split(inside), mode: *mode });
            }
        }
    }
    // All directories exist now: the order of files does not matter.
    let together = |one: &RealFile<'_>, other: &RealFile<'_>| {
        one.to.0 == other.to.0 && one.from.0 == other.from.0 && one.wheel == other.wheel
    };
    let groups: Vec<&[RealFile<'_>]> = files.chunk_by(together).collect();
    groups.par_iter().try_for_each(|group| make_real(root, staging, group))
}

/// The directories of an environment, of which the last one is kept open: what is in one comes together.
struct Places<'a> {
    staging: &'a Dir,
    last: Option<(&'a str, Dir)>,
}

impl<'a> Places<'a> {
    /// The open directory that a path is in, and its name there.
    fn of(&mut self, path: &'a str) -> Result<(&Dir, &'a str), Error> {
        let (parent, name) = split(path);
        if parent.is_empty() {
            return Ok((self.staging, name));
        }
        let dir = match self.last.take() {
            Some((known, dir)) if known == parent => dir,
            _ => self.staging.dir(parent)?,
        };
        let (_, dir) = self.last.insert((parent, dir));
        Ok((dir, name))
    }
}

/// A path as the directory and the name in it.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A file of the store that an environment has as its own.
struct RealFile<'a> {
    to: (&'a str, &'a str),
    wheel: &'a Sha256,
    from: (&'a str, &'a str),
    mode: RealMode,
}

/// Makes the files that come from one directory of the store and go to one of the environment.
fn make_real(root: &Root, staging: &Dir, files: &[RealFile<'_>]) -> Result<(), Error> {
    let Some(first) = files.first() else { return Ok(()) };
    let wheel = store::directory(root, first.wheel)?;
    let from = wheel.dir(first.from.0)?;
    let to = if first.to.0.is_empty() { staging.clone() } else { staging.dir(first.to.0)? };
    for file in files {
        let (stored, name) = (file.from.1, file.to.1);
        let failed = |error| Error::io("write", &to.path().join(name))(error);
        match file.mode {
            RealMode::Hardlink => match from.hard_link(OsStr::new(stored), &to, OsStr::new(name)) {
                // Another file system or too many links: a copy serves as well.
                Err(error) if is_refused(&error) => copy((&from, stored), (&to, name), false)?,
                other => other.map_err(failed)?,
            },
            RealMode::Clone => copy((&from, stored), (&to, name), true)?,
            RealMode::Copy => copy((&from, stored), (&to, name), false)?,
        }
    }
    Ok(())
}

/// The way from a link in the environment to a path relative to the root.
fn store_target(path: &str, inside_root: &str) -> String {
    let above = GENERATION_DEPTH + path.matches('/').count();
    let mut target = String::with_capacity(3 * above + inside_root.len());
    for _ in 0..above {
        target.push_str("../");
    }
    target.push_str(inside_root);
    target
}

fn is_refused(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let number = Errno::from_io_error(error);
    matches!(number, Some(Errno::XDEV | Errno::MLINK | Errno::PERM | Errno::NOTSUP | Errno::NOSYS))
        || matches!(
            error.kind(),
            io::ErrorKind::CrossesDevices
                | io::ErrorKind::TooManyLinks
                | io::ErrorKind::Unsupported
                | io::ErrorKind::PermissionDenied
        )
}

/// A copy that its owner may write; where it is wanted and the file system can, one that shares its blocks
/// with the original until then.
fn copy((from, stored): (&Dir, &str), (to, name): (&Dir, &str), clone: bool) -> Result<(), Error> {
    let missing = || {
        let missing = io::Error::from(io::ErrorKind::NotFound);
        Error::io("read", &from.path().join(stored))(missing)
    };
    let (source, facts) = from.open(stored)?.ok_or_else(missing)?;
    let target = to.create(name, 0o600)?;
    let write = |mut source: &File, mut target: &File| -> io::Result<()> {
        if !clone || rustix::fs::ioctl_ficlone(target, source).is_err() {
            io::copy(&mut source, &mut target)?;
        }
        target.set_permissions(Permissions::from_mode(facts.mode | 0o200))
    };
    write(&source, &target).map_err(Error::io("write", &to.path().join(name)))
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
        let directory = tempfile::tempdir().unwrap();
        let to = Dir::open_named(directory.path()).unwrap();
        // /proc is another file system.
        let from = Dir::open_named("/proc/self".as_ref()).unwrap();
        let refused = from.hard_link(OsStr::new("comm"), &to, OsStr::new("comm")).unwrap_err();
        assert!(is_refused(&refused), "{refused}");
        for clone in [false, true] {
            let name = format!("copy-{clone}");
            copy((&from, "comm"), (&to, &name), clone).unwrap();
            let facts = to.facts(&name).unwrap().unwrap();
            assert!(facts.mode & 0o200 != 0 && facts.size > 0);
        }
    }

    #[test]
    fn a_link_in_the_store_is_not_copied_from() {
        let directory = tempfile::tempdir().unwrap();
        let dir = Dir::open_named(directory.path()).unwrap();
        dir.create_link("link", "/etc/passwd").unwrap();
        let error = copy((&dir, "link"), (&dir, "copy"), false).unwrap_err();
        assert!(error.to_string().contains("there is a symbolic link"), "{error}");
    }
}
