//! Changes of what is there: whole replacement, renaming, removal. By handle, so that a link that somebody
//! plants meanwhile is at most removed itself.

use std::ffi::OsStr;
use std::io;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::beneath::{self, Parent};
use crate::dir::{Dir, Kind};
use crate::error::Error;
use crate::random::{is_random_name, random_name};

/// Whether a replaced file must survive a power cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Written to the disk before it gets its name: after a power cut there is the old content or the new.
    Synced,
    /// Left to the system: losing it costs time only.
    Eventual,
}

/// What the name of a file begins with that is to replace another, until it does.
const UNFINISHED: &str = ".new-";

/// Whether a name is that of a file that was to replace another and has not yet, or never will.
pub fn is_unfinished(name: &str) -> bool {
    name.strip_prefix(UNFINISHED).is_some_and(is_random_name)
}

/// Levels of directories that are open at once while a tree is removed. What lies deeper is moved up first,
/// so that neither descriptors nor the stack run out on a tree that was made for that.
const DEPTH: usize = 24;

impl Dir {
    /// Replaces a file whole: readers see the old content or the new. What else had the name, a link
    /// included, is replaced too, and never followed.
    ///
    /// # Errors
    /// If the disk refuses, or a directory has the name; nothing is left beside it then.
    pub fn replace(
        &self,
        path: impl AsRef<Path>,
        content: &[u8],
        mode: u32,
        durability: Durability,
    ) -> Result<(), Error> {
        self.put(path.as_ref(), |parent, temporary| {
            let mut file = parent.create(temporary, mode)?;
            let place = parent.path().join(temporary);
            // The process's mask has no say in what others must be able to read.
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))
                .map_err(Error::io("write", &place))?;
            file.write_all(content).map_err(Error::io("write", &place))?;
            match durability {
                Durability::Synced => file.sync_all().map_err(Error::io("write", &place)),
                Durability::Eventual => Ok(()),
            }
        })
    }

    /// Replaces what has this name by a symbolic link, in one rename.
    ///
    /// # Errors
    /// As [`Dir::replace`].
    pub fn replace_link(
        &self,
        path: impl AsRef<Path>,
        target: impl AsRef<Path>,
    ) -> Result<(), Error> {
        let target = target.as_ref();
        self.put(path.as_ref(), |parent, temporary| parent.create_link(temporary, target))
    }

    /// Makes something aside and renames it into place.
    fn put(
        &self,
        path: &Path,
        make: impl FnOnce(&Self, &Path) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let parent = match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            None => self.clone(),
            Some(above) => self.dir(above)?,
        };
        let name = path.file_name().unwrap_or_default();
        let unique = random_name().map_err(Error::io("replace", &parent.path().join(name)))?;
        let temporary = format!("{UNFINISHED}{unique}");
        let temporary = Path::new(&temporary);
        let done = make(&parent, temporary).and_then(|()| {
            rustix::fs::renameat(&parent, temporary, &parent, name).map_err(|error| {
                parent.refused("replace", Path::new(name), error.into(), Kind::File)
            })
        });
        if done.is_err() {
            // The first error is the one to report.
            let _ = parent.remove_file(temporary);
        }
        done
    }

    /// Renames something to a place in another directory of the same root. An empty directory or a file
    /// there is replaced.
    ///
    /// # Errors
    /// If it is not there, or the disk refuses.
    pub fn rename(
        &self,
        path: impl AsRef<Path>,
        to: &Self,
        new: impl AsRef<Path>,
    ) -> Result<(), Error> {
        self.rename_with(path.as_ref(), to, new.as_ref(), RenameFlags::empty())
    }

    /// Lets two places change what they hold, in one step.
    ///
    /// # Errors
    /// If one is not there, or the file system cannot do that.
    pub fn exchange(
        &self,
        path: impl AsRef<Path>,
        other: &Self,
        with: impl AsRef<Path>,
    ) -> Result<(), Error> {
        self.rename_with(path.as_ref(), other, with.as_ref(), RenameFlags::EXCHANGE)
    }

    fn rename_with(
        &self,
        path: &Path,
        to: &Self,
        new: &Path,
        flags: RenameFlags,
    ) -> Result<(), Error> {
        let act = || -> io::Result<()> {
            let (from, name) = Parent::of(self.as_fd(), path)?;
            let (into, new) = Parent::of(to.as_fd(), new)?;
            if flags.is_empty() {
                // Also where the kernel does not know the call with flags.
                return Ok(rustix::fs::renameat(from, name, into, new)?);
            }
            Ok(rustix::fs::renameat_with(from, name, into, new, flags)?)
        };
        act().map_err(|error| {
            let in_the_way = to.facts(new).ok().flatten().is_some_and(|facts| !facts.kind.is_dir());
            let moved = self.facts(path).ok().flatten().is_some_and(|facts| facts.kind.is_dir());
            if in_the_way && moved {
                return to.refused("replace", new, error, Kind::Directory);
            }
            Error::io("move", &self.path().join(path))(error)
        })
    }

    /// Gives a file a second name, links not followed.
    ///
    /// # Errors
    /// As the system refuses: another file system, too many names.
    pub fn hard_link(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(self, name, to, new, AtFlags::empty())?)
    }

    /// Removes a file, a link or whatever is no directory; false if there was nothing.
    ///
    /// # Errors
    /// If it is a directory, or the disk refuses.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> Result<bool, Error> {
        self.unlink(path.as_ref(), AtFlags::empty())
    }

    /// Removes an empty directory; false if there was none.
    ///
    /// # Errors
    /// If it is not empty or no directory, or the disk refuses.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> Result<bool, Error> {
        self.unlink(path.as_ref(), AtFlags::REMOVEDIR)
    }

    fn unlink(&self, path: &Path, flags: AtFlags) -> Result<bool, Error> {
        let act = || -> io::Result<()> {
            let (parent, name) = Parent::of(self.as_fd(), path)?;
            Ok(rustix::fs::unlinkat(parent, name, flags)?)
        };
        match act() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove", &self.path().join(path))(error)),
        }
    }

    /// Removes a directory with everything in it, also where its directories are read-only, or whatever
    /// else has the name. Links are removed and never followed.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn remove_tree(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        let parent = match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            None => self.clone(),
            Some(above) => match self.find_dir(above)? {
                Some(parent) => parent,
                None => return Ok(()),
            },
        };
        let name = path.file_name().unwrap_or_default();
        let Some(top) = parent.open_unsealed(name)? else {
            return parent.remove_file(name).map(drop);
        };
        // Each pass empties the tree but for what was too deep, which is in the topmost directory then.
        while top.empty(&top, DEPTH)? {}
        parent.remove_dir(name).map(drop)
    }

    /// Removes what it holds; whether something was moved up to `top` instead.
    fn empty(&self, top: &Self, depth: usize) -> Result<bool, Error> {
        let mut deeper = false;
        for entry in self.entries()? {
            let directory =
                if entry.kind.is_dir() { self.open_unsealed(&entry.name)? } else { None };
            let Some(directory) = directory else {
                self.remove_file(&entry.name)?;
                continue;
            };
            if depth == 0 {
                let up = random_name().map_err(Error::io("remove", directory.path()))?;
                self.rename(&entry.name, top, format!("deep-{up}"))?;
                deeper = true;
                continue;
            }
            deeper |= directory.empty(top, depth - 1)?;
            self.remove_dir(&entry.name)?;
        }
        Ok(deeper)
    }

    /// Opens a directory by its name so that its entries can be removed; `None` if it is none.
    fn open_unsealed(&self, name: &OsStr) -> Result<Option<Self>, Error> {
        let place = self.path().join(name);
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        match beneath::open(self.as_fd(), Path::new(name), flags, Mode::empty()) {
            Ok(fd) => {
                let mode = rustix::fs::fstat(&fd).map_err(Error::io("look at", &place))?.st_mode;
                if mode & 0o700 != 0o700 {
                    use std::os::fd::AsRawFd as _;
                    // What may not be read cannot be opened to be changed, and a path could be another's
                    // by now. This one leads to what is open.
                    let open = format!("/proc/self/fd/{}", fd.as_raw_fd());
                    rustix::fs::chmod(open.as_str(), Mode::from_raw_mode(0o700))
                        .map_err(Error::io("remove", &place))?;
                }
                self.find_dir(name)
            }
            Err(error)
                if matches!(Errno::from_io_error(&error), Some(Errno::NOTDIR | Errno::LOOP)) =>
            {
                Ok(None)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("remove", &place)(error)),
        }
    }
}
