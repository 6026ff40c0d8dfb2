//! How the generations that an environment was at looked when they were made, so that going back to one needs a
//! glance and not a look at each of its files. Owns the file, which a sync with nothing to do
//! does not read: what that needs is in its state. Must not know who goes back.

use pyfast_installer::generation::Stamps;
use pyfast_root::{Dir, Durability, Root};
use serde::{Deserialize, Serialize};

pub(crate) const FILE: &str = "looks.json";
/// The most that it has, in bytes.
const LIMIT: u64 = 64 << 20;
/// Of how many generations it tells: those that people go back to.
const KEPT: usize = 8;

/// The newest first.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Looks(Vec<(String, Stamps)>);

impl Looks {
    /// Reads what is kept in an environment's directory. What cannot be read is not known.
    pub(crate) fn load(directory: &Dir) -> Self {
        let bytes = directory.read(FILE, LIMIT).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// How the generation `id` looks, if nobody has touched it since, at a glance.
    pub(crate) fn untouched(&self, root: &Root, id: &str) -> Option<&Stamps> {
        let known = self.0.iter().find(|(known, _)| known == id);
        known.map(|(_, stamps)| stamps).filter(|stamps| stamps.hold(root))
    }

    /// Keeps how the generation `id` looks.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn keep(
        mut self,
        directory: &Dir,
        id: &str,
        stamps: Stamps,
    ) -> Result<(), pyfast_root::Error> {
        self.0.retain(|(known, _)| known != id);
        self.0.insert(0, (id.to_owned(), stamps));
        self.0.truncate(KEPT);
        // Pairs of names and texts always have a JSON form.
        let bytes = serde_json::to_vec(&self).unwrap_or_default();
        directory.replace(FILE, &bytes, (0o600, Durability::Eventual))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_generations_are_known_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let open = Dir::open_named(directory.path()).unwrap();
        let ids = |looks: &Looks| looks.0.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>();
        for id in 0..=KEPT {
            Looks::load(&open).keep(&open, &id.to_string(), Stamps::default()).unwrap();
        }
        Looks::load(&open).keep(&open, "3", Stamps::default()).unwrap();
        assert_eq!(ids(&Looks::load(&open)), ["3", "8", "7", "6", "5", "4", "2", "1"]);
        fs_err::write(directory.path().join(FILE), "{").unwrap();
        assert!(ids(&Looks::load(&open)).is_empty());
    }
}
