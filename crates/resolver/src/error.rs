//! Everything that can go wrong between requirements and a lock, as data.
//! Hints that name flags are the command line's work.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;
use url::Url;

use crate::report::NoSolution;
use crate::requirement::Origin;
use crate::spot::Spot;

/// A failed resolution, and what it failed on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A requirements file could not be read.
    #[error("{}cannot read the requirements file `{}`", including(include.as_deref()), path.display())]
    ReadRequirements {
        /// The file.
        path: PathBuf,
        /// Where it is included.
        include: Option<Box<Include>>,
        /// Why.
        source: io::Error,
    },
    /// A requirements file that is named by URL could not be read.
    #[error("{}cannot read the requirements file {url}", including(include.as_deref()))]
    RemoteRequirements {
        /// The URL, without credentials.
        url: Url,
        /// Where it is included.
        include: Option<Box<Include>>,
        /// Why.
        source: Box<Error>,
    },
    /// What should be a requirements file is a web page.
    #[error("the server answers {url} with a web page (HTML) instead of a text")]
    WebPage {
        /// The URL, without credentials.
        url: Url,
    },
    /// A requirements file is not in the encoding that it says, or that is usual.
    #[error("{file}{}: cannot decode the requirements file: it is not {encoding}, and neither a byte-order mark nor a coding line says what it is", line.map(|line| format!(":{line}")).unwrap_or_default())]
    RequirementsEncoding {
        /// The file.
        file: String,
        /// The line with the first byte that is wrong.
        line: Option<usize>,
        /// The encoding that it is not in.
        encoding: String,
    },
    /// A line of a requirements file is not a requirement.
    #[error("{}: cannot read the requirement `{line}`: {reason}", place(origin, spot.as_deref()))]
    Requirement {
        /// File and line.
        origin: Origin,
        /// Which part of the line is wrong, where that is known.
        spot: Option<Box<Spot>>,
        /// The line as read, without its comment.
        line: String,
        /// What is wrong with it.
        reason: String,
        /// What the grammar of requirements files has instead.
        advice: Option<String>,
    },
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
    },
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
    /// No usable answer came back: connection, TLS, time-out.
    #[error("cannot fetch {url}: {reason}")]
    Fetch {
        /// What was asked for, without credentials.
        url: Url,
        /// The innermost cause.
        reason: String,
    },
    /// The server answered with an error.
    #[error("cannot fetch {url}: the server answered {status}{}", after(*attempts))]
    Status {
        /// What was asked for, without credentials.
        url: Url,
        /// The HTTP status code.
        status: u16,
        /// How many times it was tried.
        attempts: u32,
    },
    /// The network is not to be used and the cache has no answer.
    #[error("cannot fetch {url}: offline, and it is not in the cache")]
    Offline {
        /// What was needed.
        url: Url,
    },
    /// An index page is not what it says it is.
    #[error("cannot read the index page {url}: {reason}")]
    Page {
        /// The page.
        url: Url,
        /// What is wrong with it.
        reason: String,
    },
    /// A location of `--find-links` cannot be used.
    #[error("cannot read the find-links location `{location}`: {reason}")]
    FindLinks {
        /// The location as given.
        location: String,
        /// Why.
        reason: String,
    },
    /// Metadata of a wheel is missing or contradicts its file name.
    #[error("cannot read the metadata of {wheel}: {reason}")]
    Metadata {
        /// The wheel's file name.
        wheel: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Git could not do something with a repository.
    #[error("cannot {act} the repository {url}: {reason}")]
    Repository {
        /// What was tried, as a verb.
        act: &'static str,
        /// The repository, without credentials.
        url: String,
        /// What git said.
        reason: String,
    },
    /// The place of a repository's clone cannot be used.
    #[error("cannot keep a clone of {url} in `{}`: {reason}", place.display())]
    Clone {
        /// The repository, without credentials.
        url: String,
        /// The clone's directory.
        place: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// A source distribution could not be built.
    #[error(transparent)]
    Build(Box<crate::build_source::BuildFailure>),
    /// A wheel on this machine cannot be read.
    #[error("cannot read the wheel `{}`", path.display())]
    ReadWheel {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A wheel's bytes are not those that were asked for.
    #[error("the hash of {wheel} does not match: expected sha256:{expected}, found sha256:{found}")]
    HashMismatch {
        /// The wheel's file name.
        wheel: String,
        /// The digest asked for.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// A lock file is not one, or not one that can be used here.
    #[error("cannot use the lock file `{}`: {reason}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
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
    /// A setting is not usable.
    #[error("{0}")]
    Setting(String),
    /// An error that several askers share.
    #[error(transparent)]
    Shared(#[from] Arc<Error>),
}

impl Error {
    pub(crate) fn requirement(origin: &Origin, line: &str, reason: &str) -> Self {
        // A file's control characters are not for terminals.
        let plain = |text: &str| text.replace(|c: char| c.is_control() && c != '\n', " ");
        let line = plain(&crate::credentials::redact(line));
        let (origin, reason) = (origin.clone(), plain(reason));
        Self::Requirement { origin, spot: None, line, reason, advice: None }
    }

    /// The same for a part of the line.
    pub(crate) fn at(mut self, place: Spot) -> Self {
        if let Self::Requirement { spot, .. } = &mut self {
            *spot = Some(Box::new(place));
        }
        self
    }

    /// The file and the place in it that are wrong, where that is known.
    pub fn spot(&self) -> Option<(&str, &Spot)> {
        match self.root() {
            Self::Requirement { origin, spot: Some(spot), .. } => Some((&origin.file, spot)),
            Self::ReadRequirements { include: Some(include), .. }
            | Self::RemoteRequirements { include: Some(include), .. } => {
                Some((&include.origin.file, &include.spot))
            }
            _ => None,
        }
    }

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

/// Where a requirements file includes another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// File and line.
    pub origin: Origin,
    /// The name of the other file.
    pub spot: Spot,
}

fn including(include: Option<&Include>) -> String {
    include.map(|one| format!("{}: ", place(&one.origin, Some(&one.spot)))).unwrap_or_default()
}

fn place(origin: &Origin, spot: Option<&Spot>) -> String {
    match spot {
        Some(spot) => format!("{}:{}:{}", origin.file, spot.line, spot.column),
        None => origin.to_string(),
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

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() }
}
