//! What a lock is: packages, where each is for, and what they were locked from.

use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, PackageName};
use url::Url;

use crate::resolution::{Resolution, Resolved};
use crate::universal::environment;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::filename::DistFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::source_dist::{SourceDist, SourceTree};
use pyfast_packaging::target::Target;

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
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Time of upload, ISO 8601.
    pub upload_time: Option<String>,
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
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Time of upload, ISO 8601.
    pub upload_time: Option<String>,
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
    /// A package of a resolution. `indexes` are those that were searched.
    pub(crate) fn of(package: &Resolved, indexes: &[Url]) -> Self {
        let candidate = &package.candidate;
        Self {
            name: candidate.name.clone(),
            version: candidate.version.clone(),
            filename: match &package.tree {
                Some(tree) => super::tree::filename(tree, &candidate.name, tree.version.as_ref()),
                None => candidate.filename.clone(),
            },
            location: candidate.location.clone(),
            sha256: package.sha256,
            tree: package.tree.clone(),
            size: candidate.size,
            upload_time: candidate.upload_time.clone(),
            index: indexes.get(candidate.index).filter(|_| !candidate.direct).cloned(),
            direct: candidate.direct,
            requested: !package.required_by.is_empty(),
            dependencies: package.dependencies.clone(),
            marker: MarkerTree::TRUE,
            requires_python: None,
            files: Vec::new(),
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
    /// The lock of a resolution for one target.
    pub fn new(resolution: &Resolution, indexes: &[Url], target: &Target) -> Self {
        let python = target.python().release();
        let python = python.get(..2).map(|release| format!("=={}.{}.*", release[0], release[1]));
        Self {
            packages: resolution
                .packages
                .iter()
                .map(|one| LockedPackage::of(one, indexes))
                .collect(),
            requires_python: python.and_then(|text| VersionSpecifiers::from_str(&text).ok()),
            environments: vec![environment(target, false)],
            inputs: None,
            span: Span::One,
        }
    }

    /// Its versions, and where each is for.
    pub fn pins(&self) -> Vec<Pin> {
        let pins = self.packages.iter().map(|package| Pin {
            name: package.name.clone(),
            version: package.version.clone(),
            marker: package.marker.clone(),
        });
        pins.collect()
    }
}
