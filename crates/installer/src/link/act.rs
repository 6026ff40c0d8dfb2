//! Carries out a link plan in a directory. Follows the plan to the letter and decides nothing.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::{GENERATION_DEPTH, wheel_place};
use pyfast_root::{Dir, Root};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::link::{LinkPlan, RealMode, Step};

/// Makes the environment of `plan` in `staging`, which is empty and as deep in the root as a generation.
///
/// Each directory is made by the handle of the one that it is in, which is opened once, and is filled by one thread,
/// because the kernel lets only one at a time write into it; several threads work on those of a level side by side.
pub(crate) fn act(root: &Root, plan: &LinkPlan, staging: &Dir) -> Result<(), Error> {
    let Tree { top, levels } = Tree::of(plan);
    fill(&top, root, staging)?;
    levels.iter().try_for_each(|level| level.par_iter().try_for_each(|one| one.make(root, staging)))
}

/// The directories of an environment.
struct Tree<'a> {
    /// What is in the environment itself and is no directory.
    top: Vec<Named<'a>>,
    /// The others by their depth, so that what is above is there before what is in it.
    levels: Vec<Vec<Siblings<'a>>>,
}

/// Directories that are in one.
struct Siblings<'a> {
    /// The directory that they are in; empty for the environment itself.
    parent: &'a str,
    folders: Vec<Folder<'a>>,
}

/// A directory, with everything in it that is none.
struct Folder<'a> {
    name: &'a str,
    steps: Vec<Named<'a>>,
}

/// A step, and the name that it has in its directory.
type Named<'a> = (&'a str, &'a Step);

impl<'a> Tree<'a> {
    fn of(plan: &'a LinkPlan) -> Self {
        let mut levels: Vec<Vec<Siblings<'_>>> = Vec::new();
        // Where the directories in one are, and where one itself is among those.
        let mut parents: FxHashMap<&str, (usize, usize)> = FxHashMap::default();
        let mut places: FxHashMap<&str, (usize, usize, usize)> = FxHashMap::default();
        for step in &plan.steps {
            let Step::Directory { path } = step else { continue };
            let ((parent, name), depth) = (split(path), path.matches('/').count());
            if levels.len() <= depth {
                levels.resize_with(depth + 1, Vec::new);
            }
            let level = &mut levels[depth];
            let (_, group) = *parents.entry(parent).or_insert((depth, level.len()));
            if group == level.len() {
                level.push(Siblings { parent, folders: Vec::new() });
            }
            let folders = &mut level[group].folders;
            places.insert(path, (depth, group, folders.len()));
            folders.push(Folder { name, steps: Vec::new() });
        }
        let mut top = Vec::new();
        for step in &plan.steps {
            if matches!(step, Step::Directory { .. }) {
                continue;
            }
            let (parent, name) = split(step.path());
            match places.get(parent) {
                Some(&(depth, group, index)) => {
                    levels[depth][group].folders[index].steps.push((name, step));
                }
                // What is in a directory that the plan does not make fails by its path when it is made.
                None => top.push((step.path(), step)),
            }
        }
        Self { top, levels }
    }
}

impl Siblings<'_> {
    fn make(&self, root: &Root, staging: &Dir) -> Result<(), Error> {
        let parent = if self.parent.is_empty() {
            staging.clone()
        } else {
            staging.find_dir(self.parent)?.ok_or_else(|| self.missing(staging))?
        };
        self.folders.par_iter().try_for_each(|folder| {
            parent.create_dir(folder.name, 0o755)?;
            fill(&folder.steps, root, &parent.dir(folder.name)?)
        })
    }

    /// The error where the directory that they are in is not there.
    fn missing(&self, staging: &Dir) -> Error {
        let first = self.folders.first().map_or("", |folder| folder.name);
        let place = staging.path().join(self.parent).join(first);
        Error::io("create", &place)(io::Error::from(io::ErrorKind::NotFound))
    }
}

/// Makes everything in a directory that is none itself.
fn fill(steps: &[Named<'_>], root: &Root, dir: &Dir) -> Result<(), Error> {
    let mut origin = Origin { root, last: None };
    for &(name, step) in steps {
        match step {
            Step::Directory { .. } => {}
            Step::Link { path, wheel, inside } => {
                let inside = format!("{}/{inside}", wheel_place(&wheel.to_string()));
                dir.create_link(name, store_target(path, &inside))?;
            }
            Step::Symlink { target, .. } => dir.create_link(name, target)?,
            Step::File { content, executable, .. } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                dir.write_new(name, content, mode)?;
            }
            Step::Real { wheel, inside, mode, .. } => {
                let (from, stored) = split(inside);
                make_real(origin.of(wheel, from)?, stored, dir, name, *mode)?;
            }
        }
    }
    Ok(())
}

/// Directories of the store, of which the last one is kept open: what comes from one comes together.
struct Origin<'a> {
    root: &'a Root,
    last: Option<(&'a Sha256, &'a str, Dir)>,
}

impl<'a> Origin<'a> {
    fn of(&mut self, wheel: &'a Sha256, inside: &'a str) -> Result<&Dir, Error> {
        let known = self.last.take_if(|(last, at, _)| *last == wheel && *at == inside);
        let dir = match known {
            Some((_, _, dir)) => dir,
            None => self.root.wheel_dir(&wheel.to_string(), inside)?,
        };
        Ok(&self.last.insert((wheel, inside, dir)).2)
    }
}

/// A path as the directory and the name in it.
pub(crate) fn split(path: &str) -> (&str, &str) {
    // Names are short: this is asked of every file of an environment, and a loop is quicker than a search.
    match path.bytes().rposition(|byte| byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => ("", path),
    }
}

/// Makes a file of the environment of one of the store.
fn make_real(from: &Dir, stored: &str, to: &Dir, name: &str, mode: RealMode) -> Result<(), Error> {
    match mode {
        RealMode::Hardlink => match from.hard_link(OsStr::new(stored), to, OsStr::new(name)) {
            // Another file system or too many links: a copy serves as well.
            Err(error) if is_refused(&error) => copy(from, stored, to, name, false),
            other => other.map_err(|error| Error::io("write", &to.path().join(name))(error)),
        },
        RealMode::Clone => copy(from, stored, to, name, true),
        RealMode::Copy => copy(from, stored, to, name, false),
    }
}

/// The way from a link in the environment to a path relative to the root.
pub(crate) fn store_target(path: &str, inside_root: &str) -> String {
    let above = GENERATION_DEPTH + path.matches('/').count();
    let mut target = String::with_capacity(3 * above + inside_root.len());
    for _ in 0..above {
        target.push_str("../");
    }
    target.push_str(inside_root);
    target
}

/// Whether a file system refuses a hard link that would be right.
pub(crate) fn is_refused(error: &io::Error) -> bool {
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
fn copy(from: &Dir, stored: &str, to: &Dir, name: &str, clone: bool) -> Result<(), Error> {
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
            copy(&from, "comm", &to, &name, clone).unwrap();
            let facts = to.facts(&name).unwrap().unwrap();
            assert!(facts.mode & 0o200 != 0 && facts.size > 0);
        }
    }

    #[test]
    fn a_link_in_the_store_is_not_copied_from() {
        let directory = tempfile::tempdir().unwrap();
        let dir = Dir::open_named(directory.path()).unwrap();
        dir.create_link("link", "/etc/passwd").unwrap();
        let error = copy(&dir, "link", &dir, "copy", false).unwrap_err();
        assert!(error.to_string().contains("there is a symbolic link"), "{error}");
    }
}
