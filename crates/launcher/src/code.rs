//! The code of an image: the files of its context that its Dockerfile copies and from which nothing is built. They can
//! be put into containers that are there, where an image would have to be built for any other. Owns what counts as
//! code, what differs between two states of it, and how files come into a container; must not know what a project is.
//!
//! What a container has is written into the container itself ([`Held`]): whoever looks, with whatever memory, sees the
//! same. Where that cannot be told, the container is made anew.

mod held;
mod layout;
mod owners;
mod places;
mod plan;
mod put;
pub(crate) mod reading;
mod remove;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use held::{Held, held};
pub(crate) use layout::{Layout, lay_out, placed};
pub(crate) use owners::Owners;
pub use plan::{Due, Hindrance, Holder, due};
pub use put::{Putting, put};
pub(crate) use put::{not_put, remove_within, time_of_files};
pub use reading::{BaseImage, Bases};
pub use remove::remove;

use self::places::is_within;
use crate::engine::host::hex;

/// The files of an image that are only copied into it, by their places there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    pub(crate) items: BTreeMap<String, Item>,
}

/// A file, directory or link of an image's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Item {
    /// Its path below the context.
    pub(crate) source: String,
    pub(crate) kind: ItemKind,
    /// Whose it is in the image, as the Dockerfile says; `None` is root.
    pub(crate) owner: Option<String>,
    /// Its permissions in the image, where the Dockerfile says so.
    pub(crate) mode: Option<u32>,
    /// Whether something else lies below it, which would show without it.
    pub(crate) covers: bool,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ItemKind {
    Directory,
    File { sha256: [u8; 32], executable: bool },
    Link { target: String },
}

/// What has to be done to a container that has one state of the code, for it to have another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Places of what is new or different, each directory before what is in it.
    pub put: BTreeSet<String>,
    /// Places of what is gone, what was in directories one by one: what else is in them is nobody's to remove.
    pub remove: BTreeSet<String>,
    /// Those of them that may have lain over something else.
    pub uncovered: BTreeSet<String>,
}

/// Directories that base images fill.
const OF_BASES: [&str; 11] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/opt", "/root", "/sbin", "/usr", "/var"];

impl Code {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What it is, as a digest.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for (place, item) in &self.items {
            field(place.as_bytes());
            match &item.kind {
                ItemKind::Directory => field(b"directory"),
                ItemKind::File { sha256, executable } => {
                    field(if *executable { b"program" } else { b"file" });
                    field(sha256);
                }
                ItemKind::Link { target } => {
                    field(b"link");
                    field(target.as_bytes());
                }
            }
            field(item.owner.as_deref().unwrap_or_default().as_bytes());
            field(&item.mode.unwrap_or(u32::MAX).to_le_bytes());
            field(&[u8::from(item.covers)]);
        }
        hex(&hasher.finalize())[..32].to_owned()
    }

    /// What has to be done to what has this, for it to have `now`.
    pub fn changes(&self, now: &Self) -> Changes {
        let mut changes = Changes::default();
        for (place, item) in &now.items {
            let was = self.items.get(place);
            if was.is_none_or(|was| !was.is_same(item)) {
                changes.put.insert(place.clone());
            }
            // What a container cannot be put over.
            if was.is_some_and(|was| was.is_directory() != item.is_directory()) {
                changes.remove.insert(place.clone());
            }
        }
        for place in self.items.keys().filter(|place| !now.items.contains_key(*place)) {
            changes.remove.insert(place.clone());
        }
        let gone = |place: &&String| {
            let below_base = OF_BASES.iter().any(|base| is_within(place, base));
            below_base || self.items.get(*place).is_some_and(|item| item.covers)
        };
        changes.uncovered = changes.remove.iter().filter(gone).cloned().collect();
        changes
    }
}

impl Item {
    fn is_directory(&self) -> bool {
        self.kind == ItemKind::Directory
    }

    /// Whether a container would have the same of both.
    fn is_same(&self, other: &Self) -> bool {
        (&self.kind, &self.owner, self.mode) == (&other.kind, &other.owner, other.mode)
    }
}

impl Changes {
    /// Whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty()
    }

    /// Whether they concern nothing but such places.
    pub fn are_at(&self, meant: impl Fn(&str) -> bool) -> bool {
        self.put.union(&self.remove).all(|place| meant(place))
    }

    /// How many files and directories they concern.
    pub fn count(&self) -> usize {
        self.put.union(&self.remove).count()
    }

    /// Without what is hidden by something that is mounted at one of these paths. `None` where something would have to
    /// be removed in which, or below which, something is mounted.
    pub fn beside(mut self, mounts: &[String]) -> Option<Self> {
        let hidden = |place: &String| mounts.iter().any(|mount| is_within(place, mount));
        self.put.retain(|place| !hidden(place));
        self.remove.retain(|place| !hidden(place));
        self.uncovered.retain(|place| !hidden(place));
        let holds = |place: &String| mounts.iter().any(|mount| is_within(mount, place));
        (!self.remove.iter().any(holds)).then_some(self)
    }
}

#[cfg(test)]
mod tests;
