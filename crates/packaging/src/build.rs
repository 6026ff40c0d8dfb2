//! Failed builds as data: how far one came, why it failed, and what it seems to lack. Knows nothing of
//! how anything is built.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuildStage {
    /// Beginning at all: there is no interpreter, or building is not allowed.
    Allowed,
    /// Making a wheel that points into a directory.
    Editable,
    /// Unpacking and reading the source.
    Source,
    /// Bringing what the build needs.
    Requirements,
    /// Asking for metadata.
    Metadata,
    /// Building the wheel.
    Wheel,
}

/// Something that a build did not find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Missing {
    /// A compiler.
    Compiler(String),
    /// A header file of C.
    Header(String),
    /// A program.
    Program(String),
    /// A library, by the name that the linker or pkg-config knows.
    Library(String),
    /// A Python module.
    Module(String),
    /// A file that the source itself should have.
    File(String),
    /// Something older that builds: as a requirement, `cython<3`.
    Older(String),
    /// The headers of an older Python.
    OlderPython,
}

/// A failed build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct BuildFailure {
    /// What was to be built: `name==version`, a file name or a path.
    pub object: String,
    /// How far it came.
    pub stage: BuildStage,
    /// Who needs it: each needs the next, the last needs `object`.
    pub chain: Vec<String>,
    /// The first cause.
    pub reason: String,
    /// The last lines that the build printed.
    pub log: Vec<String>,
    /// What it seems to lack.
    pub missing: Vec<Missing>,
    /// The Python it was built with, major and minor.
    pub python: Option<(u8, u8)>,
}

impl BuildFailure {
    /// A failure before anything ran.
    pub fn new(object: impl fmt::Display, stage: BuildStage, reason: impl Into<String>) -> Self {
        Self {
            object: object.to_string(),
            stage,
            chain: Vec::new(),
            reason: reason.into(),
            log: Vec::new(),
            missing: Vec::new(),
            python: None,
        }
    }
}

impl fmt::Display for BuildFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let act = match self.stage {
            BuildStage::Allowed | BuildStage::Wheel => "build",
            BuildStage::Editable => "point into",
            BuildStage::Source => "read the source of",
            BuildStage::Requirements => "bring what is needed to build",
            BuildStage::Metadata => "get the metadata of",
        };
        write!(f, "cannot {act} {}", self.object)?;
        if !self.chain.is_empty() {
            let chain = [&self.chain[..], std::slice::from_ref(&self.object)].concat();
            write!(f, " ({})", chain.join(" needs "))?;
        }
        write!(f, ": {}", self.reason)?;
        self.log.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}
