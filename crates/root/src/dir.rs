//! A directory that is open, and what can be done below it: every path is taken from the open directory,
//! no link on it is followed, and what is read is a regular file. Knows nothing of what is kept where.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::buffer::spare_capacity;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use crate::beneath::{self, Parent};
use crate::error::Error;

/// What is at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device, or what the system has besides.
    Device,
}

impl Kind {
    /// Whether it is a directory.
    pub fn is_dir(self) -> bool {
        self == Self::Directory
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "a directory",
            Self::File => "a file",
            Self::Link => "a symbolic link",
            Self::Fifo => "a named pipe",
            Self::Socket => "a socket",
            Self::Device => "a device",
        })
    }
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::Directory => Self::Directory,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Link,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            _ => Self::Device,
        }
    }
}

/// What the system says of a place, links not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
    /// When its content was written, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// When its content or its facts were changed, in nanoseconds since 1970.
    pub changed_ns: i128,
    /// Its owner.
    pub owner: u32,
    /// How many names it has.
    pub links: u64,
    /// Its number, unique on its device.
    pub inode: u64,
    /// The device.
    pub device: u64,
}

impl From<Stat> for Facts {
    #[expect(clippy::useless_conversion, reason = "the types differ between architectures")]
    fn from(stat: Stat) -> Self {
        let time = |seconds: i64, nanoseconds: u64| {
            i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
        };
        Self {
            kind: FileType::from_raw_mode(stat.st_mode).into(),
            mode: stat.st_mode & 0o7777,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified_ns: time(stat.st_mtime.into(), stat.st_mtime_nsec.into()),
            changed_ns: time(stat.st_ctime.into(), stat.st_ctime_nsec.into()),
            owner: stat.st_uid,
            links: stat.st_nlink.into(),
            inode: stat.st_ino,
            device: stat.st_dev,
        }
    }
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: OsString,
    /// What it is, links not followed.
    pub kind: Kind,
}

/// An open directory of a root. Clones share the descriptor.
#[derive(Debug, Clone)]
pub struct Dir {
    fd: Arc<OwnedFd>,
    /// For messages.
    path: PathBuf,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// How directories are opened that are listed, synced, or given another mode.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// How files are read: what is no file must not make this process wait, or become its terminal.
const READ: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

impl Dir {
    /// Opens a directory by a name that the user gave, links followed.
    ///
    /// # Errors
    /// If it is not there, or no directory.
    pub fn open_named(path: &Path) -> io::Result<Self> {
        let fd = rustix::fs::open(path, DIRECTORY, Mode::empty())?;
        Ok(Self { fd: Arc::new(fd), path: path.to_owned() })
    }

    /// Where it was when it was opened, for messages and for programs that are told of it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same open directory under the name that another path has for it.
    fn join(&self, path: &Path) -> PathBuf {
        self.path.join(path)
    }

    /// A directory below; `None` if there is nothing of that name.
    ///
    /// # Errors
    /// If something else is there, or a link is on the way.
    pub fn find_dir(&self, path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        let path = path.as_ref();
        match beneath::open(self.as_fd(), path, DIRECTORY, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd: Arc::new(fd), path: self.join(path) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.refused("open", path, error, Kind::Directory)),
        }
    }

    /// A directory below, which must be there.
    ///
    /// # Errors
    /// As [`Dir::find_dir`], and if there is nothing.
    pub fn dir(&self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        self.find_dir(path)?.ok_or_else(|| Error::Io {
            act: "open",
            path: self.join(path),
            source: io::ErrorKind::NotFound.into(),
        })
    }

    /// A directory below, made with everything above it where it is missing.
    ///
    /// # Errors
    /// If something else is in the way, or the disk refuses.
    pub(crate) fn ensure_dir(&self, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        if let Some(found) = self.find_dir(path)? {
            return Ok(found);
        }
        let mut dir = self.clone();
        for name in path {
            if dir.find_dir(name)?.is_none() {
                let made = rustix::fs::mkdirat(&dir, name, Mode::from_raw_mode(0o755));
                if let Err(error) = made
                    && error != Errno::EXIST
                {
                    return Err(Error::io("create", &dir.path.join(name))(error));
                }
            }
            dir = dir.dir(name)?;
        }
        Ok(dir)
    }

    /// Makes a directory that must not exist; its parent must.
    ///
    /// # Errors
    /// If something of that name is there, or the disk refuses.
    pub fn create_dir(&self, path: impl AsRef<Path>, mode: u32) -> Result<(), Error> {
        let path = path.as_ref();
        let act = || -> io::Result<()> {
            let (parent, name) = Parent::of(self.as_fd(), path)?;
            Ok(rustix::fs::mkdirat(parent, name, Mode::from_raw_mode(mode))?)
        };
        act().map_err(|error| self.refused("create", path, error, Kind::Directory))
    }

    /// What is at a place; `None` if nothing is.
    ///
    /// # Errors
    /// If a link is on the way, or the disk refuses.
    pub fn facts(&self, path: impl AsRef<Path>) -> Result<Option<Facts>, Error> {
        let path = path.as_ref();
        let look = || -> io::Result<Stat> {
            let (parent, name) = Parent::of(self.as_fd(), path)?;
            Ok(rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?)
        };
        match look() {
            Ok(stat) => Ok(Some(stat.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.refused("look at", path, error, Kind::Directory)),
        }
    }

    /// What is at a place now, by a single look that follows links on the way: enough to see whether it is what was
    /// noted of it before, and nothing to act on. `None` also where it cannot be looked at.
    pub fn glance(&self, path: impl AsRef<Path>) -> Option<Facts> {
        Some(rustix::fs::statat(self, path.as_ref(), AtFlags::SYMLINK_NOFOLLOW).ok()?.into())
    }

    /// What this directory itself is.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn own_facts(&self) -> Result<Facts, Error> {
        let stat = rustix::fs::fstat(self).map_err(Error::io("look at", &self.path))?;
        Ok(stat.into())
    }

    /// Whether a regular file is at a place.
    pub fn has_file(&self, path: impl AsRef<Path>) -> bool {
        self.facts(path).is_ok_and(|facts| facts.is_some_and(|facts| facts.kind == Kind::File))
    }

    /// Whether a regular file is at a place, where nothing else may be.
    ///
    /// # Errors
    /// If something else is there, or a link is on the way.
    pub fn opens(&self, path: impl AsRef<Path>) -> Result<bool, Error> {
        let path = path.as_ref();
        let Some(facts) = self.facts(path)? else { return Ok(false) };
        if facts.kind == Kind::File {
            return Ok(true);
        }
        let (act, found, expected) = ("open", facts.kind, Kind::File);
        Err(Error::Kind { act, path: self.join(path), found, expected })
    }

    /// Whether a directory is at a place.
    pub fn has_dir(&self, path: impl AsRef<Path>) -> bool {
        self.facts(path).is_ok_and(|facts| facts.is_some_and(|facts| facts.kind == Kind::Directory))
    }

    /// Opens a regular file to be read; `None` if there is nothing of that name.
    ///
    /// # Errors
    /// If something else is there, or a link is on the way.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Option<(File, Facts)>, Error> {
        self.open_with(path.as_ref(), READ)
    }

    /// Opens a regular file that is there, to be read and written or locked.
    ///
    /// # Errors
    /// As [`Dir::open`], and if it may not be written.
    pub(crate) fn open_writable(&self, path: &Path) -> Result<Option<(File, Facts)>, Error> {
        self.open_with(path, READ.union(OFlags::RDWR))
    }

    /// Opens a regular file that is there, to be written at its end.
    pub(crate) fn open_append(&self, path: &Path) -> Result<Option<(File, Facts)>, Error> {
        self.open_with(path, READ.union(OFlags::RDWR).union(OFlags::APPEND))
    }

    fn open_with(&self, path: &Path, flags: OFlags) -> Result<Option<(File, Facts)>, Error> {
        let fd = match beneath::open(self.as_fd(), path, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.refused("open", path, error, Kind::File)),
        };
        let facts: Facts =
            rustix::fs::fstat(&fd).map_err(Error::io("open", &self.join(path)))?.into();
        if facts.kind != Kind::File {
            let (act, found, expected) = ("open", facts.kind, Kind::File);
            return Err(Error::Kind { act, path: self.join(path), found, expected });
        }
        Ok(Some((File::from(fd), facts)))
    }

    /// Reads a file whole; `None` if there is none.
    ///
    /// # Errors
    /// As [`Dir::open`], and [`Error::TooLarge`] beyond `limit` bytes.
    pub fn read(&self, path: impl AsRef<Path>, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let path = path.as_ref();
        let Some((file, facts)) = self.open(path)? else { return Ok(None) };
        // With a byte to spare, the end is met where nothing has to grow.
        let expected = usize::try_from(facts.size.min(limit)).unwrap_or(0).saturating_add(1);
        let mut content = Vec::with_capacity(expected);
        while content.len() as u64 <= limit {
            content.reserve(1);
            let read = retry_on_intr(|| rustix::io::read(&file, spare_capacity(&mut content)));
            if read.map_err(|error| Error::io("read", &self.join(path))(error))? == 0 {
                return Ok(Some(content));
            }
        }
        Err(Error::TooLarge { path: self.join(path), limit })
    }

    /// Reads a text file whole; `None` if there is none.
    ///
    /// # Errors
    /// As [`Dir::read`], and [`Error::Damaged`] if it is not UTF-8.
    pub fn read_text(&self, path: impl AsRef<Path>, limit: u64) -> Result<Option<String>, Error> {
        let path = path.as_ref();
        let Some(content) = self.read(path, limit)? else { return Ok(None) };
        String::from_utf8(content).map(Some).map_err(|_error| Error::Damaged {
            path: self.join(path),
            reason: "it is not UTF-8".to_owned(),
        })
    }

    /// Creates a file that must not exist; its parent must. `mode` is what the process's mask may take
    /// permissions from.
    ///
    /// # Errors
    /// If something of that name is there, or the disk refuses.
    pub fn create(&self, path: impl AsRef<Path>, mode: u32) -> Result<File, Error> {
        let path = path.as_ref();
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let created = beneath::open(self.as_fd(), path, flags, Mode::from_raw_mode(mode));
        let fd = created.map_err(|error| self.refused("create", path, error, Kind::File))?;
        Ok(File::from(fd))
    }

    /// Creates a file that has no name and goes with whoever holds it, for reading and writing by this user alone.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn nameless(&self) -> io::Result<File> {
        beneath::nameless(self.as_fd())
    }

    /// Creates a file with this content.
    ///
    /// # Errors
    /// As [`Dir::create`].
    pub fn write_new(
        &self,
        path: impl AsRef<Path>,
        content: &[u8],
        mode: u32,
    ) -> Result<File, Error> {
        let path = path.as_ref();
        let mut file = self.create(path, mode)?;
        file.write_all(content).map_err(Error::io("write", &self.join(path)))?;
        Ok(file)
    }

    /// Makes a symbolic link that must not exist.
    ///
    /// # Errors
    /// If something of that name is there, or the disk refuses.
    pub fn create_link(
        &self,
        path: impl AsRef<Path>,
        target: impl AsRef<Path>,
    ) -> Result<(), Error> {
        let path = path.as_ref();
        let act = || -> io::Result<()> {
            let (parent, name) = Parent::of(self.as_fd(), path)?;
            Ok(rustix::fs::symlinkat(target.as_ref(), parent, name)?)
        };
        act().map_err(|error| self.refused("link", path, error, Kind::Link))
    }

    /// Where a symbolic link leads, which is not followed; `None` if there is nothing of that name.
    ///
    /// # Errors
    /// If something else is there.
    pub fn read_link(&self, path: impl AsRef<Path>) -> Result<Option<PathBuf>, Error> {
        let path = path.as_ref();
        let act = || -> io::Result<PathBuf> {
            let (parent, name) = Parent::of(self.as_fd(), path)?;
            let target = rustix::fs::readlinkat(parent, name, Vec::new())?;
            Ok(OsString::from_vec(target.into_bytes()).into())
        };
        match act() {
            Ok(target) => Ok(Some(target)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.refused("read", path, error, Kind::Link)),
        }
    }

    /// What it holds, sorted by name.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        let failed = |error: Errno| Error::io("read", &self.path)(error);
        let mut found = Vec::new();
        for entry in rustix::fs::Dir::read_from(self).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            let name = OsString::from_vec(bytes.to_vec());
            let kind = match entry.file_type() {
                // A file system that does not tell has to be asked.
                FileType::Unknown => match self.facts(&name)? {
                    Some(facts) => facts.kind,
                    None => continue,
                },
                kind => kind.into(),
            };
            found.push(Entry { name, kind });
        }
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Gives this directory itself other permissions.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn set_mode(&self, mode: u32) -> Result<(), Error> {
        rustix::fs::fchmod(self, Mode::from_raw_mode(mode))
            .map_err(Error::io("set the mode of", &self.path))
    }

    /// Makes the names in this directory durable.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn sync(&self) -> Result<(), Error> {
        rustix::fs::fsync(self).map_err(Error::io("sync", &self.path))
    }

    /// The error of an act: what is in the way, where something is.
    pub(crate) fn refused(
        &self,
        act: &'static str,
        path: &Path,
        error: io::Error,
        expected: Kind,
    ) -> Error {
        let number = Errno::from_io_error(&error);
        let in_the_way = [Errno::LOOP, Errno::NOTDIR, Errno::NXIO, Errno::ISDIR, Errno::XDEV];
        let in_the_way = in_the_way.into_iter().any(|known| number == Some(known))
            || (expected == Kind::Link && number == Some(Errno::INVAL));
        if in_the_way && let Some((path, found, expected)) = self.obstacle(path, expected) {
            return Error::Kind { act, path, found, expected };
        }
        Error::io(act, &self.join(path))(error)
    }

    /// The first place on a path that is not what it should be.
    fn obstacle(&self, path: &Path, expected: Kind) -> Option<(PathBuf, Kind, Kind)> {
        let mut above = self.clone();
        let mut names = path.iter().peekable();
        while let Some(name) = names.next() {
            let stat = rustix::fs::statat(&above, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let found = Facts::from(stat).kind;
            let last = names.peek().is_none();
            let wanted = if last { expected } else { Kind::Directory };
            if found != wanted {
                return Some((above.path.join(name), found, wanted));
            }
            if !last {
                above = above.find_dir(name).ok()??;
            }
        }
        None
    }
}
