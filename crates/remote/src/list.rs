//! The list object of an environment: its wheels, each with its digest and size. Owns its form and its name; who writes it
//! writes it last.

use pyfast_packaging::hash::Sha256;
use serde::{Deserialize, Serialize};

/// The form that is written and read.
const FORMAT: u32 = 1;

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

impl List {
    /// The list of these wheels.
    pub fn new(mut wheels: Vec<Listed>) -> Self {
        wheels.sort_unstable();
        wheels.dedup();
        Self { format: FORMAT, wheels }
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
