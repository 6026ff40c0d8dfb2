//! A directory whose files only their owner can read, whatever the process's mask says. It may have
//! been planted, or lie where others write too: only regular files are opened, no link in the place of
//! one is followed, and nothing is waited for. Knows nothing of what is in the files.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use pyfast_root::Dir;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// More than any file of a cache has: the largest source archive.
const LARGEST: u64 = crate::client::LARGEST_FILE as u64;

/// The directory itself.
#[derive(Debug)]
pub(super) struct Private {
    pub(super) path: PathBuf,
    /// Set when it was made sure that nobody else reads it.
    closed: OnceLock<()>,
}

/// Opens a file for reading. What is no regular file may be opened too, but cannot be read at an offset
/// or is found out by [`read`].
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Without NONBLOCK the opening of a FIFO waits for somebody who writes into it.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

/// The content of a regular file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_with_facts(path).map(|(content, _)| content)
}

/// The same, with what was known of the file when it was read.
pub(crate) fn read_with_facts(path: &Path) -> io::Result<(Vec<u8>, Metadata)> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut content = Vec::new();
    // A length that is a lie must not end the process.
    content.try_reserve_exact(usize::try_from(metadata.len()).unwrap_or(usize::MAX))?;
    (&file).take(metadata.len()).read_to_end(&mut content)?;
    Ok((content, metadata))
}

/// Creates a file for its owner alone; what has the name already is never opened.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?))
}

/// Makes sure that a directory is one, of this user, and for him alone.
pub(crate) fn own(path: &Path) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOTDIR | Errno::LOOP => io::Error::other("is no directory"),
        error => error.into(),
    })?;
    let found = rustix::fs::fstat(&directory)?;
    if found.st_uid != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("belongs to another user"));
    }
    if Mode::from_raw_mode(found.st_mode).intersects(Mode::RWXG | Mode::RWXO) {
        rustix::fs::fchmod(&directory, Mode::RWXU)?;
    }
    Ok(())
}

impl Private {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, closed: OnceLock::new() }
    }

    /// Makes a directory in it, with all that lead there.
    pub(super) fn make(&self, directory: &Path) -> io::Result<()> {
        self.close();
        if let Some(parent) = self.path.parent() {
            // Above it others may have to read.
            fs_err::create_dir_all(parent)?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(directory)
    }

    /// Opens a file in it that has no name, for writing and reading.
    pub(super) fn nameless(&self) -> io::Result<File> {
        self.make(&self.path)?;
        Dir::open_named(&self.path)?.nameless()
    }

    /// Writes a file whole or not at all: readers in other processes see the old one or the new one.
    pub(super) fn write(&self, path: &Path, parts: &[&[u8]]) {
        self.write_with(path, |file| parts.iter().try_for_each(|part| file.write_all(part)));
    }

    /// The same of what the caller writes.
    pub(super) fn write_with(
        &self,
        path: &Path,
        content: impl FnOnce(&mut File) -> io::Result<()>,
    ) {
        let Some(directory) = path.parent() else { return };
        self.close();
        let Ok(name) = pyfast_root::random_name() else { return };
        let temporary = directory.join(format!(".tmp-{name}"));
        let file = create(&temporary).or_else(|_| {
            self.make(directory)?;
            create(&temporary)
        });
        let Ok(mut file) = file else { return };
        if content(&mut file).is_err() || fs_err::rename(&temporary, path).is_err() {
            let _ = fs_err::remove_file(&temporary);
        }
    }

    /// Takes the permissions of others away from a directory that was made when it had them, once. One
    /// that is a link or somebody else's is as its owner wants it.
    fn close(&self) {
        self.closed.get_or_init(|| {
            let _ = own(&self.path);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs_err::symlink_metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_written_is_for_its_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("above/root");
        let private = Private::new(root.clone());
        private.write(&root.join("a/b/file"), &[b"one", b"two"]);
        assert_eq!(read(&root.join("a/b/file")).unwrap(), b"onetwo");
        let modes = ["", "a", "a/b", "a/b/file"].map(|name| mode(&root.join(name)));
        assert_eq!(modes, [0o700, 0o700, 0o700, 0o600]);
        assert_eq!(mode(&parent.path().join("above")) & 0o055, 0o055, "others may lie beside it");
        assert_eq!(fs_err::read_dir(root.join("a/b")).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn an_open_directory_is_closed_once_when_it_is_written() {
        let root = tempfile::tempdir().unwrap();
        let open = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            fs_err::set_permissions(root.path(), mode).unwrap();
        };
        open(0o777);
        let private = Private::new(root.path().to_owned());
        assert!(read(&root.path().join("none")).is_err());
        assert_eq!(mode(root.path()), 0o777, "reading changes nothing");
        private.write(&root.path().join("file"), &[b"x"]);
        assert_eq!(mode(root.path()), 0o700);
        open(0o755);
        private.write(&root.path().join("file"), &[b"x"]);
        assert_eq!(mode(root.path()), 0o755, "who opens it again meanwhile is heard");
    }

    #[test]
    fn what_a_link_leads_to_stays_as_it_is() {
        let place = tempfile::tempdir().unwrap();
        let (other, root) = (place.path().join("other"), place.path().join("root"));
        fs_err::create_dir(&other).unwrap();
        fs_err::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&other, &root).unwrap();
        let private = Private::new(root.clone());
        private.write(&root.join("a/file"), &[b"x"]);
        assert_eq!((mode(&other), mode(&other.join("a"))), (0o755, 0o700));
        let victim = place.path().join("victim");
        fs_err::write(&victim, "kept").unwrap();
        symlink(&victim, root.join("a/link")).unwrap();
        assert!(read(&root.join("a/link")).is_err(), "a link is no file of a cache");
        private.write(&root.join("a/link"), &[b"new"]);
        assert_eq!(read(&root.join("a/link")).unwrap(), b"new");
        assert_eq!(fs_err::read_to_string(&victim).unwrap(), "kept");
    }

    #[test]
    fn what_is_no_regular_file_is_not_waited_for() {
        use std::os::unix::fs::FileExt as _;
        let root = tempfile::tempdir().unwrap();
        let fifo = root.path().join("fifo");
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(read(&fifo).is_err());
        assert!(open(&fifo).unwrap().read_at(&mut [0], 0).is_err(), "it has no offset");
        assert!(read(root.path()).is_err());
        let sparse = File::create_new(root.path().join("sparse")).unwrap();
        sparse.set_len(LARGEST + 1).unwrap();
        assert!(read(&root.path().join("sparse")).is_err());
    }
}
