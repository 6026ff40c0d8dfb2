//! The solver: `PubGrub` over [`Packages`], for one target.
//!
//! A project is one `PubGrub` package; each extra of it is another that depends on the same version
//! of the project. Only decisions shape the result, never the order in which answers arrive.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerEnvironment, PackageName};
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics, PubGrubError};
use rustc_hash::{FxHashMap, FxHashSet};
use version_ranges::Ranges;

use crate::candidate::{Candidate, Selector, allows_python};
use crate::error::Error;
use crate::metadata::{Dependency, Metadata};
use crate::packages::Packages;
use crate::range;
use crate::report::NoSolution;
use crate::requirement::{Requirement, Source};

/// A node of the solver.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Node {
    /// What the user asked for.
    Root,
    /// A project.
    Project(PackageName),
    /// An extra of a project.
    Extra(PackageName, ExtraName),
}

impl Node {
    pub(crate) fn name(&self) -> Option<&PackageName> {
        match self {
            Self::Root => None,
            Self::Project(name) | Self::Extra(name, _) => Some(name),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => f.write_str("your requirements"),
            Self::Project(name) => write!(f, "{name}"),
            Self::Extra(name, extra) => write!(f, "{name}[{extra}]"),
        }
    }
}

/// A package of the solution.
#[derive(Debug, Clone)]
pub(crate) struct Solved {
    pub(crate) candidate: Candidate,
    pub(crate) extras: Vec<ExtraName>,
    pub(crate) metadata: Arc<Metadata>,
}

/// What is to be solved.
pub(crate) struct Problem<'a> {
    pub(crate) requirements: &'a [Requirement],
    pub(crate) constraints: &'a [Requirement],
    pub(crate) overrides: &'a [Requirement],
    pub(crate) selector: &'a Selector,
    pub(crate) no_deps: bool,
}

/// Finds a version for every project that is needed.
///
/// # Errors
/// [`Error::NoSolution`], [`Error::UnknownPackage`], or whatever `packages` fails with.
pub(crate) fn solve(
    problem: &Problem<'_>,
    packages: &dyn Packages,
) -> Result<BTreeMap<PackageName, Solved>, Error> {
    let provider = Provider::new(problem, packages);
    for (node, _) in provider.root_dependencies() {
        if let Node::Project(name) = &node {
            packages.prefetch(name, None);
        }
    }
    let solution = match pubgrub::resolve(&provider, Node::Root, Version::new([0])) {
        Ok(solution) => solution,
        Err(PubGrubError::NoSolution(tree)) => {
            let no_solution = NoSolution::explain(&provider, &tree);
            return Err(Error::NoSolution(Box::new(no_solution)));
        }
        Err(
            PubGrubError::ErrorRetrievingDependencies { source, .. }
            | PubGrubError::ErrorChoosingVersion { source, .. }
            | PubGrubError::ErrorInShouldCancel(source),
        ) => return Err(source),
    };
    provider.collect(solution.iter())
}

pub(crate) struct Provider<'a> {
    pub(crate) problem: &'a Problem<'a>,
    packages: &'a dyn Packages,
    pub(crate) constraints: FxHashMap<PackageName, (Ranges<Version>, Vec<&'a Requirement>)>,
    overrides: FxHashMap<PackageName, Ranges<Version>>,
    /// Order in which nodes were first met; earlier ones are decided first.
    seen: RefCell<FxHashMap<Node, usize>>,
    /// The version last chosen for a project: an extra follows its project.
    chosen: RefCell<FxHashMap<PackageName, Version>>,
    direct: FxHashSet<PackageName>,
    /// Projects that no index has.
    pub(crate) missing: RefCell<FxHashSet<PackageName>>,
    told: RefCell<FxHashSet<(PackageName, Version)>>,
    decisions: Cell<u32>,
}

impl<'a> Provider<'a> {
    fn new(problem: &'a Problem<'a>, packages: &'a dyn Packages) -> Self {
        let environment = problem.environment();
        let mut constraints: FxHashMap<PackageName, (Ranges<Version>, Vec<&Requirement>)> =
            FxHashMap::default();
        for constraint in problem.constraints {
            if let Source::Registry(specifiers) = &constraint.source
                && constraint.marker.evaluate(environment, &[])
            {
                let entry = constraints.entry(constraint.name.clone());
                let (range, origins) = entry.or_insert_with(|| (Ranges::full(), Vec::new()));
                *range = range.intersection(&range::of(specifiers));
                origins.push(constraint);
            }
        }
        let mut overrides: FxHashMap<PackageName, Ranges<Version>> = FxHashMap::default();
        for replacement in problem.overrides {
            if let Source::Registry(specifiers) = &replacement.source
                && replacement.marker.evaluate(environment, &[])
            {
                let range = overrides.entry(replacement.name.clone()).or_insert_with(Ranges::full);
                *range = range.intersection(&range::of(specifiers));
            }
        }
        let direct = |requirement: &&Requirement| {
            matches!(requirement.source, Source::Wheel(_) | Source::Tree(_))
                && requirement.marker.evaluate(environment, &[])
        };
        let inputs = problem.requirements.iter().chain(problem.constraints);
        Self {
            problem,
            packages,
            constraints,
            overrides,
            seen: RefCell::default(),
            chosen: RefCell::default(),
            direct: inputs.filter(direct).map(|requirement| requirement.name.clone()).collect(),
            missing: RefCell::default(),
            told: RefCell::default(),
            decisions: Cell::new(0),
        }
    }

    /// The user's requirements that count for the target.
    pub(crate) fn active(&self) -> impl Iterator<Item = &'a Requirement> {
        let environment = self.problem.environment();
        let requirements = self.problem.requirements.iter();
        requirements.filter(move |requirement| requirement.marker.evaluate(environment, &[]))
    }

    fn root_dependencies(&self) -> Vec<(Node, Ranges<Version>)> {
        let mut constraints = Constraints::new(self);
        for requirement in self.active() {
            let range = match &requirement.source {
                Source::Registry(specifiers) => range::of(specifiers),
                Source::Wheel(wheel) => Ranges::singleton(wheel.filename.version.clone()),
                Source::Tree(_) => Ranges::full(),
            };
            constraints.add(&requirement.name, &requirement.extras, &range);
        }
        constraints.nodes
    }

    fn candidate(
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

    /// The page of a project, for explanations.
    pub(crate) fn page(&self, name: &PackageName) -> Option<Arc<crate::page::Page>> {
        self.packages.page(name).ok().flatten()
    }

    fn project_dependencies(
        &self,
        name: &PackageName,
        version: &Version,
        extra: Option<&ExtraName>,
    ) -> Result<Dependencies<Node, Ranges<Version>, String>, Error> {
        let Some(candidate) = self.candidate(name, &Ranges::singleton(version.clone()))? else {
            return Ok(Dependencies::Unavailable("is not usable here".to_owned()));
        };
        let metadata = match self.packages.metadata(&candidate)? {
            Ok(metadata) => metadata,
            Err(reason) => {
                return Ok(Dependencies::Unavailable(format!(
                    "has metadata that cannot be used ({reason})"
                )));
            }
        };
        if let Some(specifiers) = &metadata.requires_python
            && !allows_python(specifiers, self.problem.selector.target().python())
        {
            return Ok(Dependencies::Unavailable(format!("needs Python {specifiers}")));
        }
        if extra.is_none() && self.told.borrow_mut().insert((name.clone(), version.clone())) {
            self.packages.decided(&candidate);
        }
        let mut constraints = Constraints::new(self);
        if extra.is_some() {
            let project = Node::Project(name.clone());
            constraints.nodes.push((project, Ranges::singleton(version.clone())));
        }
        if !self.problem.no_deps {
            for dependency in self.active_dependencies(&metadata, extra) {
                if let Some(url) = &dependency.url
                    && !self.direct.contains(&dependency.name)
                {
                    let url = crate::credentials::redact(url);
                    return Ok(Dependencies::Unavailable(format!(
                        "depends on {} by URL ({url}), which only your own requirements may do",
                        dependency.name
                    )));
                }
                constraints.add(
                    &dependency.name,
                    &dependency.extras,
                    &range::of(&dependency.specifiers),
                );
            }
        }
        for (node, range) in &constraints.nodes {
            if let Some(name) = node.name() {
                self.packages.prefetch(name, Some(range));
            }
        }
        Ok(Dependencies::Available(constraints.nodes.into_iter().collect()))
    }

    /// The dependencies that count: without extra, or those that the extra adds (rule 22).
    fn active_dependencies<'m>(
        &self,
        metadata: &'m Metadata,
        extra: Option<&ExtraName>,
    ) -> impl Iterator<Item = &'m Dependency> {
        let environment = self.problem.environment();
        let extra = extra.cloned();
        metadata.dependencies.iter().filter(move |dependency| {
            let plain = dependency.marker.evaluate(environment, &[]);
            match &extra {
                None => plain,
                Some(extra) => {
                    !plain && dependency.marker.evaluate(environment, std::slice::from_ref(extra))
                }
            }
        })
    }

    fn collect<'s>(
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

impl Problem<'_> {
    pub(crate) fn environment(&self) -> &MarkerEnvironment {
        &self.selector.target().markers
    }
}

/// Dependencies being gathered: what is asked twice is intersected, and constraints count.
struct Constraints<'p, 'a> {
    provider: &'p Provider<'a>,
    /// In the order in which they were first named.
    nodes: Vec<(Node, Ranges<Version>)>,
}

impl<'p, 'a> Constraints<'p, 'a> {
    fn new(provider: &'p Provider<'a>) -> Self {
        Self { provider, nodes: Vec::new() }
    }

    fn add(&mut self, name: &PackageName, extras: &[ExtraName], range: &Ranges<Version>) {
        let range = self.provider.overrides.get(name).unwrap_or(range);
        let range = match self.provider.constraints.get(name) {
            Some((constraint, _)) => range.intersection(constraint),
            None => range.clone(),
        };
        let extras = extras.iter().map(|extra| Node::Extra(name.clone(), extra.clone()));
        for node in std::iter::once(Node::Project(name.clone())).chain(extras) {
            let count = self.provider.seen.borrow().len();
            self.provider.seen.borrow_mut().entry(node.clone()).or_insert(count);
            match self.nodes.iter_mut().find(|(known, _)| *known == node) {
                Some((_, known)) => *known = known.intersection(&range),
                None => self.nodes.push((node, range.clone())),
            }
        }
    }
}

/// Decided first: the greatest. Conflicts raise a project, because deciding the troublesome ones
/// early avoids undoing the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Ordinary,
    Conflicting,
    Pinned,
    Direct,
    Root,
}

impl DependencyProvider for Provider<'_> {
    type P = Node;
    type V = Version;
    type VS = Ranges<Version>;
    type Priority = (Tier, Reverse<usize>);
    type M = String;
    type Err = Error;

    fn prioritize(
        &self,
        node: &Node,
        range: &Ranges<Version>,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let Some(name) = node.name() else { return (Tier::Root, Reverse(0)) };
        self.packages.prefetch(name, Some(range));
        let tier = if self.direct.contains(name) {
            Tier::Direct
        } else if range::pinned(range).is_some() {
            Tier::Pinned
        } else if statistics.conflict_count() >= 5 {
            Tier::Conflicting
        } else {
            Tier::Ordinary
        };
        (tier, Reverse(self.seen.borrow().get(node).copied().unwrap_or(usize::MAX)))
    }

    fn choose_version(
        &self,
        node: &Node,
        range: &Ranges<Version>,
    ) -> Result<Option<Version>, Error> {
        let Some(name) = node.name() else { return Ok(Some(Version::new([0]))) };
        self.decisions.set(self.decisions.get() + 1);
        if matches!(node, Node::Extra(..))
            && let Some(version) = self.chosen.borrow().get(name)
            && range.contains(version)
        {
            return Ok(Some(version.clone()));
        }
        let version = self.candidate(name, range)?.map(|candidate| candidate.version);
        if let (Node::Project(name), Some(version)) = (node, &version) {
            self.chosen.borrow_mut().insert(name.clone(), version.clone());
        }
        Ok(version)
    }

    fn get_dependencies(
        &self,
        node: &Node,
        version: &Version,
    ) -> Result<Dependencies<Node, Ranges<Version>, String>, Error> {
        match node {
            Node::Root => {
                Ok(Dependencies::Available(self.root_dependencies().into_iter().collect()))
            }
            Node::Project(name) => self.project_dependencies(name, version, None),
            Node::Extra(name, extra) => self.project_dependencies(name, version, Some(extra)),
        }
    }
}
