//! Digests of files that were read before. Owns when a remembered digest may be believed; must not know what the
//! files are for, nor where the memory is kept.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use pyfast_root::Stamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Digests by path, believed while size, times and inode of the file are what they were. A value to be kept between
/// runs in whatever form serde can write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDigests {
    files: HashMap<String, Known>,
    #[serde(skip)]
    read: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    stamp: Stamp,
    sha256: [u8; 32],
}

impl FileDigests {
    /// How many files had to be read since this value was made or loaded.
    pub fn read(&self) -> usize {
        self.read
    }

    /// SHA-256 of a file's content.
    pub(crate) fn digest(
        &mut self,
        path: &Path,
        metadata: &std::fs::Metadata,
        now: SystemTime,
    ) -> std::io::Result<[u8; 32]> {
        let key = path.to_string_lossy();
        let stamp = Stamp::of(metadata);
        if let Some(known) = self.files.get(key.as_ref())
            && known.stamp == stamp
        {
            return Ok(known.sha256);
        }
        let sha256 = hash(path)?;
        self.read += 1;
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        if stamp.is_settled(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)) {
            self.files.insert(key.into_owned(), Known { stamp, sha256 });
        } else {
            self.files.remove(key.as_ref());
        }
        Ok(sha256)
    }
}

fn hash(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut file = fs_err::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
