//! Small acts on the disk that several rooms need: whole-file replacement, working directories that
//! vanish with their process, locks. Knows nothing of wheels or environments.

use std::fs::TryLockError;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fs_err as fs;

use crate::error::Error;

/// Distinguishes the names that one process makes up.
static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A name no other process or thread makes up at the same moment. A collision (equal process ids in
/// two containers) is met by `O_EXCL` where the name is used.
pub(crate) fn fresh_name() -> String {
    let random = std::hash::BuildHasher::hash_one(
        &std::collections::hash_map::RandomState::new(),
        COUNTER.load(Ordering::Relaxed),
    );
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{}-{count}-{random:016x}", std::process::id())
}

/// Writes a whole file beside `path`, syncs it, and renames it into place.
pub(crate) fn replace(path: &Path, content: &[u8]) -> Result<(), Error> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let temporary = directory.join(format!(".{}", fresh_name()));
    let written = write_new(&temporary, content, 0o644)
        .and_then(|file| file.sync_all().map_err(Error::io("write", &temporary)))
        .and_then(|()| fs::rename(&temporary, path).map_err(Error::io("replace", path)));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Creates a file that must not exist.
pub(crate) fn write_new(path: &Path, content: &[u8], mode: u32) -> Result<fs::File, Error> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(mode);
    let file = options.open(path).map_err(Error::io("create", path))?;
    let mut file = fs::File::from_parts(file, path);
    file.write_all(content).map_err(Error::io("write", path))?;
    Ok(file)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<(), Error> {
    let act = || fs::File::open(path)?.sync_all();
    act().map_err(Error::io("sync", path))
}

/// Replaces `link` by a symbolic link to `target` in one rename.
pub(crate) fn replace_link(target: &Path, link: &Path) -> Result<(), Error> {
    let directory = link.parent().unwrap_or(Path::new("/"));
    let temporary = directory.join(format!(".{}", fresh_name()));
    let act = || {
        fs_err::os::unix::fs::symlink(target, &temporary)?;
        fs::rename(&temporary, link)
    };
    act().map_err(|error: io::Error| {
        let _ = fs::remove_file(&temporary);
        Error::io("replace", link)(error)
    })
}

/// Removes a tree whose directories may be read-only; symbolic links are not followed.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Error> {
    let act = || {
        unseal(path)?;
        fs::remove_dir_all(path)
    };
    match act() {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", path)(error))
        }
        _ => Ok(()),
    }
}

fn unseal(directory: &Path) -> io::Result<()> {
    let mode = fs::symlink_metadata(directory)?.permissions().mode();
    if mode & 0o700 != 0o700 {
        fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            unseal(&entry.path())?;
        }
    }
    Ok(())
}

/// A directory in `tmp/` that belongs to this process. It is locked while it is in use, so that
/// whatever a killed process left is known to be stale without asking a clock or a process table
/// (process ids mean nothing across containers). Removed when dropped.
#[derive(Debug)]
pub(crate) struct Workspace {
    path: PathBuf,
    _lock: std::fs::File,
}

impl Workspace {
    /// Removes what killed processes left in `tmp`, and makes a directory of our own.
    pub(crate) fn create(tmp: &Path) -> Result<Self, Error> {
        sweep(tmp)?;
        loop {
            let path = tmp.join(fresh_name());
            let mut builder = std::fs::DirBuilder::new();
            match builder.mode(0o755).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(Error::io("create", &path)(error)),
            }
            // A sweeper may see the directory before it is locked, and remove it: try again then.
            let Ok(directory) = fs::File::open(&path) else { continue };
            let lock = directory.into_parts().0;
            if lock.try_lock().is_ok() && path.is_dir() {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // What cannot be removed now is swept by the next process.
        let _ = remove_tree(&self.path);
    }
}

/// Removes the directories in `tmp` that nobody holds locked.
fn sweep(tmp: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(tmp).map_err(Error::io("read", tmp))? {
        let path = entry.map_err(Error::io("read", tmp))?.path();
        let Ok(file) = fs::File::open(&path) else { continue };
        if file.file().try_lock().is_ok() {
            // Another sweeper may have been faster.
            let _ = remove_tree(&path);
        }
    }
    Ok(())
}

/// An advisory lock, held until dropped or until the process dies.
#[derive(Debug)]
pub struct FileLock {
    file: std::fs::File,
}

/// How long to wait for a lock.
const PATIENCE: Duration = Duration::from_mins(5);

impl FileLock {
    /// Takes the lock file `path` for this process alone, and creates it if needed.
    /// `waiting` is called once if another process holds it.
    ///
    /// # Errors
    /// If the file cannot be created, or the lock is not free after five minutes.
    pub fn exclusive(path: &Path, waiting: &dyn Fn(&Path)) -> Result<Self, Error> {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o666).open(path);
        let file = file.map_err(Error::io("open", path))?;
        Self::wait(file, path, std::fs::File::try_lock, waiting)
    }

    /// Takes an existing file for this process and others that share it. Works on read-only mounts.
    ///
    /// # Errors
    /// If the file is not there, or another process holds it alone for five minutes.
    pub fn shared(path: &Path, waiting: &dyn Fn(&Path)) -> Result<Self, Error> {
        let file = fs::File::open(path).map_err(Error::io("open", path))?.into_parts().0;
        Self::wait(file, path, std::fs::File::try_lock_shared, waiting)
    }

    /// Takes an existing file for this process alone, and waits for others.
    pub(crate) fn exclusive_existing(path: &Path) -> Result<Self, Error> {
        let file = fs::File::open(path).map_err(Error::io("open", path))?.into_parts().0;
        Self::wait(file, path, std::fs::File::try_lock, &|_| ())
    }

    /// Takes an existing file for this process alone; `None` if another process holds it.
    ///
    /// # Errors
    /// If the file cannot be opened or locked.
    pub fn try_exclusive(path: &Path) -> Result<Option<Self>, Error> {
        let file = fs::File::open(path).map_err(Error::io("open", path))?.into_parts().0;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
        }
    }

    /// Takes the lock file `path` for this process alone, and creates it if needed; `None` if
    /// another process holds it.
    ///
    /// # Errors
    /// If the file cannot be created or locked.
    pub(crate) fn try_create(path: &Path) -> Result<Option<Self>, Error> {
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o666).open(path);
        let file = file.map_err(Error::io("open", path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) if is_unsupported(&error) => Ok(Some(Self { file })),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
        }
    }

    fn wait(
        file: std::fs::File,
        path: &Path,
        take: impl Fn(&std::fs::File) -> Result<(), TryLockError>,
        waiting: &dyn Fn(&Path),
    ) -> Result<Self, Error> {
        let begun = Instant::now();
        let mut told = false;
        loop {
            match take(&file) {
                Ok(()) => return Ok(Self { file }),
                // A file system without locks: better to work without one than not at all.
                Err(TryLockError::Error(error)) if is_unsupported(&error) => {
                    return Ok(Self { file });
                }
                Err(TryLockError::Error(error)) => return Err(Error::io("lock", path)(error)),
                Err(TryLockError::WouldBlock) => {}
            }
            if begun.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                return Err(Error::LockTimeout { path: path.to_owned(), seconds });
            }
            if !std::mem::replace(&mut told, true) {
                waiting(path);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // To close is not enough: a child that another thread has forked and that has not yet
        // reached its program holds the same open file, and with it the lock.
        let _ = self.file.unlock();
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(number, Some(rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_swept_and_what_is_in_use_stays() {
        let tmp = tempfile::tempdir().unwrap();
        let stale = tmp.path().join("1-0-dead");
        fs::create_dir_all(stale.join("deep")).unwrap();
        fs::write(stale.join("deep/file"), "x").unwrap();
        let sealed = std::fs::Permissions::from_mode(0o555);
        fs::set_permissions(stale.join("deep"), sealed).unwrap();

        let first = Workspace::create(tmp.path()).unwrap();
        assert!(!stale.exists());
        let second = Workspace::create(tmp.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists() && second.path().is_dir());
    }

    #[test]
    fn removing_a_tree_leaves_what_its_links_point_to() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("kept")).unwrap();
        fs::write(root.path().join("kept/file"), "x").unwrap();
        fs::create_dir(root.path().join("tree")).unwrap();
        replace_link(Path::new("../kept"), &root.path().join("tree/link")).unwrap();
        remove_tree(&root.path().join("tree")).unwrap();
        assert!(!root.path().join("tree").exists());
        assert!(root.path().join("kept/file").exists());
    }

    #[test]
    fn a_dropped_lock_is_free_though_a_forked_child_has_its_file() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let held = FileLock::exclusive(&path, &|_| ()).unwrap();
        let inherited = held.file.try_clone().unwrap();
        drop(held);
        assert!(FileLock::try_exclusive(&path).unwrap().is_some());
        drop(inherited);
    }

    #[test]
    fn an_exclusive_lock_excludes_and_a_shared_one_shares() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("lock");
        let none = |_: &Path| panic!("nobody holds it");
        let held = FileLock::exclusive(&path, &none).unwrap();
        assert!(FileLock::try_exclusive(&path).unwrap().is_none());
        drop(held);
        let shared = FileLock::shared(&path, &none).unwrap();
        let also = FileLock::shared(&path, &none).unwrap();
        assert!(FileLock::try_exclusive(&path).unwrap().is_none());
        drop((shared, also));
        assert!(FileLock::try_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn a_failed_replacement_leaves_the_old_file_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("taken")).unwrap();
        assert!(replace(&root.path().join("taken"), b"new").is_err());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
