//! Everything that can go wrong between a URL or a path and its bytes, as data.
//! Hints that name flags are the command line's work.

use std::io;
use std::path::PathBuf;

use url::Url;

use crate::fetch_cause::FetchCause;

/// Bytes that could not be had, or that are not what they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What should be a requirements file is a web page.
    #[error("the server answers {url} with a web page (HTML) instead of a text")]
    WebPage {
        /// The URL, without credentials.
        url: Url,
    },
    /// No usable answer came back: connection, TLS, time-out.
    #[error("cannot fetch {url}: {cause}{}", after(*attempts))]
    Fetch {
        /// What was asked for, without credentials.
        url: Url,
        /// Why.
        cause: Box<FetchCause>,
        /// How many times it was tried.
        attempts: u32,
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
    /// A wheel on this machine cannot be read.
    #[error("cannot read the wheel `{}`", path.display())]
    ReadWheel {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A wheel that a server sent whole cannot be kept for as long as it is needed.
    #[error("cannot write a wheel to the cache directory")]
    Spool {
        /// Why.
        source: io::Error,
    },
    /// A wheel's bytes are not those that were asked for.
    #[error("the hash of {wheel} does not match: expected {expected}, found {found}")]
    HashMismatch {
        /// The wheel's file name.
        wheel: String,
        /// The digest asked for.
        expected: String,
        /// The digest of what came.
        found: String,
    },
    /// A setting is not usable.
    #[error("{0}")]
    Setting(String),
}

fn after(attempts: u32) -> String {
    if attempts > 1 { format!(" ({attempts} attempts)") } else { String::new() }
}
