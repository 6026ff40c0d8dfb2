//! Files of projects, which may be somebody else's: what is no regular file (a FIFO, a device) is
//! neither waited for nor read without end. Links are followed. Knows nothing of what is in the files.

use std::io::{self, Read as _};
use std::path::Path;

pub(crate) use pyfast_root::regular_file::read;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_given_up() {
        let error = read_up_to(Path::new("/dev/zero"), 1 << 10).expect_err("it has no end");
        assert!(error.to_string().contains("larger than 1024 bytes"), "{error}");
        assert!(read_up_to(Path::new("/dev/null"), 0).is_ok());
    }
}
