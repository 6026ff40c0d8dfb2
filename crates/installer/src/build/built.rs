//! What was built before: `store/v1/built`, by everything that shapes a build.
//!
//! ```text
//! store/v1/built/<key>.json       file name and digest of the wheel, which is in the store
//! store/v1/built/<key>.metadata   METADATA that the backend gave without building
//! ```

use std::path::{Path, PathBuf};

use pyfast_resolver::{Sha256, WheelFilename};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BuiltWheel;
use crate::disk::{FileLock, replace};
use crate::error::Error;
use crate::event::Event;
use crate::layout::Layout;
use crate::record;
use crate::store::Store;

/// How often the five minutes of a lock are waited for: builds of an hour exist.
const TURNS: usize = 24;

/// The memory of one build.
pub(super) struct Memory {
    place: PathBuf,
    lock: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    filename: String,
    sha256: Sha256,
}

impl Memory {
    pub(super) fn new(layout: &Layout, key: &Value) -> Self {
        let key = record::sha256(key.to_string().as_bytes()).to_string();
        let lock = layout.locks().join(format!("build-{}", &key[..16]));
        Self { place: layout.built().join(key), lock }
    }

    /// Keeps all others, threads and processes, from the same build.
    pub(super) fn alone(&self, sink: &(dyn Fn(Event) + Send + Sync)) -> Result<FileLock, Error> {
        let waiting = |path: &Path| sink(Event::Waiting { lock: path.to_owned() });
        let mut turn = 1;
        loop {
            match FileLock::exclusive(&self.lock, &waiting) {
                Err(Error::LockTimeout { .. }) if turn < TURNS => turn += 1,
                outcome => return outcome,
            }
        }
    }

    /// The wheel, if it was built and is still in the store.
    pub(super) fn wheel(&self, store: &Store) -> Result<Option<BuiltWheel>, Error> {
        let Ok(text) = fs_err::read_to_string(self.place.with_extension("json")) else {
            return Ok(None);
        };
        let Ok(entry) = serde_json::from_str::<Entry>(&text) else { return Ok(None) };
        let Ok(filename) = entry.filename.parse::<WheelFilename>() else { return Ok(None) };
        if !store.missing(&[entry.sha256])?.is_empty() {
            return Ok(None);
        }
        let metadata = stored_metadata(store, &entry.sha256)?;
        Ok(Some(BuiltWheel { filename, sha256: entry.sha256, metadata }))
    }

    pub(super) fn remember_wheel(&self, built: &BuiltWheel) -> Result<(), Error> {
        let entry = Entry { filename: built.filename.to_string(), sha256: built.sha256 };
        let text = serde_json::to_vec(&entry).unwrap_or_default();
        replace(&self.place.with_extension("json"), &text)?;
        self.remember_metadata(&built.metadata)
    }

    pub(super) fn metadata(&self) -> Option<String> {
        let text = fs_err::read_to_string(self.place.with_extension("metadata")).ok()?;
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn remember_metadata(&self, text: &str) -> Result<(), Error> {
        replace(&self.place.with_extension("metadata"), text.as_bytes())
    }
}

/// The wheel that an entry of the index names; `None` for a file that is no entry.
pub(crate) fn remembered_wheel(path: &Path) -> Option<Sha256> {
    let text = path.extension().is_some_and(|end| end == "json").then(|| fs_err::read(path))?;
    Some(serde_json::from_slice::<Entry>(&text.ok()?).ok()?.sha256)
}

/// `METADATA` of a wheel in the store.
pub(super) fn stored_metadata(store: &Store, wheel: &Sha256) -> Result<String, Error> {
    let inside = store.manifest(wheel)?.dist_info;
    let path = store.layout().wheel(wheel).join("root").join(inside).join("METADATA");
    let bytes = fs_err::read(&path).map_err(Error::io("read", &path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
