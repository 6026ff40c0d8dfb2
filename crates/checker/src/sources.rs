//! How files are had: the one way by which the checker sees a disk, so that somebody else can show it another, or remember.
//! Must not know what is in them.

use std::io;
use std::path::{Path, PathBuf};

/// What a directory has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// The name, exactly as it is written.
    pub name: String,
    /// Whether it is a directory, or a link to one.
    pub is_directory: bool,
}

/// The files that a check may see.
pub trait Files: Sync {
    /// A file's bytes.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// What a directory has; empty if it is none. Names that are no text are left out: nothing can import them.
    fn list(&self, directory: &Path) -> Vec<Listed>;

    /// The file or directory of the project that would be at a place where nothing is, if something brought it there.
    fn left_out(&self, _path: &Path) -> Option<PathBuf> {
        None
    }

    /// Whether a file that is not there is one that something makes, as far as the project says so.
    fn is_made(&self, _path: &Path) -> bool {
        false
    }

    /// Where a file really is: the same file has one origin, whoever shows it by whatever path. `None` where it has none
    /// on this machine.
    fn origin(&self, path: &Path) -> Option<PathBuf>;
}

/// The files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        // What is no regular file may keep whoever opens it waiting.
        if !fs_err::metadata(path)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        fs_err::read(path)
    }

    fn list(&self, directory: &Path) -> Vec<Listed> {
        let Ok(entries) = fs_err::read_dir(directory) else { return Vec::new() };
        let listed = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let kind = entry.file_type().ok()?;
            let is_directory = kind.is_dir() || kind.is_symlink() && entry.path().is_dir();
            Some(Listed { name, is_directory })
        });
        listed.collect()
    }

    fn origin(&self, path: &Path) -> Option<PathBuf> {
        Some(path.to_path_buf())
    }
}
