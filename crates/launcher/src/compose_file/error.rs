//! What can be wrong with compose files. Owns the typed errors and their wording; must not know command-line flags.

use std::path::PathBuf;

/// A failure to read a compose project.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// No compose file is in the directory or above it.
    #[error("cannot find a compose file in {directory} or above it (looked for {})", looked_for.join(", "), directory = directory.display())]
    NotFound {
        /// Where the search began.
        directory: PathBuf,
        /// The names looked for, in order.
        looked_for: Vec<&'static str>,
    },
    /// A file could not be read; the source names the path.
    #[error("cannot read a file of the compose project")]
    Read {
        /// The cause, with the path.
        source: std::io::Error,
    },
    /// A file says something that makes no sense.
    #[error("cannot use {place}: {reason}")]
    Invalid {
        /// File, line, column and key, with the line itself below.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A project's name is none that Compose takes.
    #[error("cannot use {name:?} ({origin}) as the name of a compose project: {NAME_RULE}")]
    ProjectName {
        /// The name.
        name: String,
        /// Where it comes from: `COMPOSE_PROJECT_NAME`, or `given`.
        origin: &'static str,
    },
}

/// What Compose takes as a name of a project.
pub(super) const NAME_RULE: &str =
    "it needs lower-case letters, digits, `-` and `_`, beginning with a letter or a digit";

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line, from 1; 0 where it is unknown.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The path of keys that leads there (`services.web.ports`); empty for the whole file.
    pub key: String,
    /// The text of the line.
    pub text: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ", `{}`", self.key)?;
        }
        if !self.text.trim().is_empty() {
            write!(f, " (`{}`)", self.text.trim())?;
        }
        Ok(())
    }
}
