//! What a lock is: packages, where each is for, and what they were locked from.

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, PackageName};
use url::Url;

use pyfast_packaging::dist_file::{FileFacts, Location};
use pyfast_packaging::filename::DistFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::source_dist::{SourceDist, SourceTree};

/// What is to be installed, each package with the one wheel that fits the target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// The packages in the order of their names.
    pub packages: Vec<LockedPackage>,
    /// The Pythons it is for.
    pub requires_python: Option<VersionSpecifiers>,
    /// The platforms it is for, as markers; empty: any.
    pub environments: Vec<String>,
    /// Digest of the requirements and settings it was made from, in pyfast's own table.
    pub inputs: Option<String>,
    /// What it was made for.
    pub span: Span,
}

/// What a lock was made for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Span {
    /// One target.
    #[default]
    One,
    /// These targets, as the user names them.
    Targets(Vec<String>),
    /// Every platform, and the Pythons that its `requires-python` allows.
    Universal,
}

/// A version of an earlier lock, and where it was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The project.
    pub name: PackageName,
    /// The version.
    pub version: Version,
    /// Where it was for.
    pub marker: MarkerTree,
    /// The source that was named directly, with its digest or commit.
    pub tree: Option<SourceDist>,
}

/// A file of a locked version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedFile {
    /// The file's name.
    pub filename: DistFilename,
    /// Where it is.
    pub location: Location,
    /// Its digest.
    pub sha256: Sha256,
    /// What else is stated of it.
    pub facts: FileFacts,
}

/// One package of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPackage {
    /// The project.
    pub name: PackageName,
    /// The version; of a directory or repository the one it had when it was locked, and 0 where another
    /// tool's lock does not say it: only its build tells then.
    pub version: Version,
    /// The file's name; for a directory or repository its place.
    pub filename: DistFilename,
    /// Where it is.
    pub location: Location,
    /// Its digest; `None` for a directory or repository.
    pub sha256: Option<Sha256>,
    /// The source that was named directly, if it is one.
    pub tree: Option<SourceDist>,
    /// What else is stated of it.
    pub facts: FileFacts,
    /// The index it came from, without credentials.
    pub index: Option<Url>,
    /// Whether it was named by URL or path instead of by version.
    pub direct: bool,
    /// Whether the user asked for it, rather than another package.
    pub requested: bool,
    /// The packages of this lock that it depends on.
    pub dependencies: Vec<PackageName>,
    /// Where it is for; true in a lock that is read for one target.
    pub marker: MarkerTree,
    /// `Requires-Python` of a version in a lock for several targets.
    pub requires_python: Option<VersionSpecifiers>,
    /// In a lock for several targets: all files that one of them may install. Empty otherwise.
    pub files: Vec<LockedFile>,
}

impl LockedPackage {
    /// Its version, and where it is for.
    pub fn pin(&self) -> Pin {
        Pin {
            name: self.name.clone(),
            version: self.version.clone(),
            marker: self.marker.clone(),
            tree: self.tree.clone(),
        }
    }

    /// The source that it is built from; `None` for a wheel.
    pub fn source(&self) -> Option<SourceDist> {
        if let Some(tree) = &self.tree {
            return Some(tree.clone());
        }
        let filename = self.filename.source()?;
        Some(SourceDist {
            name: Some(self.name.clone()),
            version: Some(self.version.clone()),
            tree: SourceTree::Archive {
                filename: filename.text.clone(),
                location: self.location.clone(),
                sha256: self.sha256?,
            },
            subdirectory: None,
            editable: false,
        })
    }
}

impl Lock {
    /// Its versions, and where each is for.
    pub fn pins(&self) -> Vec<Pin> {
        self.packages.iter().map(LockedPackage::pin).collect()
    }
}
