//! What was asked for: one requirement with where it came from.
//! Knows nothing of files' syntax (`requirements_txt`) or of indexes.

use std::fmt;
use std::sync::Arc;

use pep440_rs::VersionSpecifiers;
use pep508_rs::{ExtraName, MarkerTree, PackageName};

use crate::dist_file::Location;
use crate::filename::WheelFilename;
use crate::hash::Digest;
use crate::marker;
use crate::requirement_source::DirectSource;

/// Where a requirement was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The file as the user named it.
    pub file: Arc<str>,
    /// The line the requirement begins on, counted from 1; 0 where the file does not have it yet.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "new in {}", self.file);
        }
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What satisfies a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A version from an index or a `--find-links` location.
    Registry(VersionSpecifiers),
    /// Exactly this wheel.
    Wheel(Box<DirectWheel>),
    /// Exactly this source, which has been looked at.
    Tree(Box<DirectSource>),
}

/// A wheel named by URL or path instead of by version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectWheel {
    /// The file name, from the last part of the URL or path.
    pub filename: WheelFilename,
    /// Where its bytes are; a URL carries neither credentials nor fragment.
    pub location: Location,
    /// The digest of a fragment, such as `#sha256=`.
    pub digest: Option<Digest>,
}

/// One requirement of the user's, or one constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The project.
    pub name: PackageName,
    /// Extras to include.
    pub extras: Vec<ExtraName>,
    /// Versions, or the one wheel or source.
    pub source: Source,
    /// The requirement counts only where this is true.
    pub marker: MarkerTree,
    /// Digests given by `--hash=sha256:…`; empty where none was given.
    pub hashes: Vec<Digest>,
    /// File and line.
    pub origin: Origin,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)?;
        if !self.extras.is_empty() {
            let extras: Vec<&str> = self.extras.iter().map(ExtraName::as_ref).collect();
            write!(f, "[{}]", extras.join(","))?;
        }
        match &self.source {
            Source::Registry(specifiers) => write!(f, "{}", compact(specifiers))?,
            Source::Wheel(wheel) => write!(f, " @ {}", wheel.location)?,
            Source::Tree(source) => write!(f, " @ {}", source.text)?,
        }
        match marker::text_or_note(&self.marker) {
            Some(marker) => write!(f, " ; {marker}"),
            None => Ok(()),
        }
    }
}

/// Specifiers as people write them in requirements files: no spaces.
pub fn compact(specifiers: &VersionSpecifiers) -> String {
    let parts: Vec<String> =
        specifiers.iter().map(|specifier| specifier.to_string().replace(' ', "")).collect();
    parts.join(",")
}
