//! A process' environment variables, as they are given. Owns which of them count as set, and what those
//! mean that are everybody's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The one that names a compose project.
const COMPOSE_PROJECT: &str = "COMPOSE_PROJECT_NAME";

/// A snapshot of the environment variables.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    variables: BTreeMap<String, String>,
}

impl Variables {
    /// Of these; variables that are not Unicode do not count.
    pub fn new(pairs: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let pairs = pairs.into_iter().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self { variables: pairs.collect() }
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The home directory.
    pub fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// Whether they want colours, as <https://no-color.org> and <https://bixense.com/clicolors> have it; `None` where they
    /// leave it open.
    pub fn want_colors(&self) -> Option<bool> {
        let forced = ["FORCE_COLOR", "CLICOLOR_FORCE"].iter().find_map(|name| self.get(name));
        if self.get("NO_COLOR").is_some() {
            return Some(false);
        }
        if let Some(forced) = forced {
            return Some(!matches!(forced, "0" | "false"));
        }
        let without = self.get("CLICOLOR") == Some("0") || self.get("TERM") == Some("dumb");
        without.then_some(false)
    }

    /// With those set by which Compose is told a project's name and files of variables.
    #[must_use]
    pub fn of_compose(mut self, project: Option<&String>, env_files: &[PathBuf]) -> Self {
        if !env_files.is_empty() {
            let files = env_files.iter().map(|file| file.display().to_string());
            let files = files.collect::<Vec<_>>().join(",");
            self.variables.insert("COMPOSE_ENV_FILES".to_owned(), files);
        }
        if let Some(name) = project {
            self.variables.insert(COMPOSE_PROJECT.to_owned(), name.clone());
        }
        self
    }

    /// As they are without the name of a compose project; `None` where neither the shell nor a flag gives one.
    #[must_use]
    pub fn without_compose_project(&self) -> Option<Self> {
        let mut variables = self.variables.clone();
        let name = variables.remove(COMPOSE_PROJECT)?;
        (!name.is_empty()).then_some(Self { variables })
    }

    /// All variables.
    pub fn all(&self) -> &BTreeMap<String, String> {
        &self.variables
    }
}
