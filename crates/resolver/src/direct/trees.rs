//! Looks at sources that are named directly, before anything is solved: their names, versions and
//! dependencies, and the sources that those name in turn (rule 28). Knows nothing of indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use pep508_rs::{ExtraName, MarkerTree, PackageName};

use crate::error::Error;
use crate::lock::Pin;
use crate::tools::LockTools;
use pyfast_index::git::Git;
use pyfast_index::source_archive::fetch_source;
use pyfast_index::source_archive::{Statements, project_table};
use pyfast_index::{Body, Error as IndexError, Received, digest};
use pyfast_packaging::build::{BuildFailure, BuildStage};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::{Digest, Sha256};
use pyfast_packaging::metadata::{self, Metadata};
use pyfast_packaging::pyproject::SourceProject;
use pyfast_packaging::requirement::{Requirement, Source};
use pyfast_packaging::requirement_line::{self, Line};
use pyfast_packaging::requirement_source::{Place, Repository, SourceRequirement};
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::safe_url::SafeUrl;
use pyfast_packaging::scope::Scope;
use pyfast_packaging::source_dist::{SourceDist, SourceTree};

/// Sources that are looked at side by side.
const AT_ONCE: usize = 8;

/// How sources are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) tools: &'a LockTools,
    /// What the requirements are for.
    pub(crate) scope: &'a Scope,
    /// Versions of an earlier lock, whose commits and archives are kept (rule 29).
    pub(crate) kept: &'a [Pin],
}

/// A source that has been looked at.
#[derive(Debug, Clone)]
pub(crate) struct DirectTree {
    /// The source with its name and version.
    pub(crate) source: SourceDist,
    /// The digest of an archive.
    pub(crate) sha256: Option<Sha256>,
    /// What it says of itself; of dependencies also where they come from.
    pub(crate) metadata: Arc<Metadata>,
    /// The text of its `pyproject.toml`.
    project: Option<String>,
}

/// Requirements whose sources all have a name, and those sources.
#[derive(Debug, Default)]
pub(crate) struct DirectSources {
    /// The requirements.
    pub(crate) set: RequirementSet,
    /// The sources, by project.
    pub(crate) trees: BTreeMap<PackageName, DirectTree>,
    /// Where the places of projects are in the user's own files, and those of directories that they name.
    placed: BTreeMap<PackageName, MarkerTree>,
}

/// Rule 33: what has no digest cannot be checked.
fn check_hashed(requirement: &SourceRequirement) -> Result<(), Error> {
    let problem = match &requirement.source.place {
        Place::Archive { .. } => return Ok(()),
        Place::Directory(_) => "is a directory, which has no hash",
        Place::Repository(_) => "is in version control, which has no hash",
    };
    Err(Error::HashRequired {
        origin: requirement.origin.clone(),
        requirement: requirement.to_string(),
        problem,
    })
}

impl DirectSources {
    /// Looks at every source that counts for the target. Must be called outside the runtime, because it
    /// waits.
    ///
    /// # Errors
    /// [`Error::Packaging`] for something that is not there, is no project, or is another one;
    /// what fetching and building fail with.
    pub(crate) fn look(set: &RequirementSet, look: &Look<'_>) -> Result<Self, Error> {
        let mut looked = Self {
            set: RequirementSet {
                requirements: set.requirements.clone(),
                constraints: set.constraints.clone(),
                overrides: set.overrides.clone(),
                excludes: set.excludes.clone(),
                index: set.index.clone(),
                ..RequirementSet::default()
            },
            trees: BTreeMap::new(),
            placed: placed(set, look.scope),
        };
        let (mut open, mut seen) = (set.sources.clone(), BTreeSet::new());
        while !open.is_empty() {
            open.retain(|requirement| {
                look.scope.applies(&requirement.marker, &[])
                    && seen.insert((requirement.to_string(), requirement.constraint))
            });
            if set.index.require_hashes {
                open.iter().try_for_each(check_hashed)?;
            }
            let round = std::mem::take(&mut open);
            // Looked at side by side, and taken in their order: the result does not depend on who is fast.
            for some in round.chunks(AT_ONCE) {
                for (requirement, tree) in some.iter().zip(look.look_all(some, &looked.trees)) {
                    let mut tree = tree?;
                    looked.check(requirement, &tree, look.scope)?;
                    let extras = looked.extras(&tree.metadata, requirement, look.scope);
                    looked.lower(&mut tree, requirement, look, &extras)?;
                    let needed = &tree.metadata;
                    open.extend(looked.dependencies(needed, requirement, look.scope, &extras)?);
                    looked.add(requirement.clone(), tree);
                }
            }
        }
        Ok(looked)
    }

    /// Whether a source goes with what is known.
    fn check(
        &self,
        requirement: &SourceRequirement,
        tree: &DirectTree,
        scope: &Scope,
    ) -> Result<(), Error> {
        let fail = |reason: &str| {
            pyfast_packaging::Error::requirement(
                &requirement.origin,
                &requirement.to_string(),
                reason,
            )
            .into()
        };
        let name = &tree.metadata.name;
        if let Some(wanted) = requirement.name.as_ref().filter(|wanted| *wanted != name) {
            return Err(fail(&format!("its name is {name}, not {wanted}")));
        }
        if let Some(known) = self.trees.get(name) {
            let same = known.source.tree == tree.source.tree
                && known.source.subdirectory == tree.source.subdirectory;
            if !same {
                return Err(fail(&format!("{name} is already {}", known.source.tree)));
            }
        }
        let wheels = self.set.requirements.iter().chain(&self.set.constraints);
        for other in wheels.filter(|other| other.name == *name) {
            if let Source::Wheel(wheel) = &other.source
                && scope.applies(&other.marker, &[])
            {
                return Err(fail(&format!("{name} is already {}", wheel.location)));
            }
        }
        Ok(())
    }

    /// The extras of a source that are asked for, by whatever line, and those that these ask for in their turn.
    fn extras(
        &self,
        metadata: &Metadata,
        requirement: &SourceRequirement,
        scope: &Scope,
    ) -> Vec<ExtraName> {
        let name = &metadata.name;
        let lines = self.set.requirements.iter().chain(&self.set.constraints);
        let same = lines.filter(|line| line.name == *name).flat_map(|line| &line.extras);
        let mut extras: Vec<ExtraName> = same.chain(&requirement.extras).cloned().collect();
        loop {
            let own = metadata.dependencies.iter().filter(|dependency| {
                dependency.name == *name && scope.applies(&dependency.marker, &extras)
            });
            let asked = own.flat_map(|dependency| &dependency.extras);
            let further: Vec<ExtraName> =
                asked.filter(|extra| !extras.contains(extra)).cloned().collect();
            if further.is_empty() {
                return extras;
            }
            extras.extend(further);
        }
    }

    /// Where the user says himself where a project comes from.
    fn known(&self, name: &PackageName, tools: &LockTools) -> MarkerTree {
        // It is left out, or replaced wherever it is asked for.
        if self.set.excludes.contains(name)
            || self.set.overrides.iter().any(|line| line.name == *name)
        {
            return MarkerTree::TRUE;
        }
        // Those of the requirements' own files, which a build has none of, and all.
        let mut known = tools.sources.pinned_where(name);
        for pin in self.set.index.pins.get(name).into_iter().flatten() {
            known.or(pin.marker.clone());
        }
        known.or(self.placed.get(name).cloned().unwrap_or(MarkerTree::FALSE));
        known
    }

    /// Has the dependencies of a source come from where its own project says: whoever passed that over would take a
    /// stranger's package of the same name (rule 28). What the user says of one of them counts more.
    fn lower(
        &self,
        tree: &mut DirectTree,
        requirement: &SourceRequirement,
        look: &Look<'_>,
        extras: &[ExtraName],
    ) -> Result<(), Error> {
        let Some(text) = &tree.project else { return Ok(()) };
        let project = SourceProject { source: &requirement.source, text };
        let lowered = project.lower(&tree.metadata, &|name| self.known(name, look.tools))?;
        // Those of extras that only others will ask for are refused when they do.
        let mut refused = lowered.refused.into_iter();
        if let Some((_, error)) = refused.find(|(marker, _)| look.scope.applies(marker, extras)) {
            return Err(error.into());
        }
        tree.metadata = Arc::new(lowered.metadata);
        Ok(())
    }

    /// What a source depends on by URL (rule 28): wheels are noted, sources are to be looked at.
    fn dependencies(
        &mut self,
        metadata: &Metadata,
        parent: &SourceRequirement,
        scope: &Scope,
        extras: &[ExtraName],
    ) -> Result<Vec<SourceRequirement>, Error> {
        let mut sources = Vec::new();
        for dependency in &metadata.dependencies {
            let Some(url) = &dependency.url else { continue };
            if !scope.applies(&dependency.marker, extras) {
                continue;
            }
            let extras: Vec<&str> = dependency.extras.iter().map(AsRef::as_ref).collect();
            let line = format!("{}[{}] @ {url}", dependency.name, extras.join(","));
            // Secrets of somebody else's metadata are neither used nor kept.
            match requirement_line::read(&line, &parent.origin, Path::new("/"))? {
                Line::Source(mut source) => {
                    source.source.take_login();
                    sources.push(SourceRequirement { constraint: true, ..*source });
                }
                Line::Project(mut named) => {
                    if let Source::Wheel(wheel) = &mut named.source
                        && let Location::Url(url) = &mut wheel.location
                    {
                        SafeUrl::take(url);
                    }
                    self.set.constraints.push(named);
                }
            }
        }
        Ok(sources)
    }

    fn add(&mut self, requirement: SourceRequirement, mut tree: DirectTree) {
        let name = tree.metadata.name.clone();
        let SourceRequirement { extras, source, marker, mut hashes, origin, constraint, .. } =
            requirement;
        // Rule 28: the digest of a fragment counts as a hash, unless two files can have it; it is compared all the same.
        hashes.extend(source.digest.clone().filter(Digest::is_strong));
        let source = Source::Tree(Box::new(source));
        let named = Requirement { name: name.clone(), extras, source, marker, hashes, origin };
        let list = if constraint { &mut self.set.constraints } else { &mut self.set.requirements };
        list.push(named);
        // Rule 27: an editable may stand for the same directory.
        tree.source.editable |= self.trees.get(&name).is_some_and(|known| known.source.editable);
        self.trees.insert(name, tree);
    }
}

impl Look<'_> {
    /// The sources of the earlier lock that were for something of the scope.
    fn kept(&self) -> impl Iterator<Item = &SourceTree> {
        let pins = self.kept.iter().filter(|pin| self.scope.applies(&pin.marker, &[]));
        pins.filter_map(|pin| Some(&pin.tree.as_ref()?.tree))
    }

    /// Looks at some sources at once, which may mean to build them.
    fn look_all(
        &self,
        some: &[SourceRequirement],
        looked: &BTreeMap<PackageName, DirectTree>,
    ) -> Vec<Result<DirectTree, Error>> {
        let told = |requirement: &SourceRequirement| {
            self.look(requirement, looked).map_err(|mut error| {
                if let Error::Build(failure) = &mut error
                    && failure.chain.is_empty()
                {
                    failure.chain.push(requirement.origin.to_string());
                }
                error
            })
        };
        if let [one] = some {
            return vec![told(one)];
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|one| scope.spawn(|| told(one))).collect();
            let joined = threads.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            joined.collect()
        })
    }

    fn look(
        &self,
        requirement: &SourceRequirement,
        looked: &BTreeMap<PackageName, DirectTree>,
    ) -> Result<DirectTree, Error> {
        let source = &requirement.source;
        let mut dist = SourceDist {
            name: requirement.name.clone(),
            version: None,
            tree: SourceTree::Directory(Path::new("/").into()),
            subdirectory: source.subdirectory.clone().filter(|below| !below.is_empty()),
            editable: source.editable,
        };
        let (sha256, stated) = match &source.place {
            Place::Archive { filename, location } => {
                let Received { body, sha256, .. } =
                    self.archive(requirement, filename, location)?;
                dist.tree = SourceTree::Archive {
                    filename: filename.clone(),
                    location: location.clone(),
                    sha256,
                };
                (Some(sha256), stated(&dist, filename, &body)?)
            }
            Place::Directory(path) => {
                dist.tree = SourceTree::Directory(path.clone());
                (None, directory(requirement, &dist, path)?)
            }
            Place::Repository(repository) => {
                let (tree, stated) = self.repository(repository, &dist, looked)?;
                dist.tree = tree;
                (None, stated)
            }
        };
        // Rule 43 of PEP 660: the wheel of an editable may need more than the project says.
        let text = match stated.metadata.filter(|_| !dist.editable) {
            Some(text) => text,
            None => self.build(&dist)?,
        };
        let metadata = metadata::parse(&text)
            .map_err(|reason| IndexError::Metadata { wheel: dist.to_string(), reason })?;
        dist.name = Some(metadata.name.clone());
        dist.version = Some(metadata.version.clone());
        let (metadata, project) = (Arc::new(metadata), stated.project);
        Ok(DirectTree { source: dist, sha256, metadata, project })
    }

    fn archive(
        &self,
        requirement: &SourceRequirement,
        filename: &str,
        location: &Location,
    ) -> Result<Received, Error> {
        // What an earlier lock has is not fetched again.
        let kept = || {
            let mut archives = self.kept().filter_map(|tree| match tree {
                SourceTree::Archive { location: known, sha256, .. } if known == location => {
                    Some(*sha256)
                }
                _ => None,
            });
            archives.next().filter(|known| self.tools.cache.has_source(known))
        };
        let remote = matches!(location, Location::Url(_));
        let stated = requirement.source.digest.clone();
        let expected = stated.or_else(|| kept().filter(|_| remote).map(Digest::Sha256));
        let (client, cache) = (&self.tools.client, &self.tools.cache);
        let fetch = fetch_source(client, cache, filename, location, expected.as_ref());
        let received = self.tools.runtime.block_on(fetch)?;
        let Received { body, sha256, .. } = &received;
        let hashes = &requirement.hashes;
        let other = |kind| body.digest(kind);
        let fits = |hash: &Digest| digest::check(filename, hash, *sha256, other).is_ok();
        if !hashes.is_empty() && !hashes.iter().any(fits) {
            return Err(IndexError::HashMismatch {
                wheel: filename.to_owned(),
                expected: Digest::any_of(hashes),
                found: Digest::Sha256(*sha256).to_string(),
            }
            .into());
        }
        Ok(received)
    }

    /// The commit, and metadata that its files state.
    fn repository(
        &self,
        repository: &Repository,
        dist: &SourceDist,
        looked: &BTreeMap<PackageName, DirectTree>,
    ) -> Result<(SourceTree, Stated), Error> {
        let Repository { url, reference } = repository;
        let git = Git::open(&self.tools.client, &self.tools.cache, url)?;
        // Several projects of one repository are of one commit, though its branch may move meanwhile.
        let looked = looked.values().map(|looked| &looked.source.tree);
        let kept = looked.chain(self.kept()).find_map(|tree| match tree {
            SourceTree::Repository { url: known, commit, requested }
                if known == url && requested == reference =>
            {
                Some(commit.clone())
            }
            _ => None,
        });
        // Rule 29: a lock's commit stays until an upgrade is asked for.
        let commit = git.commit(kept.as_deref().or(reference.as_deref()))?;
        let below = dist.subdirectory.as_ref().map(|below| format!("{below}/"));
        let path = format!("{}pyproject.toml", below.unwrap_or_default());
        let stated = Stated::by_project(git.file(&commit, &path)?);
        let requested = reference.clone();
        Ok((SourceTree::Repository { url: url.clone(), commit, requested }, stated))
    }

    fn build(&self, dist: &SourceDist) -> Result<String, Error> {
        let Some(build) = &self.tools.build else {
            let reason = "it does not state its metadata, and building is not allowed or there is \
                          no Python of this machine for it";
            let failure = BuildFailure::new(dist, BuildStage::Allowed, reason);
            return Err(Error::Build(Box::new(failure)));
        };
        build.metadata(dist)
    }
}

/// What the files of a source state.
struct Stated {
    /// Its metadata, where that needs no build.
    metadata: Option<String>,
    /// Its `pyproject.toml`.
    project: Option<String>,
}

impl Stated {
    fn by_project(project: Option<String>) -> Self {
        Self { metadata: project.as_deref().and_then(project_table), project }
    }
}

/// Where the places of projects are known before anything is looked at: elsewhere, what is said of them is not for
/// this scope.
fn placed(set: &RequirementSet, scope: &Scope) -> BTreeMap<PackageName, MarkerTree> {
    let sources = set.sources.iter();
    let sources = sources.filter_map(|source| Some((source.name.as_ref()?, &source.marker)));
    let wheels = set.requirements.iter().chain(&set.constraints);
    let wheels = wheels.filter(|line| matches!(line.source, Source::Wheel(_)));
    let wheels = wheels.map(|line| (&line.name, &line.marker));
    let mut placed: BTreeMap<PackageName, MarkerTree> = BTreeMap::new();
    for (name, marker) in sources.chain(wheels).filter(|(_, marker)| scope.applies(marker, &[])) {
        placed.entry(name.clone()).or_insert(MarkerTree::FALSE).or(marker.clone());
    }
    placed
}

/// What an archive states.
fn stated(dist: &SourceDist, filename: &str, body: &Body) -> Result<Stated, Error> {
    let stated = Statements::read(filename, body, dist.subdirectory.as_deref());
    let stated = stated.map_err(|error| {
        Error::Build(Box::new(BuildFailure::new(dist, BuildStage::Source, error.to_string())))
    })?;
    Ok(Stated { metadata: stated.metadata(dist.version.as_ref()), project: stated.pyproject })
}

/// What a directory states.
fn directory(
    requirement: &SourceRequirement,
    dist: &SourceDist,
    path: &Path,
) -> Result<Stated, Error> {
    let fail = |reason: &str| {
        Err(pyfast_packaging::Error::requirement(
            &requirement.origin,
            &requirement.to_string(),
            reason,
        )
        .into())
    };
    let project = dist.subdirectory.as_ref().map_or(path.to_owned(), |below| path.join(below));
    if !project.is_dir() {
        return fail(&format!("there is no directory `{}`", project.display()));
    }
    if !["pyproject.toml", "setup.py"].iter().any(|name| project.join(name).is_file()) {
        return fail("the directory has neither pyproject.toml nor setup.py");
    }
    let text = pyfast_root::regular_file::read_text(&project.join("pyproject.toml")).ok();
    Ok(Stated::by_project(text))
}

#[cfg(test)]
mod tests;
