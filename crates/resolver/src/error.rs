//! Everything that can go wrong between requirements and a lock, as data.
//! Hints that name flags are the command line's work.

use std::path::PathBuf;
use std::sync::Arc;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;

use crate::no_solution::NoSolution;
use pyfast_packaging::requirement::Origin;

/// A failed resolution, and what it failed on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for is wrong, or could not be read.
    #[error(transparent)]
    Packaging(#[from] pyfast_packaging::Error),
    /// No index has the project.
    #[error("cannot find the package `{name}`{}: {}", wanted(wanted_by), searched(indexes))]
    UnknownPackage {
        /// The project.
        name: PackageName,
        /// Who asked for it: a place in a file, or another package.
        wanted_by: Vec<String>,
        /// The places that were searched, without credentials.
        indexes: Vec<String>,
        /// Projects of nearly that name that are known, nearest first.
        near: Vec<PackageName>,
        /// Why cached index pages were used as they are, which may lack what is newer.
        unsettled: Option<String>,
    },
    /// Something could not be fetched or read.
    #[error(transparent)]
    Index(#[from] pyfast_index::Error),
    /// The requirements contradict each other, or nothing fits the target.
    #[error("cannot resolve the requirements: there is no solution\n{0}")]
    NoSolution(Box<NoSolution>),
    /// `--hash` is required and a requirement has none, or is not pinned.
    #[error("{origin}: hashes are required, and `{requirement}` {problem}")]
    HashRequired {
        /// File and line.
        origin: Origin,
        /// The requirement.
        requirement: String,
        /// What is missing.
        problem: &'static str,
    },
    /// A distribution that was resolved has no hash although hashes are required.
    #[error(
        "hashes are required, and `{name}=={version}`, which {wanted_by} depends on, has none in the requirements"
    )]
    HashMissing {
        /// The project.
        name: PackageName,
        /// The version.
        version: Version,
        /// The parent.
        wanted_by: String,
    },
    /// A source distribution could not be built.
    #[error(transparent)]
    Build(Box<pyfast_packaging::build::BuildFailure>),
    /// A lock file is not one, or not one that can be used here.
    #[error("cannot use the lock file `{}`: {reason}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A lock file is for another Python, and for nothing else than the target's otherwise.
    #[error("cannot use the lock file `{}`: {reason}", path.display())]
    LockPython {
        /// The file.
        path: PathBuf,
        /// Which Python it is for.
        reason: String,
    },
    /// The target's interpreter is not one that a project file or a script allows.
    #[error("{origin} requires Python {specifiers}, and this is {python}")]
    RequiresPython {
        /// Where the limit is written.
        origin: Origin,
        /// The Pythons that are allowed.
        specifiers: VersionSpecifiers,
        /// The target's.
        python: Version,
    },
    /// One of several targets has no solution, or something failed for it.
    #[error("{source}")]
    OfTarget {
        /// How the user names it.
        name: String,
        /// What it is.
        source: Box<Error>,
    },
    /// A package is looked for in different indexes on different platforms, and the lock is for all of them.
    #[error(
        "cannot look for `{name}` in one index for all targets: it is pinned to different ones"
    )]
    PinsDiffer {
        /// The package.
        name: PackageName,
    },
    /// A setting is not usable.
    #[error("{0}")]
    Setting(String),
    /// An error that several askers share.
    #[error(transparent)]
    Shared(#[from] Arc<Error>),
}

impl Error {
    /// The target, of several, that it is of.
    pub fn target(&self) -> Option<&str> {
        match self {
            Self::OfTarget { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The error itself, whoever shares it and whatever target it is of.
    pub fn root(&self) -> &Self {
        match self {
            Self::Shared(error) => error.root(),
            Self::OfTarget { source, .. } => source.root(),
            error => error,
        }
    }
}

fn wanted(by: &[String]) -> String {
    if by.is_empty() { String::new() } else { format!(" (required by {})", by.join(", ")) }
}

fn searched(indexes: &[String]) -> String {
    match indexes {
        [] => "there is no index to search".to_owned(),
        indexes => format!("{} does not have it", indexes.join(" and ")),
    }
}
