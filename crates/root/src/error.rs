//! What can go wrong below a root. Messages name the act, the place and the cause; hints that name
//! flags belong to the command line.

use std::io;
use std::path::{Path, PathBuf};

use crate::dir::Kind;
use crate::ticket::Holder;

/// Why an act below a root failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an act on a place.
    #[error("cannot {act} {}", path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// On which place.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A place holds something that was not made by this program, and that is neither followed nor used.
    #[error("cannot {act} {}: there is {found}, and this program makes {expected} there", path.display())]
    Kind {
        /// What was tried.
        act: &'static str,
        /// The place.
        path: PathBuf,
        /// What is there.
        found: Kind,
        /// What belongs there.
        expected: Kind,
    },
    /// A file is larger than anything that is written there.
    #[error("cannot read {}: it is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// A file does not say what it must.
    #[error("cannot read {}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A directory holds other things than a root.
    #[error("refused to use {} as a root: it holds `{}`, and no `layout` that this program wrote", path.display(), holds.escape_debug())]
    NotARoot {
        /// The directory.
        path: PathBuf,
        /// One of the things that it holds.
        holds: String,
    },
    /// A root was written by another version of this program.
    #[error("{} has the layout `{}`, this program knows `{expected}`", root.display(), found.escape_debug())]
    LayoutVersion {
        /// The root directory.
        root: PathBuf,
        /// The layout that it declares.
        found: String,
        /// The layout that this program writes.
        expected: &'static str,
    },
    /// A project's or environment's name cannot be a file name.
    #[error("`{}` cannot name {what}: {reason}", name.escape_debug())]
    Name {
        /// What was to be named.
        what: &'static str,
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A path is no text: environments, locks and what is remembered of them name it as one.
    #[error("cannot use {} as {what}: its path is not UTF-8", path.display())]
    NotText {
        /// What it was to be.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A project of that name belongs to another directory.
    #[error("the project `{project}` in {} is that of {}, not of {}", root.display(), owner.display(), asked.display())]
    ForeignProject {
        /// The root.
        root: PathBuf,
        /// The project's name.
        project: String,
        /// The directory that made it.
        owner: PathBuf,
        /// The directory that asks for it.
        asked: PathBuf,
    },
    /// Another process kept a lock for too long.
    #[error("waited {seconds} s for {}{}", path.display(), by(holder.as_ref()))]
    LockTimeout {
        /// The lock.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
        /// Who has it, where that can be told.
        holder: Option<Holder>,
    },
}

fn by(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| format!(", which {holder} has"))
}

impl Error {
    /// Refuses a path that is no text.
    pub(crate) fn check_text(what: &'static str, path: &Path) -> Result<(), Self> {
        match path.to_str() {
            Some(_) => Ok(()),
            None => Err(Self::NotText { what, path: path.to_owned() }),
        }
    }

    /// For `map_err`: an act on a place that the operating system refused.
    pub(crate) fn io<E: Into<io::Error>>(act: &'static str, path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Io { act, path: path.to_owned(), source: source.into() }
    }

    /// The operating system's reason, where there is one.
    pub(crate) fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }
}
