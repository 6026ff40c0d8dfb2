//! What the modules of a wheel were compiled to, as the file says that a compilation writes last. Owns its form.

use std::collections::BTreeMap;

use pyfast_root::Dir;

use super::worker::Compiled;
use super::{MARKER, marker};
use crate::error::Error;
use crate::store::StoredFile;

/// More than any wheel's list has.
const LIMIT: u64 = 64 << 20;

/// The list of what was compiled: a line each, its digest, its size and its path.
pub(crate) fn text(compiled: &[Compiled]) -> String {
    compiled
        .iter()
        .map(|Compiled { path, sha256, size }| format!("{sha256} {size} {path}\n"))
        .collect()
}

/// What the wheel in a directory was compiled to for a cache tag, sorted by path.
///
/// # Errors
/// If it was not compiled for that, or the list is damaged.
pub(crate) fn listed(wheel: &Dir, tag: &str) -> Result<Vec<Compiled>, Error> {
    let name = marker(tag);
    let damaged =
        |reason: &str| Error::Damaged { path: wheel.path().join(&name), reason: reason.to_owned() };
    let text = wheel.read_text(&name, LIMIT)?.ok_or_else(|| damaged("it is not there"))?;
    let listed = text.lines().map(|line| {
        let (sha256, rest) = line.split_once(' ')?;
        let (size, path) = rest.split_once(' ')?;
        Some(Compiled {
            sha256: sha256.parse().ok()?,
            size: size.parse().ok()?,
            path: path.to_owned(),
        })
    });
    listed.collect::<Option<Vec<_>>>().ok_or_else(|| damaged("it is not what was written"))
}

/// As which it lies in the store.
impl From<&Compiled> for StoredFile {
    fn from(Compiled { path, sha256, size }: &Compiled) -> Self {
        Self { path: path.clone(), sha256: *sha256, size: *size, executable: false }
    }
}

/// Everything that a wheel was compiled to, for whatever Python.
#[derive(Default)]
pub(crate) struct Lists {
    /// By cache tag.
    tags: BTreeMap<String, BTreeMap<String, Compiled>>,
    /// The names of lists that are damaged.
    pub(crate) damaged: Vec<String>,
}

impl Lists {
    /// Those of the wheel in a directory.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub(crate) fn of(wheel: &Dir) -> Result<Self, Error> {
        let mut lists = Self::default();
        for entry in wheel.entries()? {
            let name = entry.name.to_string_lossy();
            let Some(tag) = name.strip_prefix(MARKER) else { continue };
            match listed(wheel, tag) {
                Ok(compiled) => {
                    let by_path = compiled.into_iter().map(|one| (one.path.clone(), one));
                    lists.tags.insert(tag.to_owned(), by_path.collect());
                }
                Err(_) => lists.damaged.push(name.into_owned()),
            }
        }
        Ok(lists)
    }

    /// Whether it is known what there is for a cache tag.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.contains_key(tag)
    }

    /// What is at a path.
    pub(crate) fn get(&self, tag: &str, path: &str) -> Option<&Compiled> {
        self.tags.get(tag)?.get(path)
    }

    /// All of it.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Compiled> {
        self.tags.values().flat_map(BTreeMap::values)
    }
}
