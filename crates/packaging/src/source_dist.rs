//! Source distributions as data: which one it is and where its files are. Knows nothing of how they
//! are fetched or built.
//!
//! <https://packaging.python.org/en/latest/specifications/source-distribution-format/>

use std::fmt;
use std::path::PathBuf;

use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::dist_file::Location;
use crate::hash::Sha256;
use crate::safe_url::public_address;

/// The files by which a source tree says what it is. They shape even what is installed as editable.
pub const PROJECT_FILES: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

/// A source from which a wheel can be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDist {
    /// The project, where it is known before it is built.
    pub name: Option<PackageName>,
    /// The version, where it is known before it is built.
    pub version: Option<Version>,
    /// Where its files are.
    pub tree: SourceTree,
    /// The directory below the tree's top that has the project.
    pub subdirectory: Option<String>,
    /// Whether the wheel only points into the tree (PEP 660).
    pub editable: bool,
}

/// Where the files of a source are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SourceTree {
    /// In an archive.
    Archive {
        /// Its file name, which says its format.
        filename: String,
        /// Where it is.
        location: Location,
        /// Its digest.
        sha256: Sha256,
    },
    /// In a directory of this machine, which is built in place.
    Directory(PathBuf),
    /// In a commit of a git repository.
    Repository {
        /// Its URL, without credentials where it was not in the lock of another tool; an ssh URL keeps its user.
        url: Url,
        /// The whole commit id.
        commit: String,
        /// The branch, tag or commit that was asked for.
        requested: Option<String>,
    },
}

impl SourceTree {
    /// The place of an archive, directory or repository.
    pub fn location(&self) -> Location {
        match self {
            Self::Archive { location, .. } => location.clone(),
            Self::Directory(path) => Location::Path(path.clone()),
            Self::Repository { url, .. } => Location::Url(url.clone()),
        }
    }
}

impl fmt::Display for SourceTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive { location, .. } => location.fmt(f),
            Self::Directory(path) => path.display().fmt(f),
            Self::Repository { url, commit, .. } => {
                write!(f, "git+{}@{commit}", public_address(url))
            }
        }
    }
}

impl fmt::Display for SourceDist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.version, &self.tree) {
            (Some(name), Some(version), _) => write!(f, "{name}=={version}"),
            (Some(name), None, _) => write!(f, "{name}"),
            (None, _, SourceTree::Archive { filename, .. }) => f.write_str(filename),
            (None, _, tree) => tree.fmt(f),
        }
    }
}
