//! Packages of an environment or of a lock as a list has them, and as a requirements file would ask for them. Owns how what
//! came from no index is named; must not know where a list is shown.

use std::fmt;

use pyfast_installer::link::Package;
use pyfast_installer::prefix::NativePackage;
use pyfast_packaging::safe_url::encode_fragment;
use pyfast_packaging::source_dist::SourceTree;
use pyfast_resolver::{Lock, LockedPackage};
use serde_json::{Value, json};

use crate::direct_url::direct_url;

/// A package of an environment or of a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its normalised name.
    pub name: String,
    /// Its version; `None` where only a build tells it.
    pub version: Option<String>,
    /// Whether the user asked for it by name.
    pub requested: bool,
    /// Where it came from if not from an index (PEP 610).
    pub direct_url: Option<Value>,
}

impl Entry {
    /// The packages of an environment.
    pub fn installed(packages: Vec<Package>) -> Vec<Self> {
        let one = |package: Package| Self {
            name: package.name.to_string(),
            version: Some(package.version.to_string()),
            requested: package.requested,
            direct_url: package.direct_url,
        };
        packages.into_iter().map(one).collect()
    }

    /// The packages of a lock.
    pub fn locked(lock: &Lock) -> Vec<Self> {
        let one = |package: &LockedPackage| Self {
            name: package.name.to_string(),
            version: version(package),
            requested: package.requested,
            direct_url: direct_url(package),
        };
        lock.packages.iter().map(one).collect()
    }

    /// As a script reads it.
    pub fn to_json(&self) -> Value {
        let Self { name, version, requested, direct_url } = self;
        let mut object = json!({ "name": name, "version": version, "requested": requested });
        if let Some(direct_url) = direct_url {
            object["direct_url"] = direct_url.clone();
        }
        object
    }

    /// Where it came from, if not from an index, as a requirement writes it.
    pub fn place(&self) -> Option<String> {
        let direct = self.direct_url.as_ref()?;
        let mut url = direct["url"].as_str().unwrap_or_default().to_owned();
        if let Some(commit) = direct["vcs_info"]["commit_id"].as_str() {
            url = format!("git+{url}@{commit}");
        }
        if let Some(below) = direct["subdirectory"].as_str() {
            url = format!("{url}#subdirectory={}", encode_fragment(below));
        }
        Some(url)
    }
}

/// As a requirements file names it: by version, or by where it came from.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match (self.place(), &self.direct_url, &self.version) {
            (Some(place), Some(direct), _) if direct["dir_info"]["editable"] == true => {
                let separator = if place.contains('#') { '&' } else { '#' };
                write!(f, "-e {place}{separator}egg={name}")
            }
            (Some(place), ..) => write!(f, "{name} @ {place}"),
            (None, _, Some(version)) => write!(f, "{name}=={version}"),
            (None, _, None) => f.write_str(name),
        }
    }
}

/// A package of a channel, as a script reads it.
pub fn native_json(package: &NativePackage) -> Value {
    let NativePackage { name, version, build, license, url, sha256, .. } = package;
    json!({
        "name": name, "version": version, "build": build, "channel": package.channel(),
        "license": license, "url": url, "sha256": sha256.to_string(),
    })
}

/// A lock has no version of what changes without it: directories and repositories.
fn version(package: &LockedPackage) -> Option<String> {
    match package.tree.as_ref().map(|tree| &tree.tree) {
        Some(SourceTree::Directory(_) | SourceTree::Repository { .. }) => None,
        Some(SourceTree::Archive { .. }) | None => Some(package.version.to_string()),
    }
}
