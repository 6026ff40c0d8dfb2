//! Which remote store is meant, if any, and whether bytecode is shared by it: flag or variable, file. Must not know what is
//! in one.

use std::time::Duration;

use pyfast_remote::{Address, Patience, Variable};

use crate::error::Error;
use crate::pip::is_true;
use crate::settings::Settings;
use crate::transport::silence;

/// What switches off what a file says.
const NONE: &str = "none";

impl Settings {
    /// The remote store that wheels are looked for in before the index.
    ///
    /// # Errors
    /// [`Error::Remote`] for what is no address of one.
    pub fn remote(&self) -> Result<Option<Address>, Error> {
        let config = &self.project.config;
        let (from, text) = match (&self.flags.remote, &config.remote.url) {
            (Some(given), _) => ("--remote or PYFAST_REMOTE".to_owned(), given),
            (None, Some(configured)) => (format!("[remote] of {}", config.file_name()), configured),
            (None, None) => return Ok(None),
        };
        match text.trim() {
            "" | NONE => Ok(None),
            text => text.parse().map(Some).map_err(|source| Error::Remote { from, source }),
        }
    }

    /// Whether bytecode is taken out of the remote store, and written there: only where somebody says so, because nothing
    /// but the store itself says that it is what the modules are compiled to.
    pub fn remote_bytecode(&self) -> bool {
        let said = self.variables.get("PYFAST_REMOTE_BYTECODE");
        said.map_or(self.project.config.remote.bytecode == Some(true), |said| is_true(Some(said)))
    }

    /// What the world of the remote store's engine says of it in variables of its own. No file of the project says
    /// anything of that.
    pub fn remote_variables(&self) -> Vec<Variable> {
        let known = |name: &&String| name.starts_with("AWS_");
        let names = self.variables.all().keys().filter(known);
        let set = names.filter_map(|name| Some((name, self.variables.get(name)?)));
        set.map(|(name, value)| Variable { name: name.clone(), value: value.to_owned() }).collect()
    }

    /// How long a remote store may be silent.
    ///
    /// # Errors
    /// If a variable says what is no number.
    pub fn remote_patience(&self) -> Result<Patience, Error> {
        let silence: Option<Duration> = silence(self)?;
        Ok(Patience::of(silence))
    }
}
