//! Files of JSON in the user's data directory. Owns how they are read and written; must not know what is in one.

use std::io;
use std::path::Path;

use pyfast_root::{regular_file, whole_file};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is kept; nothing where there is none, or none that can be read.
pub fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_slice(&regular_file::read(file).ok()?).ok()
}

/// Keeps it, for the user alone, whole or not at all.
///
/// # Errors
/// If the disk refuses.
pub fn write(file: &Path, what: &impl Serialize) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs_err::create_dir_all(directory)?;
    }
    whole_file::replace(file, &serde_json::to_vec(what)?, 0o600)
}
