//! Whose environment is meant. Owns the names; must not know what is asked about it.

use pyfast_root::{Claim, ProjectEnv};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The environment that is meant, and who asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The project's name below the root.
    pub project: String,
    /// The environment's.
    pub env: String,
    /// The directory whose project it is.
    pub claim: Claim,
}

impl Subject {
    /// The names as those of directories.
    ///
    /// # Errors
    /// If one cannot be that of a directory.
    pub fn name(&self) -> Result<ProjectEnv, Error> {
        Ok(ProjectEnv::new(&self.project, &self.env)?)
    }

    pub(crate) fn missing(&self) -> Error {
        Error::NoEnvironment { project: self.project.clone(), env: self.env.clone() }
    }
}
