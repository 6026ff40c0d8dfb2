//! What was built before: `store/v1/built`, by everything that shapes a build.
//!
//! ```text
//! store/v1/built/<key>.json       file name and digest of the wheel, which is in the store
//! store/v1/built/<key>.metadata   METADATA that the backend gave without building
//! ```

use std::collections::BTreeMap;

use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Durability, Lock, LockName, Root, Share, Waiting};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::BuiltWheel;
use crate::error::Error;
use crate::event::Event;
use crate::store::{Store, stored_text};

/// The memory of one build.
pub(super) struct Memory {
    root: Root,
    pub(super) key: String,
}

/// The most that an entry or metadata has, in bytes.
const LIMIT: u64 = 64 << 20;

/// A wheel of the store that was built of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedWheel {
    /// Its file name, as it is remembered: whoever uses it checks it.
    pub filename: String,
    /// Its digest.
    pub sha256: Sha256,
}

/// Remembers a wheel of the store by the digest of everything that shaped its build, which was elsewhere.
///
/// # Errors
/// If that cannot be written.
pub fn remember_wheel(root: &Root, key: &Sha256, wheel: &RememberedWheel) -> Result<(), Error> {
    let memory = Memory { root: root.clone(), key: key.to_string() };
    if memory.entry().as_ref() == Some(wheel) {
        return Ok(());
    }
    memory.write("json", &serde_json::to_vec(wheel).unwrap_or_default())
}

/// The wheels of the store that are remembered by these digests of what they were built of.
pub fn remembered_wheels(root: &Root, keys: &[Sha256]) -> BTreeMap<Sha256, RememberedWheel> {
    let one = |key: &Sha256| {
        let memory = Memory { root: root.clone(), key: key.to_string() };
        let wheel = memory.entry().filter(|wheel| root.has_wheel(&wheel.sha256.to_string()))?;
        Some((*key, wheel))
    };
    keys.iter().filter_map(one).collect()
}

impl Memory {
    pub(super) fn new(root: &Root, key: &Value) -> Self {
        let key = Sha256::of(key.to_string().as_bytes()).to_string();
        Self { root: root.clone(), key }
    }

    /// A file of this memory; `None` for one that is not there or cannot be read.
    fn read(&self, kind: &str) -> Option<Vec<u8>> {
        self.root.built().ok()??.read(format!("{}.{kind}", self.key), LIMIT).ok()?
    }

    fn write(&self, kind: &str, content: &[u8]) -> Result<(), Error> {
        let Some(built) = self.root.built()? else { return Ok(()) };
        let file = format!("{}.{kind}", self.key);
        Ok(built.replace(file, content, 0o644, Durability::Synced)?)
    }

    /// Keeps all others, threads and processes, from the same build.
    pub(super) fn alone(&self, sink: &(dyn Fn(Event) + Send + Sync)) -> Result<Lock, Error> {
        let waiting = |waiting: &Waiting| sink(Event::Waiting(waiting.clone()));
        let name = LockName::build(&self.key[..16]);
        Ok(self.root.lock(&name, Share::Alone, &waiting)?)
    }

    /// The wheel as it is remembered; `None` for none, and for what is no entry.
    fn entry(&self) -> Option<RememberedWheel> {
        serde_json::from_slice(&self.read("json")?).ok()
    }

    /// The wheel, if it was built and is still in the store.
    pub(super) fn wheel(&self, store: &Store) -> Result<Option<BuiltWheel>, Error> {
        let Some(entry) = self.entry() else { return Ok(None) };
        let Ok(filename) = entry.filename.parse::<WheelFilename>() else { return Ok(None) };
        if !store.missing(&[entry.sha256])?.is_empty() {
            return Ok(None);
        }
        let metadata = stored_metadata(store, &entry.sha256)?;
        Ok(Some(BuiltWheel { filename, sha256: entry.sha256, metadata }))
    }

    pub(super) fn remember_wheel(&self, built: &BuiltWheel) -> Result<(), Error> {
        let entry = RememberedWheel { filename: built.filename.to_string(), sha256: built.sha256 };
        let text = serde_json::to_vec(&entry).unwrap_or_default();
        self.write("json", &text)?;
        self.remember_metadata(&built.metadata)
    }

    pub(super) fn metadata(&self) -> Option<String> {
        let text = String::from_utf8(self.read("metadata")?).ok()?;
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn remember_metadata(&self, text: &str) -> Result<(), Error> {
        self.write("metadata", text.as_bytes())
    }
}

/// The wheel that an entry of the index names; `None` for a file that is no entry.
pub(crate) fn remembered_wheel(built: &Dir, name: &str) -> Option<Sha256> {
    let (_, kind) = name.rsplit_once('.')?;
    let text = (kind == "json").then(|| built.read(name, LIMIT).ok()?)??;
    Some(serde_json::from_slice::<RememberedWheel>(&text).ok()?.sha256)
}

/// `METADATA` of a wheel in the store.
pub(super) fn stored_metadata(store: &Store, wheel: &Sha256) -> Result<String, Error> {
    stored_text(store.root(), wheel, "METADATA")
}
