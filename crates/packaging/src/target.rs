//! What an environment is for: marker values and compatible wheel tags.
//! Made from a probe of an interpreter, or from a Python version and a platform named by the user.

use std::sync::Arc;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::MarkerEnvironment;

use crate::tags::Tags;

/// The interpreter and platform that an environment is resolved and installed for.
#[derive(Debug, Clone)]
pub struct Target {
    /// Values of the environment markers.
    ///
    /// <https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers>
    pub markers: MarkerEnvironment,
    /// The wheel tags that fit, best first.
    pub tags: Arc<Tags>,
}

impl Target {
    /// The full version of Python, `python_full_version`.
    pub fn python(&self) -> &Version {
        &self.markers.python_full_version().version
    }

    /// Whether `Requires-Python` allows its interpreter; a pre-release of Python counts as its release.
    pub fn allowed_by(&self, specifiers: &VersionSpecifiers) -> bool {
        specifiers.contains(&self.python().only_release())
    }
}
