//! What making a lock gives: the lock, what the user should know, and what is claimed of its files.

use pyfast_index::page::Listing;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::metadata::Metadata;
use pyfast_packaging::target::Target;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::VersionSpecifiers;
use pep508_rs::MarkerTree;
use url::Url;

use crate::environments::environment;
use crate::lock::{Lock, LockedPackage, Span, source_filename};
use crate::resolution::{Resolution, Resolved};
use pyfast_index::cache::Cache;

/// A lock, and what came with it.
#[derive(Debug, Clone, Default)]
pub struct Locked {
    /// The lock.
    pub lock: Lock,
    /// What the user should know, each once.
    pub warnings: Vec<String>,
    /// The metadata that was resolved with. Whoever installs one of these files has to compare it with
    /// the file's own: what an index says of a wheel could hide requirements.
    pub claims: Vec<Claim>,
}

/// What an index said of a wheel.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The wheel's file name.
    pub filename: String,
    /// Where it is.
    pub location: Location,
    /// Its digest.
    pub sha256: Sha256,
    /// What it is said to say of itself.
    pub metadata: Arc<Metadata>,
    /// Whether that came from a file beside the wheel, and not from the wheel.
    pub beside: bool,
}

impl Claim {
    /// Forgets metadata that turned out not to be the wheel's own, so that it is asked for again.
    pub fn forget(&self, cache: &Cache) {
        if let Location::Url(url) = &self.location {
            cache.forget_metadata(&self.sha256, url);
        }
    }

    /// `None` for a source: whoever builds its wheel compares that with the lock.
    fn of(package: &Resolved) -> Option<Self> {
        let candidate = &package.candidate;
        candidate.filename.wheel()?;
        Some(Self {
            filename: candidate.filename.to_string(),
            location: candidate.location.clone(),
            sha256: package.sha256?,
            metadata: Arc::clone(&package.claimed),
            beside: candidate.core_metadata,
        })
    }
}

impl Locked {
    /// A lock that was made of these resolutions.
    pub(crate) fn of<'r>(
        lock: Lock,
        resolutions: impl Iterator<Item = &'r Resolution> + Clone,
    ) -> Self {
        let warnings: BTreeSet<&String> =
            resolutions.clone().flat_map(|one| &one.warnings).collect();
        let mut known = BTreeSet::new();
        let claims = resolutions.flat_map(|one| &one.packages).filter_map(Claim::of);
        let claims = claims.filter(|claim| known.insert(claim.sha256)).collect();
        Self { lock, warnings: warnings.into_iter().cloned().collect(), claims }
    }
}

/// The lock of a resolution for one target. `indexes` are those that were searched.
pub(crate) fn for_target(resolution: &Resolution, indexes: &[Url], target: &Target) -> Lock {
    let python = target.python().release();
    let python = python.get(..2).map(|release| format!("=={}.{}.*", release[0], release[1]));
    Lock {
        packages: resolution.packages.iter().map(|one| package(one, indexes)).collect(),
        requires_python: python.and_then(|text| VersionSpecifiers::from_str(&text).ok()),
        environments: vec![environment(target, false)],
        inputs: None,
        span: Span::One,
    }
}

/// A package of a resolution.
pub(crate) fn package(package: &Resolved, indexes: &[Url]) -> LockedPackage {
    let candidate = &package.candidate;
    LockedPackage {
        name: candidate.name.clone(),
        version: candidate.version.clone(),
        filename: match &package.tree {
            Some(tree) => source_filename(tree, &candidate.name, tree.version.as_ref()),
            None => candidate.filename.clone(),
        },
        location: candidate.location.clone(),
        sha256: package.sha256,
        pending: None,
        tree: package.tree.clone(),
        facts: candidate.facts.clone(),
        index: match candidate.listing {
            Listing::Index(position) => indexes.get(position).cloned(),
            Listing::Direct | Listing::FindLinks => None,
        },
        direct: candidate.is_direct(),
        requested: !package.required_by.is_empty(),
        dependencies: package.dependencies.clone(),
        marker: MarkerTree::TRUE,
        requires_python: None,
        files: Vec::new(),
    }
}
