//! What a lock is: packages, where each is for, and what they were locked from.

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerTree, PackageName};
use url::Url;

use pyfast_packaging::dist_file::{FileFacts, Location};
use pyfast_packaging::filename::DistFilename;
use pyfast_packaging::hash::{OtherDigest, Sha256};
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
    /// Its digest; `None` where another tool's lock has others alone.
    pub sha256: Option<Sha256>,
    /// Those, strongest first; none beside a SHA-256.
    pub others: Vec<OtherDigest>,
    /// What else is stated of it.
    pub facts: FileFacts,
}

/// What another tool's lock says of a file that it has no SHA-256 of: what is known by that can be installed only when
/// its bytes have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its digests, strongest first: at least one, and the first is strong.
    pub(crate) others: Vec<OtherDigest>,
    /// The source archive that it is, where it was named directly.
    pub(crate) archive: Option<Archive>,
}

impl Pending {
    /// Its digests, strongest first; all are compared.
    pub fn digests(&self) -> &[OtherDigest] {
        &self.others
    }
}

/// A source archive that was named directly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Archive {
    /// Its file name.
    pub(crate) filename: String,
    /// The version that the lock states.
    pub(crate) version: Option<Version>,
    /// The directory below its top that has the project.
    pub(crate) subdirectory: Option<String>,
}

impl Archive {
    /// The source that it is, of these bytes.
    pub(crate) fn source(
        self,
        name: PackageName,
        location: Location,
        sha256: Sha256,
    ) -> SourceDist {
        let Self { filename, version, subdirectory } = self;
        let tree = SourceTree::Archive { filename, location, sha256 };
        SourceDist { name: Some(name), version, tree, subdirectory, editable: false }
    }
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
    /// Its digest; `None` for a directory or repository, and for what is `pending`.
    pub sha256: Option<Sha256>,
    /// What is known of a file without a SHA-256. Nothing that is installed has it.
    pub pending: Option<Pending>,
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
    /// Takes the SHA-256 that its file was found to have.
    pub fn identify(&mut self, sha256: Sha256) {
        let Some(Pending { archive, .. }) = self.pending.take() else { return };
        self.sha256 = Some(sha256);
        let source =
            archive.map(|one| one.source(self.name.clone(), self.location.clone(), sha256));
        self.tree = source.or(self.tree.take());
    }

    /// The directory below the top of its source that has the project.
    pub(crate) fn subdirectory(&self) -> Option<&str> {
        let pending = self.pending.as_ref().and_then(|pending| pending.archive.as_ref());
        let pending = pending.and_then(|archive| archive.subdirectory.as_deref());
        self.tree.as_ref().and_then(|tree| tree.subdirectory.as_deref()).or(pending)
    }

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
