//! Reading files in directories that may be somebody else's: what is no regular file, such as a pipe that nobody
//! writes, is refused instead of waited for.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens the regular file at `path`, or the one that a link there leads to.
///
/// # Errors
/// If there is none, which the error names.
pub fn open(path: &Path) -> io::Result<File> {
    let named = |error: io::Error| {
        io::Error::new(error.kind(), format!("failed to open file `{}`: {error}", path.display()))
    };
    // Without it the open itself would wait for whoever opens the other end of a pipe.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(named)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(named(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")))
}

/// The content of the regular file at `path`.
///
/// # Errors
/// If there is none or it cannot be read; the error names it.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("failed to read from file `{}`: {error}", path.display()),
        )
    })?;
    Ok(bytes)
}

/// The text of the regular file at `path`.
///
/// # Errors
/// If there is none, it cannot be read, or it is not UTF-8; the error names it.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let message = format!("failed to read from file `{}`: {error}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn regular_files_are_read_by_links_too() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs_err::write(&file, "text").unwrap();
        symlink("file", &link).unwrap();
        assert_eq!(read_text(&file).unwrap(), "text");
        assert_eq!(read_text(&link).unwrap(), "text");
        fs_err::write(&file, [0xff]).unwrap();
        assert_eq!(read_text(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once_and_named() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, place("pipe"), 0o600.into()).unwrap();
        let _socket = UnixListener::bind(place("socket")).unwrap();
        fs_err::create_dir(place("directory")).unwrap();
        for name in ["pipe", "socket", "directory", "absent"] {
            let error = read(&place(name)).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        let absent = read(&place("absent")).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }
}
