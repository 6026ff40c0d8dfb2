//! The environment's variables, read once. Owns which of them count as set; must not know what any is for.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A snapshot of the environment variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The process' own; variables that are not Unicode do not count.
    pub(crate) fn of_process() -> Self {
        let pairs = std::env::vars_os();
        let pairs = pairs.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self { variables: pairs.collect() }
    }

    /// A variable that is set and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// All variables.
    pub(crate) fn all(&self) -> &BTreeMap<String, String> {
        &self.variables
    }
}
