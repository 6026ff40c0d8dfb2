//! Why an image could not be made, read or written. Hints and flags are the command line's.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Digest;

/// A failed act.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of this name would remove another one of a layer below.
    #[error(
        "`{path}` cannot be in an image: engines take names that begin with `.wh.` for removed files"
    )]
    Whiteout {
        /// The path.
        path: String,
    },
    /// A path is none that a layer can have.
    #[error("`{}` cannot be in an image: {reason}", path.escape_debug())]
    Path {
        /// The path.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// What is put into a layer cannot be read, or is not as long as it was said to be.
    #[error("cannot read `{path}`: {source}")]
    Read {
        /// Its path in the layer.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The bytes of a blob are not those that its digest names.
    #[error("the bytes of {expected} are others: {found} was found")]
    Altered {
        /// What they should be.
        expected: Digest,
        /// What they are.
        found: Digest,
    },
    /// A name is none of an image.
    #[error("`{name}` is no name of an image: {reason}")]
    Name {
        /// What was given.
        name: String,
        /// Why it is none.
        reason: &'static str,
    },
    /// A text is no digest.
    #[error("`{text}` is no digest: it should be `sha256:` and 64 hexadecimal digits")]
    Digest {
        /// The text.
        text: String,
    },
    /// None of several images is the one that is meant, or more than one is.
    #[error("there is no one image for {wanted} among {count}")]
    NoSuchImage {
        /// The platform.
        wanted: String,
        /// How many images there are.
        count: usize,
    },
    /// A directory holds something else than images.
    #[error("`{}` is not empty, and no layout of images", path.display())]
    NotALayout {
        /// The directory.
        path: PathBuf,
    },
    /// A document is not what it should be.
    #[error("{what} cannot be read: {reason}")]
    Document {
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// The disk refuses.
    #[error("cannot {act} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        act: &'static str,
        /// Where.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// What is packed cannot be written.
    #[error("cannot write a layer: {0}")]
    Write(io::Error),
}

impl Error {
    /// For `map_err`.
    pub(crate) fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }
}
