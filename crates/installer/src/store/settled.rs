//! Power cuts. Files are not synced one by one when a wheel is unpacked, so a wheel is trusted for as long
//! as the machine runs, and re-hashed at its first use after that. What is read then comes from the disk.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use pyfast_packaging::hash::Sha256;
use pyfast_root::Durability;

use super::manifest::Manifest;
use super::verify::verify;
use super::{Store, sound};
use crate::error::Error;

/// A file in a wheel's directory: it has been re-hashed after the boot that unpacked it.
const SETTLED: &str = "settled";

/// Names the time since the machine was started; containers share it with their host. `None` where the
/// system does not tell.
pub(crate) fn boot_id() -> Option<String> {
    static BOOT: OnceLock<Option<String>> = OnceLock::new();
    let read = || fs_err::read_to_string(Path::new("/proc/sys/kernel/random/boot_id")).ok();
    BOOT.get_or_init(|| read().map(|id| id.trim().to_owned())).clone()
}

impl Store {
    /// Whether a wheel is in the store and can be used; one that is there and cannot is marked as damaged.
    pub(super) fn survived(&self, wheel: &Sha256) -> Result<bool, Error> {
        let Some(directory) = sound(&self.root, wheel) else { return Ok(false) };
        // A manifest that cannot be read, or is of an earlier version, is a finding, too.
        let manifest = self.read_manifest(wheel, &directory);
        let known =
            |manifest: Arc<Manifest>| manifest.boot == boot_id() || directory.has_file(SETTLED);
        if manifest.is_ok_and(known) {
            return Ok(true);
        }
        if verify(&self.root, &[*wheel])?.is_empty() {
            // Without the marker the wheel is re-hashed the next time, too.
            let _ = directory.replace(SETTLED, b"", 0o444, Durability::Synced);
            return Ok(true);
        }
        self.condemn(wheel)?;
        Ok(false)
    }
}
