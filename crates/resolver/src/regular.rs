//! Files of projects, which may be somebody else's: what is no regular file (a FIFO, a device) is
//! neither waited for nor read without end. Links are followed. Knows nothing of what is in the files.

use std::io::{self, Read as _};
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use rustix::fs::OFlags;

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> io::Result<fs_err::File> {
    // Without it the opening of a FIFO waits for somebody who writes into it.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = fs_err::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_file()) }
}

/// The content of a regular file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// The same as text.
pub(crate) fn read_to_string(path: &Path) -> io::Result<String> {
    let mut content = String::new();
    open(path)?.read_to_string(&mut content)?;
    Ok(content)
}

/// The content of what a user names himself: it may be a pipe, but not one without end.
pub(crate) fn read_up_to(path: &Path, largest: usize) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let limit = u64::try_from(largest).unwrap_or(u64::MAX).saturating_add(1);
    fs_err::File::open(path)?.take(limit).read_to_end(&mut content)?;
    if content.len() > largest {
        return Err(io::Error::other(format!("it is larger than {largest} bytes")));
    }
    Ok(content)
}

fn no_file() -> io::Error {
    io::Error::other("it is no regular file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_neither_waited_for_nor_read() {
        let place = tempfile::tempdir().unwrap();
        let (fifo, link) = (place.path().join("fifo"), place.path().join("link"));
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, mode, 0).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [fifo.as_path(), &link, place.path()] {
            let error = open(path).expect_err("it is no file").to_string();
            assert_eq!(error, "it is no regular file", "{}", path.display());
        }
        fs_err::write(place.path().join("file"), "x").unwrap();
        fs_err::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        assert_eq!(read(&link).unwrap(), b"x");
    }

    #[test]
    fn what_has_no_end_is_given_up() {
        let error = read_up_to(Path::new("/dev/zero"), 1 << 10).expect_err("it has no end");
        assert!(error.to_string().contains("larger than 1024 bytes"), "{error}");
        assert!(read_up_to(Path::new("/dev/null"), 0).is_ok());
    }
}
