//! What can go wrong while installing. Messages name the act, the object and the cause;
//! hints that name flags belong to the command line.

use std::io;
use std::path::{Path, PathBuf};

use pyfast_packaging::hash::Sha256;

/// Why a wheel was refused: the member at fault, where there is one, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The archive member at fault.
    pub entry: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

impl Refusal {
    /// A fault of the archive as a whole.
    pub(crate) fn archive(reason: impl Into<String>) -> Self {
        Self { entry: None, reason: reason.into() }
    }

    /// A fault of one member.
    pub(crate) fn entry(entry: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { entry: Some(entry.into()), reason: reason.into() }
    }
}

impl std::error::Error for Refusal {}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(entry) = &self.entry {
            write!(f, "`{}` ", entry.escape_debug())?;
        }
        f.write_str(&self.reason)
    }
}

/// Why an act of the installer failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An act below the root failed.
    #[error(transparent)]
    Root(#[from] pyfast_root::Error),
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
    /// A Python interpreter could not describe itself.
    #[error("cannot use the Python interpreter {}: {reason}", python.display())]
    Probe {
        /// The interpreter.
        python: PathBuf,
        /// The cause.
        reason: String,
    },
    /// A wheel breaks a rule of its format, or is hostile.
    #[error("refused to unpack {wheel}")]
    Wheel {
        /// The wheel's file name.
        wheel: String,
        /// The fault.
        #[source]
        source: Refusal,
    },
    /// A pack of bytecode holds something else than what its wheel is compiled to.
    #[error("refused a pack of bytecode")]
    Pack(#[source] Refusal),
    /// The bytes of a wheel are not the ones that were asked for.
    #[error("refused {wheel}: its SHA-256 is {found}, expected {expected}")]
    HashMismatch {
        /// The wheel's file name.
        wheel: String,
        /// The digest asked for.
        expected: Sha256,
        /// The digest of the bytes at hand.
        found: Sha256,
    },
    /// A wheel is not in the store.
    #[error("{wheel} is not in the store")]
    NotInStore {
        /// The wheel's digest.
        wheel: Sha256,
    },
    /// A file of the store or of an environment does not say what it must.
    #[error("cannot read {}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Two packages cannot live in one environment.
    #[error("{first} and {second} cannot share an environment: {reason} `{path}`")]
    Clash {
        /// The package that comes first in the lock.
        first: String,
        /// The package that comes later.
        second: String,
        /// What both claim, relative to site-packages or the environment.
        path: String,
        /// How they clash.
        reason: &'static str,
    },
    /// A process uses a generation of what is to be removed.
    #[error("the environment {id} is in use by a process")]
    InUse {
        /// Its id.
        id: String,
    },
    /// There is no such generation.
    #[error("there is no environment `{id}`")]
    NoGeneration {
        /// What was asked for.
        id: String,
    },
    /// A generation of the history was removed since.
    #[error("the environment `{id}` was removed by a collection since it was current")]
    Collected {
        /// Its id.
        id: String,
    },
    /// There are not as many generations before the current one.
    #[error("there is no environment to go back to: {} before the current one", came(*before))]
    NothingBefore {
        /// How many there are.
        before: usize,
    },
    /// A wheel could not be fetched.
    #[error(transparent)]
    Fetch(#[from] pyfast_index::Error),
    /// What a build needs could not be resolved.
    #[error(transparent)]
    Resolve(#[from] pyfast_resolver::Error),
    /// A source distribution could not be built.
    #[error(transparent)]
    Build(Box<pyfast_packaging::build::BuildFailure>),
    /// An error that several askers share.
    #[error(transparent)]
    Shared(std::sync::Arc<Error>),
    /// A bytecode worker failed.
    #[error("cannot compile with {}: {reason}", python.display())]
    Compile {
        /// The interpreter that compiles.
        python: PathBuf,
        /// The cause.
        reason: String,
    },
}

fn came(before: usize) -> String {
    if before == 0 { "none came".to_owned() } else { format!("only {before} came") }
}

impl Error {
    /// The error itself, whoever shares it.
    pub fn root(&self) -> &Self {
        match self {
            Self::Shared(error) => error.root(),
            error => error,
        }
    }

    /// The message with its cause, in one line.
    pub(crate) fn with_cause(&self) -> String {
        match std::error::Error::source(self.root()) {
            Some(cause) => format!("{}: {cause}", self.root()),
            None => self.root().to_string(),
        }
    }

    /// For `map_err`: an act on a path that the operating system refused.
    pub(crate) fn io<E: Into<io::Error>>(act: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { act, path: path.to_owned(), source: source.into() }
    }

    /// For `map_err`: a fault in a wheel.
    pub(crate) fn wheel(wheel: &str) -> impl FnOnce(Refusal) -> Self {
        move |source| Self::Wheel { wheel: wheel.to_owned(), source }
    }
}
