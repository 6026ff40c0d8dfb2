//! What composing an environment will do, as a value that can be printed and compared. Touches nothing.

pub(crate) mod act;
mod activation;
mod clash;
pub(crate) mod id;
pub(crate) mod mode;
pub(crate) mod plan;
mod private;
pub(crate) mod scripts;

pub use clash::Clash;
pub use id::{id, id_at};
pub use mode::{Habitat, LinkMode};
pub use plan::plan;

use std::fmt;

use pyfast_packaging::hash::Sha256;
use pyfast_packaging::{PackageName, Version};
use pyfast_root::ProjectEnv;
use serde::{Deserialize, Serialize};

use crate::interpreter::Interpreter;

/// A wheel to install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// The wheel's file name.
    pub filename: String,
    /// The wheel's digest, which is its name in the store.
    pub sha256: Sha256,
    /// Whether the user asked for it by name.
    pub requested: bool,
    /// For a package that did not come from an index: its PEP 610 object, without credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_url: Option<serde_json::Value>,
}

/// What shapes an environment beside its packages and interpreter.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EnvironmentOptions {
    /// How files come in.
    pub link_mode: LinkMode,
    /// Packages that must be real directories.
    pub real: Vec<PackageName>,
    /// Whether two packages with different content for one path are an error, not a warning.
    pub strict: bool,
    /// Whether wheels are compiled to bytecode before the environment is composed.
    pub compiled: bool,
    /// The name that shells show.
    pub prompt: Option<String>,
    /// Whose it is, where somebody writes to it ([`mode::Habitat::Host`]): equal environments of two owners are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<ProjectEnv>,
    /// Native libraries beside an interpreter that is not brought with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// Native libraries that only a prefix has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Native {
    /// The prefix.
    pub prefix: String,
    /// The names of its libraries that the interpreter's system lacks, sorted.
    pub libraries: Vec<String>,
}

/// Everything an environment is made from. Equal specifications make equal environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentSpec {
    /// The wheels, in the order of the lock: where two claim a path, the later one wins.
    pub packages: Vec<Package>,
    /// The interpreter.
    pub interpreter: Interpreter,
    /// The options.
    pub options: EnvironmentOptions,
}

/// How a file that cannot be a symbolic link is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RealMode {
    /// Hard link, else copy.
    Hardlink,
    /// Copy.
    Copy,
    /// Clone, else copy.
    Clone,
}

/// One act; paths are relative to the environment and parents come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Create a directory.
    Directory {
        /// Where.
        path: String,
    },
    /// Create a relative symbolic link to a directory of a stored wheel.
    Link {
        /// Where.
        path: String,
        /// The wheel.
        wheel: Sha256,
        /// What it points to, relative to the wheel's directory in the store.
        inside: String,
    },
    /// Create a file with the content of a stored one.
    Real {
        /// Where.
        path: String,
        /// The wheel.
        wheel: Sha256,
        /// The stored file, relative to the wheel's directory in the store.
        inside: String,
        /// How.
        mode: RealMode,
    },
    /// Create a symbolic link to anything else.
    Symlink {
        /// Where.
        path: String,
        /// What it points to.
        target: String,
    },
    /// Write a file.
    File {
        /// Where.
        path: String,
        /// Its content.
        content: Vec<u8>,
        /// The digest of that.
        sha256: Sha256,
        /// Whether it may be executed.
        executable: bool,
    },
}

impl Step {
    /// Writes a file.
    pub(crate) fn file(path: String, content: Vec<u8>, executable: bool) -> Self {
        let sha256 = Sha256::of(&content);
        Self::File { path, content, sha256, executable }
    }

    /// Where.
    pub fn path(&self) -> &str {
        match self {
            Self::Directory { path }
            | Self::Link { path, .. }
            | Self::Real { path, .. }
            | Self::Symlink { path, .. }
            | Self::File { path, .. } => path,
        }
    }
}

/// What will be done to compose an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPlan {
    /// The generation's id.
    pub id: String,
    /// The acts, in order.
    pub steps: Vec<Step>,
    /// Paths that two packages claim.
    pub clashes: Vec<Clash>,
    /// What else the user should know.
    pub warnings: Vec<String>,
}

impl LinkPlan {
    /// What the user should know of it, in words: whoever composes tells it, wherever that is done.
    pub fn notices(&self) -> impl Iterator<Item = String> {
        clash::summary(&self.clashes).into_iter().chain(self.warnings.iter().cloned())
    }

    /// What of that is too much to be told unasked.
    pub fn details(&self) -> impl Iterator<Item = String> {
        clash::rest(&self.clashes).into_iter()
    }
}

impl fmt::Display for LinkPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "environment {}", self.id)?;
        for step in &self.steps {
            let short = |wheel: &Sha256| wheel.to_string()[..12].to_owned();
            match step {
                Step::Directory { path } => writeln!(f, "{path}/"),
                Step::Link { path, wheel, inside } => {
                    writeln!(f, "{path} -> {}/{inside}", short(wheel))
                }
                Step::Real { path, wheel, inside, mode } => {
                    let mode = match mode {
                        RealMode::Hardlink => "hard link",
                        RealMode::Copy => "copy",
                        RealMode::Clone => "clone",
                    };
                    writeln!(f, "{path} = {mode} of {}/{inside}", short(wheel))
                }
                Step::Symlink { path, target } => writeln!(f, "{path} -> {target}"),
                Step::File { path, content, executable, .. } => {
                    let kind = if *executable { "program" } else { "file" };
                    writeln!(f, "{path} = {kind} of {} bytes", content.len())
                }
            }?;
        }
        self.notices().try_for_each(|notice| writeln!(f, "warning: {notice}"))
    }
}
