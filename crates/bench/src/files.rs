//! Directory trees: removing and copying them whatever their modes. Knows nothing of environments.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Removes a file or a tree, directories without write permission included (a store has such). What is not there is fine.
///
/// # Errors
/// When something cannot be removed; names its path.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs_err::symlink_metadata(path) else { return Ok(()) };
    if !metadata.is_dir() {
        return fs_err::remove_file(path);
    }
    if fs_err::remove_dir_all(path).is_ok() {
        return Ok(());
    }
    make_writable(path)?;
    fs_err::remove_dir_all(path)
}

fn make_writable(directory: &Path) -> io::Result<()> {
    fs_err::set_permissions(directory, std::fs::Permissions::from_mode(0o755))?;
    for entry in fs_err::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes what is at `path` and makes an empty directory there.
///
/// # Errors
/// When either fails; names the path.
pub(crate) fn make_empty(path: &Path) -> io::Result<()> {
    remove(path)?;
    fs_err::create_dir_all(path)
}

/// Moves a file, to another file system too.
///
/// # Errors
/// When it cannot be read, written or removed; names its path.
pub(crate) fn relocate(from: &Path, to: &Path) -> io::Result<()> {
    match fs_err::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs_err::copy(from, to)?;
            fs_err::remove_file(from)
        }
        moved => moved,
    }
}

/// Copies a tree to a place where nothing is yet; symbolic links stay symbolic links. Files keep their modification times, by which
/// Python knows whether bytecode is still that of its source.
///
/// # Errors
/// When something cannot be read or made; names its path.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs_err::create_dir_all(to)?;
    for entry in fs_err::read_dir(from)? {
        let entry = entry?;
        let (kind, source, target) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_symlink() {
            fs_err::os::unix::fs::symlink(fs_err::read_link(&source)?, &target)?;
        } else {
            fs_err::copy(&source, &target)?;
            let modified = entry.metadata()?.modified()?;
            fs_err::OpenOptions::new().write(true).open(&target)?.file().set_modified(modified)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_copied_and_a_closed_one_removed() {
        let work = tempfile::tempdir().unwrap();
        let (from, to) = (work.path().join("from"), work.path().join("to"));
        fs_err::create_dir_all(from.join("a/b")).unwrap();
        fs_err::write(from.join("a/b/file"), "text").unwrap();
        fs_err::os::unix::fs::symlink("b/file", from.join("a/link")).unwrap();
        let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let times = std::fs::FileTimes::new().set_modified(old);
        fs_err::OpenOptions::new()
            .write(true)
            .open(from.join("a/b/file"))
            .unwrap()
            .file()
            .set_times(times)
            .unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs_err::metadata(to.join("a/b/file")).unwrap().modified().unwrap(), old);
        assert_eq!(fs_err::read_to_string(to.join("a/link")).unwrap(), "text");
        assert_eq!(fs_err::read_link(to.join("a/link")).unwrap(), Path::new("b/file"));
        fs_err::set_permissions(to.join("a"), std::fs::Permissions::from_mode(0o555)).unwrap();
        remove(&to).unwrap();
        remove(&to).unwrap();
        assert!(!to.exists());
    }
}
