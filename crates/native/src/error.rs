//! Why no prefix could be made. Hints and flags are the command line's.

use std::io;
use std::path::PathBuf;

use pyfast_packaging::hash::Sha256;

/// A failed act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An act below the root failed.
    #[error(transparent)]
    Root(#[from] pyfast_root::Error),
    /// An act of whoever keeps prefixes failed.
    #[error(transparent)]
    Install(#[from] pyfast_installer::Error),
    /// A server could not be asked.
    #[error(transparent)]
    Fetch(#[from] pyfast_index::Error),
    /// The operating system refused an act on a path.
    #[error("cannot {act} {}", path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// On which path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The system gives no threads.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// Channels have nothing for this architecture.
    #[error(
        "cannot use packages of channels: they have none that are read here for the architecture {arch}"
    )]
    Machine {
        /// The architecture.
        arch: String,
    },
    /// What channels have needs glibc.
    #[error("cannot use packages of channels: what channels have needs glibc, and there is no {}", loader.display())]
    NoGlibc {
        /// Where its loader would be.
        loader: PathBuf,
    },
    /// No version of Python is meant.
    #[error("cannot bring the Python `{wanted}`: it is neither a version nor a range of versions")]
    PythonVersion {
        /// What was asked for.
        wanted: String,
    },
    /// A channel cannot be used.
    #[error("cannot use the channel `{channel}`: {reason}")]
    Channel {
        /// As it was given, with what is secret masked.
        channel: String,
        /// Why.
        reason: String,
    },
    /// What is wanted is not written as conda writes it.
    #[error("cannot look for the package `{spec}`: {reason}")]
    Spec {
        /// What was given.
        spec: String,
        /// Why.
        reason: String,
    },
    /// A channel did not say what it has.
    #[error("cannot read what {} has: {reason}", channels.join(", "))]
    Repodata {
        /// The channels.
        channels: Vec<String>,
        /// Why.
        reason: String,
    },
    /// No set of packages is what is wanted.
    #[error("no packages of {} are what is wanted ({}): {reason}", channels.join(", "), specs.join(", "))]
    Unsolvable {
        /// What is wanted.
        specs: Vec<String>,
        /// The channels.
        channels: Vec<String>,
        /// The solver's own words.
        reason: String,
    },
    /// A package for Python would be installed where wheels are.
    #[error(
        "refused the package {package} of a channel: it is for Python, and its files would be among those of wheels"
    )]
    PythonPackage {
        /// The package.
        package: String,
    },
    /// A channel does not say by what an archive is known.
    #[error("refused {file}: its channel gives no SHA-256 of it")]
    NoDigest {
        /// The archive.
        file: String,
    },
    /// An archive is another than its channel says.
    #[error("refused {file}: its SHA-256 is {found}, expected {expected}")]
    HashMismatch {
        /// The archive.
        file: String,
        /// What its channel says.
        expected: Sha256,
        /// What came.
        found: Sha256,
    },
    /// An archive breaks a rule, or is hostile.
    #[error("refused to unpack {file}: {reason}")]
    Archive {
        /// The archive.
        file: String,
        /// Why.
        reason: String,
    },
    /// Archives were not chosen together.
    #[error("refused {file} with the others that were chosen: {reason}")]
    NoWhole {
        /// The archive.
        file: String,
        /// Why.
        reason: String,
    },
    /// What was chosen would not run here.
    #[error(
        "cannot use what was chosen: it needs `{need}`, and there is {arch} with glibc {glibc}"
    )]
    Unsuited {
        /// What it needs, in the channel's words.
        need: String,
        /// The architecture of the machine that is meant.
        arch: String,
        /// The version of its C library.
        glibc: String,
    },
    /// Two packages have one file.
    #[error("{} cannot be in one place: all have `{}`", packages.join(" and "), path.display())]
    Clash {
        /// The packages.
        packages: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// Files could not get their places.
    #[error("cannot link the packages of a channel: {reason}")]
    Link {
        /// Why.
        reason: String,
    },
    /// A prefix, or what is kept of what was chosen, does not say what it must.
    #[error("cannot read {}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(act: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }

    pub(crate) fn archive(file: &str, reason: impl Into<String>) -> Self {
        Self::Archive { file: file.to_owned(), reason: reason.into() }
    }
}

/// An error and all that is behind it, in one line: what comes from others says each cause for itself.
pub(crate) fn whole(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !words.contains(&said) {
            words = format!("{words}: {said}");
        }
        next = cause.source();
    }
    words
}
