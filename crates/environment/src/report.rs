//! What came of a sync, as data: typed, and the same however it was done. Owns what is told and what is
//! a change; must not know how it is shown.

use std::path::PathBuf;
use std::time::Duration;

use pyfast_installer::generation::Generation;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::safe_url::redact;
use pyfast_resolver::Lock;
use pyfast_root::Root;
use serde::{Deserialize, Serialize};

/// What stays the same while nothing changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The generation's directory, as it is written.
    pub environment: PathBuf,
    /// The link to it.
    pub current: PathBuf,
    /// The generation's id.
    pub id: String,
    /// The interpreter.
    pub python: Python,
    /// In the order of the lock.
    pub packages: Vec<PackageFacts>,
    /// The lock that is kept beside the link.
    pub lock: PathBuf,
}

/// The interpreter of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// Its file, where the environment is used.
    pub executable: PathBuf,
    /// `3.12.4`.
    pub version: String,
}

/// A package of a lock, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFacts {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The URL without its secrets, or the path.
    pub source: String,
    /// Whether it is used where its source is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub editable: bool,
}

impl PackageFacts {
    /// The packages of a lock.
    pub fn all(lock: &Lock) -> Vec<Self> {
        let one = |package: &pyfast_resolver::LockedPackage| Self {
            name: package.name.to_string(),
            version: package.version.to_string(),
            source: match &package.location {
                Location::Url(url) => redact(url.as_str()),
                Location::Path(path) => path.display().to_string(),
            },
            editable: package.tree.as_ref().is_some_and(|tree| tree.editable),
        };
        lock.packages.iter().map(one).collect()
    }
}

/// A package by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its normalised name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl From<&pyfast_installer::link::Package> for Listed {
    fn from(package: &pyfast_installer::link::Package) -> Self {
        Self { name: package.name.to_string(), version: package.version.to_string() }
    }
}

impl From<&pyfast_resolver::LockedPackage> for Listed {
    fn from(package: &pyfast_resolver::LockedPackage) -> Self {
        Self { name: package.name.to_string(), version: package.version.to_string() }
    }
}

impl Listed {
    /// The packages of a generation; none where it does not tell.
    pub fn installed(root: &Root, generation: &Generation) -> Vec<Self> {
        let packages = generation.spec(root).map(|spec| spec.packages).unwrap_or_default();
        packages.iter().map(Self::from).collect()
    }

    /// The packages of a result.
    pub fn of(packages: &[PackageFacts]) -> Vec<Self> {
        let one = |package: &PackageFacts| Self {
            name: package.name.clone(),
            version: package.version.clone(),
        };
        packages.iter().map(one).collect()
    }
}

/// A package whose version changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Updated {
    /// Its normalised name.
    pub name: String,
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
}

/// What one environment has that another has not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Only the later one has these.
    pub added: Vec<Listed>,
    /// Only the earlier one has these.
    pub removed: Vec<Listed>,
    /// Both have these, in different versions.
    pub updated: Vec<Updated>,
}

impl Changes {
    /// Both lists are in the order of names.
    pub fn between(before: &[Listed], after: &[Listed]) -> Self {
        let mut changes = Self::default();
        for package in after {
            match before.iter().find(|one| one.name == package.name) {
                None => changes.added.push(package.clone()),
                Some(one) if one.version != package.version => changes.updated.push(Updated {
                    name: package.name.clone(),
                    from: one.version.clone(),
                    to: package.version.clone(),
                }),
                Some(_) => {}
            }
        }
        let gone =
            before.iter().filter(|one| !after.iter().any(|package| package.name == one.name));
        changes.removed.extend(gone.cloned());
        changes
    }
}

/// How long the parts of a sync took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// Until the lock was known.
    pub resolve: Duration,
    /// Until every wheel was in the store.
    pub fetch: Duration,
    /// Until the environment was active.
    pub compose: Duration,
    /// Everything.
    pub total: Duration,
}

/// The result of a sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// What stays the same while nothing changes.
    pub facts: Facts,
    /// Whether another generation is current than before.
    pub changed: bool,
    /// Whether there was no environment of this name before.
    pub new: bool,
    /// What that means for packages.
    pub changes: Changes,
    /// How long it took.
    pub timings: Timings,
    /// Wheels that had to be fetched.
    pub fetched: usize,
    /// Whether its bytecode is still to come.
    pub compiling: bool,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What of that is too much to be told unasked.
    pub details: Vec<String>,
}

impl SyncReport {
    /// Of a sync that found everything as it was.
    pub fn unchanged(facts: Facts, took: Duration) -> Self {
        Self { facts, timings: Timings { total: took, ..Timings::default() }, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(packages: &[(&str, &str)]) -> Vec<Listed> {
        let listed = |(name, version): &(&str, &str)| Listed {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
        };
        packages.iter().map(listed).collect()
    }

    #[test]
    fn changes_are_what_differs() {
        let before = list(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let after = list(&[("b", "2"), ("c", "1"), ("d", "1")]);
        let changes = Changes::between(&before, &after);
        assert_eq!(changes.added, list(&[("d", "1")]));
        assert_eq!(changes.removed, list(&[("a", "1")]));
        assert_eq!(changes.updated.len(), 1);
        assert_eq!(Changes::between(&after, &after), Changes::default());
    }
}
