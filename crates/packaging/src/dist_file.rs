//! The file of a distribution: where its bytes are, and what is stated of it. Knows nothing of what is in it.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// Where the bytes of a wheel are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Location {
    /// Behind an `http` or `https` URL, which carries no credentials.
    Url(Url),
    /// A file on this machine.
    Path(PathBuf),
}

impl Location {
    /// As a URL, which names it wherever it is read.
    pub fn to_url(&self) -> String {
        match self {
            Self::Url(url) => url.to_string(),
            Self::Path(path) => {
                Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from)
            }
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Path(path) => path.display().fmt(f),
        }
    }
}

/// What an index states of a file beside its name, digest and place, and a lock repeats.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFacts {
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Time of its upload, ISO 8601.
    pub upload_time: Option<String>,
}
