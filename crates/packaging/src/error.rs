//! Everything that can be wrong with a text of the specifications, as data.
//! Hints that name flags are the command line's work.

use std::io;
use std::path::PathBuf;

use url::Url;

use crate::edit::refusal::Refusal;
use crate::requirement::Origin;
use crate::spot::Spot;

/// Why a text could not be fetched, in the words of who fetches.
pub type Unfetched = Box<dyn std::error::Error + Send + Sync>;

/// A text that is not what it should be, or that could not be had.
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
        source: Unfetched,
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
    /// A file of requirements is not edited.
    #[error("cannot edit `{file}`: {why}")]
    Edit {
        /// The file.
        file: String,
        /// Why.
        why: Box<Refusal>,
    },
    /// A setting is not usable.
    #[error("{0}")]
    Setting(String),
}

impl Error {
    /// A line that is no requirement, without its credentials and control characters.
    pub fn requirement(origin: &Origin, line: &str, reason: &str) -> Self {
        // A file's control characters are not for terminals.
        let plain = |text: &str| text.replace(|c: char| c.is_control() && c != '\n', " ");
        let line = plain(&crate::safe_url::redact(line));
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
        match self {
            Self::Requirement { origin, spot: Some(spot), .. } => Some((&origin.file, spot)),
            Self::ReadRequirements { include: Some(include), .. }
            | Self::RemoteRequirements { include: Some(include), .. } => {
                Some((&include.origin.file, &include.spot))
            }
            _ => None,
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
