//! What the solver asks of packages, for one target or for all of a region: versions and what they need.
//! Knows nothing of the order in which that is asked (`order`).

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::{ExtraName, PackageName};
use pubgrub::Dependencies;
use pyfast_packaging::metadata::{Dependency, Metadata, python_specifiers};
use pyfast_packaging::requirement::{Requirement, Source};
use pyfast_packaging::safe_url::redact;
use pyfast_packaging::scope::{PythonFit, Scope};
use pyfast_packaging::version_range as range;
use rustc_hash::{FxHashMap, FxHashSet};
use version_ranges::Ranges;

use super::Stop;
use super::gathered::Gathered;
use super::guards::Guards;
use super::problem::{Node, Problem, Solved};
use super::rules::{Limits, Replacement, limits, range_of, replacements};
use super::search::{Decision, Search};
use crate::candidate::Candidate;
use crate::error::Error;
use crate::packages::Packages;

/// What the search asks, and what it keeps between its runs.
pub(super) struct Provider<'a> {
    pub(super) problem: &'a Problem<'a>,
    pub(super) packages: &'a dyn Packages,
    pub(super) constraints: Limits<'a>,
    /// What replaces the requirements on a project; `None` where no replacement counts for the target.
    pub(super) overrides: FxHashMap<PackageName, Option<Replacement>>,
    /// Order in which nodes were first met; earlier ones are decided first.
    pub(super) seen: RefCell<FxHashMap<Node, usize>>,
    pub(super) search: RefCell<Search>,
    pub(super) guards: Guards<'a>,
    pub(super) direct: FxHashSet<PackageName>,
    /// Projects that no index has.
    pub(super) missing: RefCell<FxHashSet<PackageName>>,
    told: RefCell<FxHashSet<(PackageName, Version)>>,
}

impl<'a> Provider<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, packages: &'a dyn Packages) -> Self {
        let direct = |requirement: &&Requirement| {
            matches!(requirement.source, Source::Wheel(_) | Source::Tree(_))
                && problem.applies(&requirement.marker)
        };
        let inputs =
            problem.requirements.iter().chain(problem.constraints).chain(problem.overrides);
        Self {
            problem,
            packages,
            constraints: limits(problem),
            overrides: replacements(problem),
            seen: RefCell::default(),
            search: RefCell::default(),
            guards: Guards::new(problem),
            direct: inputs.filter(direct).map(|requirement| requirement.name.clone()).collect(),
            missing: RefCell::default(),
            told: RefCell::default(),
        }
    }

    /// Takes note of the order in which nodes are met: what is asked for earlier is decided earlier
    /// (rule 37).
    pub(super) fn see(&self, node: &Node) {
        let mut seen = self.seen.borrow_mut();
        let count = seen.len();
        seen.entry(node.clone()).or_insert(count);
    }

    /// The user's requirements that count for the target.
    pub(super) fn active(&self) -> impl Iterator<Item = &'a Requirement> {
        let requirements = self.problem.requirements.iter();
        requirements.filter(|requirement| self.problem.applies(&requirement.marker))
    }

    /// The overrides of a project that count for the target.
    pub(super) fn replaced(&self, name: &PackageName) -> impl Iterator<Item = &'a Requirement> {
        self.problem.overrides.iter().filter(move |replacement| {
            replacement.name == *name && self.problem.applies(&replacement.marker)
        })
    }

    pub(super) fn root_dependencies(&self) -> Vec<(Node, Ranges<Version>)> {
        let mut gathered = Gathered::new(self);
        for requirement in self.active() {
            self.guards.learn(&Node::Root, &requirement.name, &requirement.marker, &[]);
            gathered.add(&requirement.name, &requirement.extras, &range_of(&requirement.source));
        }
        gathered.finish()
    }

    pub(super) fn candidate(
        &self,
        name: &PackageName,
        range: &Ranges<Version>,
    ) -> Result<Option<Candidate>, Error> {
        let Some(page) = self.packages.page(name)? else {
            self.missing.borrow_mut().insert(name.clone());
            return Ok(None);
        };
        let found = self.problem.selector.select(name, &page, range);
        Ok(found.and_then(|found| found.as_ref().as_ref().ok().cloned()))
    }

    /// A version that only a part of the region can use is a reason to split it.
    pub(super) fn check_whole(&self, candidate: Option<&Candidate>) -> Result<(), Stop> {
        let (Scope::Region(_), Some(text)) =
            (self.problem.scope(), candidate.and_then(|one| one.requires_python.as_ref()))
        else {
            return Ok(());
        };
        match python_specifiers(text).map(|specifiers| self.problem.scope().python(&specifiers)) {
            Ok(PythonFit::Some(on)) => Err(Stop::Split(on)),
            _ => Ok(()),
        }
    }

    /// The page of a project, for explanations.
    pub(super) fn page(&self, name: &PackageName) -> Option<Arc<pyfast_index::page::Page>> {
        self.packages.page(name).ok().flatten()
    }

    pub(super) fn project_dependencies(
        &self,
        name: &PackageName,
        version: &Version,
        extra: Option<&ExtraName>,
    ) -> Result<Dependencies<Node, Ranges<Version>, String>, Stop> {
        let Some(candidate) = self.candidate(name, &Ranges::singleton(version.clone()))? else {
            return Ok(Dependencies::Unavailable("is not usable here".to_owned()));
        };
        let metadata = match self.packages.metadata(&candidate).map_err(Error::from)? {
            Ok(metadata) => metadata,
            Err(reason) => {
                return Ok(Dependencies::Unavailable(format!(
                    "has metadata that cannot be used ({reason})"
                )));
            }
        };
        if let Some(specifiers) = &metadata.requires_python {
            match self.problem.scope().python(specifiers) {
                PythonFit::All => {}
                PythonFit::Some(on) => return Err(Stop::Split(on)),
                PythonFit::None => {
                    return Ok(Dependencies::Unavailable(format!("needs Python {specifiers}")));
                }
            }
        }
        if extra.is_none() && self.told.borrow_mut().insert((name.clone(), version.clone())) {
            self.packages.decided(&candidate);
        }
        let mut gathered = Gathered::new(self);
        if extra.is_some() {
            gathered.require(Node::Project(name.clone()), &Ranges::singleton(version.clone()));
        }
        if !self.problem.no_deps
            && let Err(reason) = self.gather(&metadata, extra, &mut gathered)
        {
            return Ok(Dependencies::Unavailable(reason));
        }
        let nodes = gathered.finish();
        // `PubGrub` must not be told of a package that depends on itself.
        let own = Node::of(name, extra);
        let decision = Decision { name: name.clone(), version: version.clone() };
        for (node, range) in &nodes {
            let Some(needed) = node.name() else { continue };
            if needed == name && !range.contains(version) {
                let reason = format!("depends on another version of itself, {name}");
                return Ok(Dependencies::Unavailable(reason));
            }
            self.packages.prefetch(needed, Some(range));
            let pins = &self.problem.selector.criteria().pins;
            self.search.borrow_mut().needs(&decision, needed, range, |by| {
                pins.contains(&(by.name.clone(), by.version.clone()))
            });
        }
        let nodes = nodes.into_iter();
        Ok(Dependencies::Available(nodes.filter(|(node, _)| *node != own).collect()))
    }

    /// Adds what a version's metadata asks for; says why that may not be.
    fn gather(
        &self,
        metadata: &Metadata,
        extra: Option<&ExtraName>,
        gathered: &mut Gathered<'_, 'a>,
    ) -> Result<(), String> {
        let own = Node::of(&metadata.name, extra);
        let extras = extra.map_or(&[][..], std::slice::from_ref);
        for dependency in self.active_dependencies(metadata, extra) {
            let name = &dependency.name;
            self.guards.learn(&own, name, &dependency.marker, extras);
            let is_decided =
                self.overrides.contains_key(name) || self.problem.excludes.contains(name);
            if let Some(reason) = dependency.refused.as_ref().filter(|_| !is_decided) {
                let reason = redact(reason);
                return Err(format!("depends on {name}, whose place cannot be used ({reason})"));
            }
            if let Some(url) = &dependency.url
                && !self.direct.contains(name)
                && !is_decided
            {
                let url = redact(url);
                return Err(format!(
                    "depends on {name} by URL ({url}), which only your own requirements may do"
                ));
            }
            gathered.add(name, &dependency.extras, &range::of(&dependency.specifiers));
        }
        Ok(())
    }

    /// The dependencies that count: without extra, or those that the extra adds (rule 22).
    fn active_dependencies<'m>(
        &self,
        metadata: &'m Metadata,
        extra: Option<&ExtraName>,
    ) -> impl Iterator<Item = &'m Dependency> {
        let scope = self.problem.scope();
        let extra = extra.cloned();
        metadata.dependencies.iter().filter(move |dependency| {
            let plain = scope.applies(&dependency.marker, &[]);
            match &extra {
                None => plain,
                Some(extra) => {
                    !plain && scope.applies(&dependency.marker, std::slice::from_ref(extra))
                }
            }
        })
    }

    pub(super) fn collect<'s>(
        &self,
        solution: impl Iterator<Item = (&'s Node, &'s Version)>,
    ) -> Result<BTreeMap<PackageName, Solved>, Error> {
        let mut solved: BTreeMap<PackageName, Solved> = BTreeMap::new();
        let mut extras: BTreeMap<PackageName, Vec<ExtraName>> = BTreeMap::new();
        for (node, version) in solution {
            match node {
                Node::Root => {}
                Node::Extra(name, extra) => {
                    extras.entry(name.clone()).or_default().push(extra.clone());
                }
                Node::Project(name) => {
                    let version = Ranges::singleton(version.clone());
                    if let Some(candidate) = self.candidate(name, &version)?
                        && let Ok(metadata) = self.packages.metadata(&candidate)?
                    {
                        let package = Solved { candidate, extras: Vec::new(), metadata };
                        solved.insert(name.clone(), package);
                    }
                }
            }
        }
        for (name, mut extras) in extras {
            extras.sort();
            if let Some(package) = solved.get_mut(&name) {
                package.extras = extras;
            }
        }
        Ok(solved)
    }
}
