//! How bytes of a file are had, a piece at a time. Must not know what is in them.

use std::os::unix::fs::FileExt;

/// Gives so many bytes from an offset, or fewer at the end of the file; `None` if it cannot be read.
pub type Read<'a> = dyn Fn(u64, usize) -> Option<Vec<u8>> + 'a;

/// The bytes of an open file.
pub fn of_file<F: FileExt>(file: &F) -> impl Fn(u64, usize) -> Option<Vec<u8>> {
    move |offset, length| {
        let mut bytes = vec![0; length];
        let mut got = 0;
        while got < length {
            match file.read_at(&mut bytes[got..], offset.checked_add(got as u64)?) {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_unreadable) => return None,
            }
        }
        bytes.truncate(got);
        Some(bytes)
    }
}

/// The bytes of a file in memory.
pub fn of_bytes(content: &[u8]) -> impl Fn(u64, usize) -> Option<Vec<u8>> {
    |offset, length| {
        let rest = content.get(usize::try_from(offset).ok()?..)?;
        Some(rest[..length.min(rest.len())].to_vec())
    }
}
