//! The list object of an environment: its wheels and the packs of their bytecode, each with its digest and size. Owns its
//! form and its name; who writes it writes it last.

use pyfast_packaging::hash::Sha256;
use serde::{Deserialize, Serialize};

/// The form that is written and read.
const FORMAT: u32 = 1;
/// What names of packs begin with.
pub(crate) const BYTECODE: &str = "v1/bytecode/";

/// The name of a list: which lock, for which target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListName {
    /// The digest of what the lock installs.
    pub lock: Sha256,
    /// The digest of what it installs that for.
    pub target: Sha256,
}

/// The wheels of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// The form that it has.
    pub format: u32,
    /// The wheels, sorted by their digests.
    pub wheels: Vec<Listed>,
    /// Packs of their bytecode, sorted by their names. A wheel may have several, each for another Python.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bytecode: Vec<ListedPack>,
}

/// A wheel of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// Its digest, which is its name.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// Its file name, for people.
    pub file: String,
}

/// The name of a pack: what one wheel was compiled to. Its bytes are no part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackName {
    /// The wheel.
    pub wheel: Sha256,
    /// The tag of its bytecode files, `cpython-311`.
    pub tag: String,
    /// The digest of everything else that shapes them.
    pub options: Sha256,
}

/// A pack of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedPack {
    /// Its name.
    #[serde(flatten)]
    pub name: PackName,
    /// The digest of its bytes.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
}

impl List {
    /// The list of these wheels.
    pub fn new(mut wheels: Vec<Listed>) -> Self {
        wheels.sort_unstable();
        wheels.dedup();
        Self { format: FORMAT, wheels, bytecode: Vec::new() }
    }

    /// The same with these packs, the first of each name; those of other wheels are none of it.
    #[must_use]
    pub fn with_packs(self, packs: Vec<ListedPack>) -> Self {
        let of_wheel = |wheel: &Sha256| {
            self.wheels.binary_search_by(|listed| listed.sha256.cmp(wheel)).is_ok()
        };
        let mut bytecode = packs;
        bytecode.retain(|pack| of_wheel(&pack.name.wheel));
        bytecode.sort_by(|one, other| one.name.cmp(&other.name));
        bytecode.dedup_by(|later, first| later.name == first.name);
        Self { bytecode, ..self }
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let list: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if list.format != FORMAT {
            return Err(format!("it has the form {}, this program reads {FORMAT}", list.format));
        }
        Ok(list)
    }

    pub(crate) fn write(&self) -> Result<Vec<u8>, String> {
        serde_json::to_vec(self).map_err(|error| error.to_string())
    }
}
