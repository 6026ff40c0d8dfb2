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
    pub(crate) fn allowed_by(&self, specifiers: &VersionSpecifiers) -> bool {
        specifiers.contains(&self.python().only_release())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

    use super::Target;
    use crate::tags::{Libc, TagFacts, Tags};

    /// `CPython` 3.11 on Linux with glibc 2.36, x86-64.
    pub(crate) fn target() -> Target {
        let markers = MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: "3.11.7",
            os_name: "posix",
            platform_machine: "x86_64",
            platform_python_implementation: "CPython",
            platform_release: "6.1",
            platform_system: "Linux",
            platform_version: "1",
            python_full_version: "3.11.7",
            python_version: "3.11",
            sys_platform: "linux",
        });
        let tags = Tags::new(TagFacts {
            implementation: "cpython".to_owned(),
            python: (3, 11),
            free_threaded: false,
            debug: false,
            machine: "x86_64".to_owned(),
            libc: Some(Libc::Glibc { major: 2, minor: 36 }),
            other_platforms: Vec::new(),
        });
        Target { markers: markers.expect("marker values"), tags: tags.into() }
    }
}
