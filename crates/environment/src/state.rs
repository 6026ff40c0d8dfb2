//! What the last sync saw, so that the next one can tell in a few milliseconds that nothing moved:
//! no network, no Python, no threads. Owns the file; must not know how a sync goes.

use std::collections::BTreeMap;

use pyfast_installer::generation::Stamps;
use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Durability, Root};
use serde::{Deserialize, Serialize};

use crate::inputs::Inputs;
use crate::looks;
use crate::report::Facts;

const FILE: &str = "state.json";
/// The most that it has, in bytes.
const LIMIT: u64 = 256 << 20;
/// A change of [`State`] is a new number, and makes the next sync look for itself.
const VERSION: u32 = 4;

/// What a sync depended on: equal values, and nothing has moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Everything that was read.
    pub inputs: Inputs,
    /// Digests of variables that requirements files expand.
    pub variables: BTreeMap<String, Sha256>,
    /// What else shapes the result.
    pub setting: Setting,
}

/// Where a sync's result depends on more than its inputs' content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Fingerprint of all settings.
    pub settings: String,
    /// Identity of the interpreter, or of the image it is in.
    pub interpreter: String,
}

/// What the last successful sync of an environment saw and made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    version: u32,
    circumstances: Circumstances,
    /// The result, without what differs from run to run.
    facts: Facts,
    /// How the generation looked; `None` where it was not whole.
    stamps: Option<Stamps>,
}

impl Circumstances {
    /// What requirements files expand, by name with its value.
    pub fn digests(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Sha256> {
        variables.map(|(name, value)| (name, Sha256::of(value.as_bytes()))).collect()
    }
}

impl State {
    /// The state of an environment that has just been activated.
    pub fn new(circumstances: Circumstances, facts: Facts, stamps: Option<Stamps>) -> Self {
        Self { version: VERSION, circumstances, facts, stamps }
    }

    /// What the sync made.
    pub(crate) fn into_facts(self) -> Facts {
        self.facts
    }

    /// Reads the state kept in an environment's directory.
    pub fn load(directory: &Dir) -> Option<Self> {
        let bytes = directory.read(FILE, LIMIT).ok()??;
        let state: Self = serde_json::from_slice(&bytes).ok()?;
        (state.version == VERSION).then_some(state)
    }

    /// Writes it whole or not at all. Without it the next sync merely looks for itself.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn store(&self, directory: &Dir) -> Result<(), pyfast_root::Error> {
        // Maps with names as keys always have a JSON form.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        // Only who syncs reads it, and it has digests of variables that may be secret.
        directory.replace(FILE, &bytes, 0o600, Durability::Eventual)
    }

    /// How the generation `id` looked, if that is the one that was activated.
    fn stamps_of(&self, id: &str) -> Option<&Stamps> {
        self.stamps.as_ref().filter(|_| self.facts.id == id)
    }

    /// Its generation.
    pub(crate) fn id(&self) -> &str {
        &self.facts.id
    }

    /// What counts in its generation itself, relative to the root.
    pub(crate) fn own_places(&self) -> Vec<String> {
        self.stamps.iter().flat_map(|stamps| stamps.own_places(&self.facts.id)).collect()
    }

    /// The same, of a state that is not needed any more.
    pub(crate) fn into_stamps_of(self, id: &str) -> Option<Stamps> {
        self.stamps.filter(|_| self.facts.id == id)
    }

    /// Whether nobody has touched the generation `id` since, at a glance.
    pub fn is_untouched(&self, root: &Root, id: &str) -> bool {
        self.stamps_of(id).is_some_and(|stamps| stamps.hold(root))
    }

    /// Whether nothing that this state depends on has moved.
    pub fn holds(&self, setting: &Setting, variables: &BTreeMap<String, String>) -> bool {
        let known = &self.circumstances;
        let unchanged = |(name, sha256): (&String, &Sha256)| {
            let value = variables.get(name).map_or("", String::as_str);
            Sha256::of(value.as_bytes()) == *sha256
        };
        known.setting == *setting && known.variables.iter().all(unchanged) && known.inputs.hold()
    }
}

/// Forgets the states of all projects, because the store changed under them.
///
/// # Errors
/// If one cannot be removed.
pub(crate) fn forget_all(root: &Root) -> Result<(), pyfast_root::Error> {
    for name in root.project_envs()? {
        if let Some(directory) = root.project_env(&name)? {
            directory.remove_file(FILE)?;
            directory.remove_file(looks::FILE)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn a_state_holds_until_something_moves() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("r.txt");
        fs_err::write(&file, "a==1").unwrap();
        let setting =
            |settings: &str| Setting { settings: settings.to_owned(), interpreter: "i".to_owned() };
        let value = |value: &str| BTreeMap::from([("TOKEN".to_owned(), value.to_owned())]);
        let circumstances = Circumstances {
            inputs: Inputs::look(std::slice::from_ref(&file), false, SystemTime::now()),
            variables: Circumstances::digests(value("x").into_iter()),
            setting: setting("s"),
        };
        let open = Dir::open_named(directory.path()).unwrap();
        State::new(circumstances, Facts::default(), None).store(&open).unwrap();
        let state = State::load(&open).unwrap();
        assert!(state.holds(&setting("s"), &value("x")));
        assert!(!state.holds(&setting("other"), &value("x")));
        assert!(!state.holds(&setting("s"), &value("y")));
        assert!(!state.holds(&setting("s"), &BTreeMap::new()));
        fs_err::write(&file, "a==2").unwrap();
        assert!(!state.holds(&setting("s"), &value("x")));
    }

    #[test]
    fn a_state_of_another_form_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let open = Dir::open_named(directory.path()).unwrap();
        for text in ["", "{", "{\"version\":2}", "null"] {
            fs_err::write(directory.path().join(FILE), text).unwrap();
            assert!(State::load(&open).is_none(), "{text}");
        }
    }
}
