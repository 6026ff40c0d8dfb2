//! What was found to be other than it was installed: in a wheel of the store, or in an environment.

use std::fmt;
use std::path::Path;

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::{env_path, prefix_path, wheel_place};
use serde::{Deserialize, Serialize};

/// What is wrong with a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Its content, kind or permission to be executed is another.
    Altered,
    /// It is not there.
    Missing,
    /// It does not belong there.
    Extra,
    /// It is a link into the store, and nothing is there any more.
    Dangling,
    /// It says what all the others must be, and cannot be read or was altered itself.
    Manifest,
    /// It was found to be damaged before, and has not been fetched again since.
    Condemned,
}

impl Fault {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Dangling => "dangling",
            Self::Manifest => "manifest",
            Self::Condemned => "damaged",
        }
    }
}

/// Where something was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// In a wheel of the store.
    Wheel {
        /// Its digest.
        sha256: Sha256,
        /// The project and version, where something tells them.
        package: Option<String>,
    },
    /// In an environment itself.
    Environment {
        /// Its id.
        id: String,
    },
    /// In a Python that was brought, or in what came with it.
    Python {
        /// Its id.
        id: String,
    },
}

/// A fault that was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// Where.
    pub subject: Subject,
    /// The file or directory, relative to the subject's own directory.
    pub path: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl Finding {
    /// The wheel that it is about.
    pub fn wheel(&self) -> Option<Sha256> {
        match &self.subject {
            Subject::Wheel { sha256, .. } => Some(*sha256),
            Subject::Environment { .. } | Subject::Python { .. } => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            // Its own directory has no other name.
            Subject::Wheel { package: Some(package), sha256 } if self.path == "." => {
                write!(f, "{package} ({}): ", wheel_place(&sha256.to_string()))?;
            }
            Subject::Wheel { package: Some(package), .. } => write!(f, "{package}: ")?,
            Subject::Wheel { sha256, package: None } => {
                write!(f, "{}/", wheel_place(&sha256.to_string()))?;
            }
            Subject::Python { id } => write!(f, "{}/", prefix_path(Path::new(""), id).display())?,
            Subject::Environment { id } => write!(f, "{}/", env_path(Path::new(""), id).display())?,
        }
        let path = if self.path == "." { "it" } else { &self.path };
        match self.fault {
            Fault::Altered => write!(f, "{path} was altered"),
            Fault::Missing => write!(f, "{path} is missing"),
            Fault::Extra => write!(f, "{path} does not belong to it"),
            Fault::Dangling => write!(f, "{path} leads to nothing"),
            Fault::Manifest => write!(f, "{path} cannot be read"),
            Fault::Condemned => write!(f, "{path} is damaged and not fetched again yet"),
        }
    }
}
