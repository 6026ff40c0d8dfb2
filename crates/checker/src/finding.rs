//! What is found: the rules by name, how bad it is, where it is. Must not know how anything is found, nor how it is shown.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a finding is about. The names are part of the interface: people write them into sources and configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The target's Python does not compile the file.
    Syntax,
    /// Nothing on the search path of the service has the module.
    MissingModule,
    /// A module has no such name.
    MissingName,
    /// Modules import each other in an order in which one needs what another has not bound yet.
    ImportCycle,
    /// A file of the project takes the place of a module that somebody else means.
    ShadowedModule,
    /// A native library that neither the wheel nor the image has.
    MissingLibrary,
    /// A native library that is older than what is asked of it.
    LibraryVersion,
    /// A variable that is read without a default and that the service does not have.
    MissingSetting,
    /// A variable that is set to nothing where something is needed.
    EmptySetting,
    /// A name that nothing binds.
    UndefinedName,
    /// A start command that names nothing.
    EntryPoint,
}

impl Rule {
    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::MissingModule => "missing-module",
            Self::MissingName => "missing-name",
            Self::ImportCycle => "import-cycle",
            Self::ShadowedModule => "shadowed-module",
            Self::MissingLibrary => "missing-library",
            Self::LibraryVersion => "library-version",
            Self::MissingSetting => "missing-setting",
            Self::EmptySetting => "empty-setting",
            Self::UndefinedName => "undefined-name",
            Self::EntryPoint => "entry-point",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The service cannot start.
    Error,
    /// What reaches this line fails.
    Warning,
    /// Worth to know; nothing is known to fail.
    Note,
}

/// A place in a text file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as this machine has it.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One cause of failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about.
    pub rule: Rule,
    /// How bad it is.
    pub severity: Severity,
    /// Where it shows first; `None` if it is in no text that the checker reads (a start command's words, a library).
    pub place: Option<Place>,
    /// The words of the start command that are wrong, if that is what it is about.
    pub words: Option<String>,
    /// The reason in one sentence, without a full stop.
    pub message: String,
    /// More places that belong to the reason, in order, each with a word on it (the ring of a cycle).
    pub related: Vec<(Place, String)>,
    /// What to do.
    pub hint: Option<String>,
    /// How many more places have the same cause.
    pub more: usize,
}
