//! What containers built of sources, in files below the user's cache directory: by everything that shapes
//! a build, and by the volume that it was built for, so that no image decides what another volume gets.
//! Losing it costs a build.
//!
//! ```text
//! built-1/<key>/metadata   METADATA, of a wheel or without one
//! built-1/<key>/<wheel>    the wheel
//! ```

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pyfast_installer::build::built_wheel;
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_root::{Lock, LockName, Root, Share, Waiting, whole_file};

use super::workplace::{Made, Wheel};
use crate::building::BUILDS;

const METADATA: &str = "metadata";
/// The directory of all in the cache.
const KEPT: &str = "built-1";

/// What one build gave.
pub(crate) struct Kept {
    place: PathBuf,
    /// The root of builds, where locks are.
    builds: PathBuf,
    key: String,
}

impl Kept {
    /// What is kept of the build with this key in the user's cache directory.
    pub(crate) fn new(cache: &Path, key: &Sha256) -> Self {
        let key = key.to_string();
        Self { place: cache.join(KEPT).join(&key), builds: cache.join(BUILDS), key }
    }

    /// What the build is known by.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Keeps others from the same build. Where that cannot be had, it is built again instead.
    pub(crate) fn alone(&self, waiting: &dyn Fn(&Waiting)) -> Option<Lock> {
        // Sources may be the user's own business.
        DirBuilder::new().recursive(true).mode(0o700).create(&self.place).ok()?;
        let root = Root::create(&self.builds, &self.builds).ok()?;
        root.lock(&LockName::build(&self.key), Share::Alone, waiting).ok()
    }

    /// What was made before: the wheel where the `whole` one is wanted, else whatever has metadata.
    pub(crate) fn made(&self, whole: bool) -> Option<Made> {
        if whole {
            return self.wheel().map(Box::new).map(Made::Wheel);
        }
        let text = fs_err::read_to_string(self.place.join(METADATA)).ok()?;
        (!text.is_empty()).then_some(Made::Metadata(text))
    }

    fn wheel(&self) -> Option<Wheel> {
        let entries = fs_err::read_dir(&self.place).ok()?;
        let mut found = entries.flatten().filter_map(|entry| {
            let filename: WheelFilename = entry.file_name().to_str()?.parse().ok()?;
            let bytes = Bytes::from(fs_err::read(entry.path()).ok()?);
            // One that was damaged since is built again.
            Some(Wheel { built: built_wheel(filename, &bytes).ok()?, bytes })
        });
        found.next()
    }

    /// Keeps what was made. Where that cannot be, it is made again the next time.
    pub(crate) fn keep(&self, made: &Made) {
        // The cache may hold what only its user may read.
        let write =
            |name: &str, bytes: &[u8]| whole_file::replace(&self.place.join(name), bytes, 0o600);
        let written: io::Result<()> = match made {
            Made::Metadata(text) => write(METADATA, text.as_bytes()),
            Made::Wheel(wheel) => write(wheel.built.filename.as_str(), &wheel.bytes)
                .and_then(|()| write(METADATA, wheel.built.metadata.as_bytes())),
        };
        drop(written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyfast_installer::build::BuiltWheel;

    #[test]
    fn metadata_is_kept_by_its_key_and_is_no_wheel() {
        let directory = tempfile::tempdir().unwrap();
        let kept = |key: u8| Kept::new(directory.path(), &Sha256([key; 32]));
        assert!(kept(1).made(false).is_none());
        let _alone = kept(1).alone(&|_| ()).unwrap();
        kept(1).keep(&Made::Metadata("Name: a".to_owned()));
        assert!(matches!(kept(1).made(false), Some(Made::Metadata(text)) if text == "Name: a"));
        assert!(kept(1).made(true).is_none());
        assert!(kept(2).made(false).is_none());
    }

    #[test]
    fn a_wheel_that_was_damaged_since_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let kept = Kept::new(directory.path(), &Sha256([1; 32]));
        let _alone = kept.alone(&|_| ()).unwrap();
        let filename: WheelFilename = "a-1-py3-none-any.whl".parse().unwrap();
        let (bytes, metadata) = (Bytes::from_static(b"PK cut short"), "Name: a".to_owned());
        let built = BuiltWheel { filename, sha256: Sha256([0; 32]), metadata };
        kept.keep(&Made::Wheel(Box::new(Wheel { built, bytes })));
        assert!(kept.made(false).is_some(), "its metadata was looked at when it was whole");
        assert!(kept.made(true).is_none());
    }
}
