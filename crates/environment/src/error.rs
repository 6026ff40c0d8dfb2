//! What can go wrong with an environment. Hints and flags are the command line's.

use pyfast_installer::finding::Finding;

/// How many findings are told.
const TOLD: usize = 3;

/// The first findings, in words.
fn told(findings: &[Finding]) -> String {
    let mut words: Vec<String> = findings.iter().take(TOLD).map(ToString::to_string).collect();
    if findings.len() > TOLD {
        words.push(format!("{} more", findings.len() - TOLD));
    }
    words.join("; ")
}

/// Why a lock does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outdated {
    /// There is none.
    Missing,
    /// Another version of this program made it, so that nobody can tell what it answers.
    OtherVersion,
    /// It answers other requirements.
    Requirements,
    /// It has none of what is asked of channels, or what was asked before.
    Native,
    /// A source needs by now what the lock does not have, in words.
    Unmet(String),
}

impl std::fmt::Display for Outdated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::OtherVersion => f.write_str(
                "was made by another version of pyfast, so that nobody can tell what it answers",
            ),
            Self::Requirements => f.write_str("does not answer the requirements"),
            Self::Native => f.write_str("does not have what is asked of channels"),
            Self::Unmet(unmet) => write!(f, "does not answer the requirements: {unmet}"),
        }
    }
}

/// Why an act on an environment failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An act below the root failed.
    #[error(transparent)]
    Root(#[from] pyfast_root::Error),
    /// Installing failed.
    #[error(transparent)]
    Install(Box<pyfast_installer::Error>),
    /// Resolving, or reading a lock, failed.
    #[error(transparent)]
    Resolve(Box<pyfast_resolver::Error>),
    /// There is nothing to look at yet.
    #[error("there is no environment `{env}` of the project `{project}`")]
    NoEnvironment {
        /// The project.
        project: String,
        /// The environment.
        env: String,
    },
    /// A generation cannot be gone back to, because something of it is missing or altered.
    #[error("the environment {id} is not whole: {}", told(findings))]
    NotWhole {
        /// The generation.
        id: String,
        /// What is wrong with it.
        findings: Vec<Finding>,
    },
    /// The beginning of an id means none, or several.
    #[error("{} with `{prefix}`", if *several { "several environments begin" } else { "no environment begins" })]
    Prefix {
        /// What was given.
        prefix: String,
        /// Whether it means several.
        several: bool,
    },
    /// There is no lock to go by.
    #[error("cannot read the lock `{}`: {source}", path.display())]
    NoLock {
        /// Where it would be.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The lock may not be changed, and does not do.
    #[error("the lock `{}` {why}, and it may not be changed", path.display())]
    LockOutdated {
        /// Where it is, or would be.
        path: std::path::PathBuf,
        /// Why it does not do.
        why: Outdated,
    },
    /// There is nothing to make a lock of.
    #[error("there are no requirements")]
    NoRequirements,
    /// Metadata that an index gave is not the wheel's own.
    #[error("the metadata of {filename} that its index gives is not the wheel's own METADATA")]
    HiddenRequirements {
        /// The wheel.
        filename: String,
    },
    /// A source that was built just now is not what it said when it was resolved.
    #[error(
        "the wheel that was built of {package} needs {needed}, which its metadata did not say when it was resolved, and \
         the lock has {}",
        has.as_deref().map_or_else(|| "none of it".to_owned(), |version| format!("version {version}"))
    )]
    BuiltOtherwise {
        /// The source.
        package: String,
        /// What its wheel needs.
        needed: String,
        /// The version that the lock has of it.
        has: Option<String>,
    },
    /// What was asked cannot be read.
    #[error("cannot read the question: {reason}")]
    Question {
        /// Why.
        reason: String,
    },
    /// Another version of this program asked, or answered.
    #[error("cannot answer a question of version {asked} of pyfast's protocol, this is {own}")]
    Protocol {
        /// Of the question.
        asked: u32,
        /// Of this program.
        own: u32,
    },
    /// Something was answered that was not asked.
    #[error("cannot use the answer about an environment: it is one to another question")]
    Answer,
    /// What the caller lent failed: a container, a session.
    #[error(transparent)]
    Outside(Box<dyn std::error::Error + Send + Sync>),
}

impl From<pyfast_installer::Error> for Error {
    fn from(error: pyfast_installer::Error) -> Self {
        Self::Install(Box::new(error))
    }
}

impl From<pyfast_resolver::Error> for Error {
    fn from(error: pyfast_resolver::Error) -> Self {
        Self::Resolve(Box::new(error))
    }
}
