//! How the generations that an environment was at looked when they were made, so that going back to one needs a
//! glance and not a look at each of its files; and what their locks answer, so that it needs no index either. Owns
//! the file, which a sync with nothing to do does not read: what that needs is in its state. Must not know who goes
//! back.

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
pub(crate) struct Looks(Vec<Look>);

/// What is known of a generation.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Look {
    pub(crate) id: String,
    /// How it looked.
    pub(crate) stamps: Stamps,
    /// The inputs of its lock; `None` where newer versions were wanted since, or the lock is another tool's.
    pub(crate) answers: Option<String>,
}

impl Looks {
    /// Reads what is kept in an environment's directory. What cannot be read is not known.
    pub(crate) fn load(directory: &Dir) -> Self {
        let bytes = directory.read(FILE, LIMIT).ok().flatten();
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// How the generation `id` looks, if nobody has touched it since, at a glance.
    pub(crate) fn untouched(&self, root: &Root, id: &str) -> Option<&Stamps> {
        let known = self.0.iter().find(|known| known.id == id);
        known.map(|known| &known.stamps).filter(|stamps| stamps.hold(root))
    }

    /// The newest generation whose lock answers these inputs.
    pub(crate) fn answering(&self, inputs: &str) -> Option<&str> {
        let known = self.0.iter().find(|known| known.answers.as_deref() == Some(inputs));
        known.map(|known| known.id.as_str())
    }

    /// What the locks answer.
    pub(crate) fn into_answers(self) -> impl Iterator<Item = String> {
        self.0.into_iter().filter_map(|known| known.answers)
    }

    /// No lock of before answers anything any more.
    pub(crate) fn forget_answers(&mut self) {
        self.0.iter_mut().for_each(|known| known.answers = None);
    }

    /// Keeps what is known of a generation.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn keep(
        mut self,
        directory: &Dir,
        look: Option<Look>,
    ) -> Result<(), pyfast_root::Error> {
        if let Some(look) = look {
            self.0.retain(|known| known.id != look.id);
            self.0.insert(0, look);
        }
        self.0.truncate(KEPT);
        // Texts and lists of them always have a JSON form.
        let bytes = serde_json::to_vec(&self).unwrap_or_default();
        directory.replace(FILE, &bytes, 0o600, Durability::Eventual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(id: usize) -> Look {
        let answers = Some(format!("inputs of {id}"));
        Look { id: id.to_string(), stamps: Stamps::default(), answers }
    }

    #[test]
    fn the_last_generations_are_known_and_no_others() {
        let directory = tempfile::tempdir().unwrap();
        let open = Dir::open_named(directory.path()).unwrap();
        let ids = |looks: &Looks| looks.0.iter().map(|look| look.id.clone()).collect::<Vec<_>>();
        for id in 0..=KEPT {
            Looks::load(&open).keep(&open, Some(look(id))).unwrap();
        }
        Looks::load(&open).keep(&open, Some(look(3))).unwrap();
        let looks = Looks::load(&open);
        assert_eq!(ids(&looks), ["3", "8", "7", "6", "5", "4", "2", "1"]);
        assert_eq!(looks.answering("inputs of 4"), Some("4"));
        assert_eq!(looks.answering("inputs of 0"), None);
        let mut looks = looks;
        looks.forget_answers();
        assert_eq!(looks.answering("inputs of 4"), None);
        assert_eq!(looks.into_answers().count(), 0);
        fs_err::write(directory.path().join(FILE), "{").unwrap();
        assert!(ids(&Looks::load(&open)).is_empty());
    }
}
