//! The solver: `PubGrub` over [`Packages`], for one target or for all of a region.
//!
//! A project is one `PubGrub` package; each extra of it is another that depends on the same version
//! of the project. Only decisions shape the result, never the order in which answers arrive.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerTree, PackageName};
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics, PubGrubError};
use rustc_hash::{FxHashMap, FxHashSet};
use version_ranges::Ranges;

use crate::candidate::{Candidate, Selector};
use crate::error::Error;
use crate::guards::Guards;
use crate::packages::Packages;
use crate::report::NoSolution;
use crate::rules::{Limits, Replacement, limits, range_of, replacements};
use crate::search::Search;
use pyfast_packaging::metadata::{Dependency, Metadata, python_specifiers};
use pyfast_packaging::requirement::{Requirement, Source};
use pyfast_packaging::scope::{PythonFit, Scope};
use pyfast_packaging::version_range as range;

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
    /// A project, or an extra of it.
    pub(crate) fn of(name: &PackageName, extra: Option<&ExtraName>) -> Self {
        match extra {
            None => Self::Project(name.clone()),
            Some(extra) => Self::Extra(name.clone(), extra.clone()),
        }
    }

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

/// What was found, and what it took.
#[derive(Debug, Default)]
pub(crate) struct Solution {
    pub(crate) packages: BTreeMap<PackageName, Solved>,
    /// How many versions were decided on, final or not: the measure of a search.
    pub(crate) decisions: usize,
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
    /// Projects that are left out wherever they are asked for.
    pub(crate) excludes: &'a BTreeSet<PackageName>,
    pub(crate) selector: &'a Selector,
    pub(crate) no_deps: bool,
}

/// Why a search has no solution.
#[derive(Debug)]
pub(crate) enum Unsolved {
    /// There is none, or something failed.
    Failed(Error),
    /// There is none for the whole region, but perhaps one for each of the two parts that this marker
    /// divides it into.
    Split(MarkerTree),
}

impl Unsolved {
    /// Why there is no solution for a target.
    pub(crate) fn of_target(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Split(_) => unreachable!("only regions are split"),
        }
    }
}

impl From<Error> for Unsolved {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Finds a version for every project that is needed; in a region everything counts that counts for
/// some of it.
///
/// # Errors
/// [`Error::NoSolution`], [`Error::UnknownPackage`], or whatever `packages` fails with. Only regions
/// are split.
pub(crate) fn solve(problem: &Problem<'_>, packages: &dyn Packages) -> Result<Solution, Unsolved> {
    let provider = Provider::new(problem, packages);
    for (node, _) in provider.root_dependencies() {
        if let Node::Project(name) = &node {
            packages.prefetch(name, None);
        }
    }
    loop {
        match pubgrub::resolve(&provider, Node::Root, Version::new([0])) {
            Ok(solution) => {
                let packages = provider.collect(solution.iter())?;
                return Ok(Solution { packages, decisions: provider.search.borrow().decisions() });
            }
            Err(PubGrubError::NoSolution(tree)) => {
                if let Some(on) = provider.guards.cause(&tree) {
                    return Err(Unsolved::Split(on));
                }
                let no_solution = NoSolution::explain(&provider, &tree);
                return Err(Error::NoSolution(Box::new(no_solution)).into());
            }
            Err(
                PubGrubError::ErrorRetrievingDependencies { source, .. }
                | PubGrubError::ErrorChoosingVersion { source, .. }
                | PubGrubError::ErrorInShouldCancel(source),
            ) => match source {
                Stop::Failed(error) => return Err(error.into()),
                Stop::Split(on) => return Err(Unsolved::Split(on)),
                Stop::Again => provider.seen.borrow_mut().clear(),
            },
        }
    }
}

/// Why the solver stops before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// Something could not be fetched.
    #[error(transparent)]
    Failed(#[from] Error),
    /// The search is better begun again in another order.
    #[error("the search begins again")]
    Again,
    /// What was met has another meaning for one part of the region than for the other.
    #[error("the region is split")]
    Split(MarkerTree),
}

pub(crate) struct Provider<'a> {
    pub(crate) problem: &'a Problem<'a>,
    packages: &'a dyn Packages,
    pub(crate) constraints: Limits<'a>,
    /// What replaces the requirements on a project; `None` where no replacement counts for the target.
    overrides: FxHashMap<PackageName, Option<Replacement>>,
    /// Order in which nodes were first met; earlier ones are decided first.
    seen: RefCell<FxHashMap<Node, usize>>,
    search: RefCell<Search>,
    guards: Guards<'a>,
    direct: FxHashSet<PackageName>,
    /// Projects that no index has.
    pub(crate) missing: RefCell<FxHashSet<PackageName>>,
    told: RefCell<FxHashSet<(PackageName, Version)>>,
}

impl<'a> Provider<'a> {
    fn new(problem: &'a Problem<'a>, packages: &'a dyn Packages) -> Self {
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

    /// The user's requirements that count for the target.
    pub(crate) fn active(&self) -> impl Iterator<Item = &'a Requirement> {
        let requirements = self.problem.requirements.iter();
        requirements.filter(|requirement| self.problem.applies(&requirement.marker))
    }

    /// The overrides of a project that count for the target.
    pub(crate) fn replaced(&self, name: &PackageName) -> impl Iterator<Item = &'a Requirement> {
        self.problem.overrides.iter().filter(move |replacement| {
            replacement.name == *name && self.problem.applies(&replacement.marker)
        })
    }

    fn root_dependencies(&self) -> Vec<(Node, Ranges<Version>)> {
        let mut constraints = Constraints::new(self);
        for requirement in self.active() {
            self.guards.learn(&Node::Root, &requirement.name, &requirement.marker, &[]);
            constraints.add(&requirement.name, &requirement.extras, &range_of(&requirement.source));
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

    /// A version that only a part of the region can use is a reason to split it.
    fn check_whole(&self, candidate: Option<&Candidate>) -> Result<(), Stop> {
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
    pub(crate) fn page(&self, name: &PackageName) -> Option<Arc<crate::page::Page>> {
        self.packages.page(name).ok().flatten()
    }

    fn project_dependencies(
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
        let mut constraints = Constraints::new(self);
        if extra.is_some() {
            let project = Node::Project(name.clone());
            constraints.nodes.push((project, Ranges::singleton(version.clone())));
        }
        if !self.problem.no_deps
            && let Err(reason) = self.gather(&metadata, extra, &mut constraints)
        {
            return Ok(Dependencies::Unavailable(reason));
        }
        // `PubGrub` must not be told of a package that depends on itself.
        let own = Node::of(name, extra);
        for (node, range) in &constraints.nodes {
            let Some(needed) = node.name() else { continue };
            if needed == name && !range.contains(version) {
                let reason = format!("depends on another version of itself, {name}");
                return Ok(Dependencies::Unavailable(reason));
            }
            self.packages.prefetch(needed, Some(range));
            self.search.borrow_mut().needs((name, version), (needed, range), |name, version| {
                self.problem.selector.criteria().pins.contains(&(name.clone(), version.clone()))
            });
        }
        let nodes = constraints.nodes.into_iter();
        Ok(Dependencies::Available(nodes.filter(|(node, _)| *node != own).collect()))
    }

    /// Adds what a version's metadata asks for; says why that may not be.
    fn gather(
        &self,
        metadata: &Metadata,
        extra: Option<&ExtraName>,
        constraints: &mut Constraints<'_, 'a>,
    ) -> Result<(), String> {
        let own = Node::of(&metadata.name, extra);
        let extras = extra.map_or(&[][..], std::slice::from_ref);
        for dependency in self.active_dependencies(metadata, extra) {
            let name = &dependency.name;
            self.guards.learn(&own, name, &dependency.marker, extras);
            if let Some(url) = &dependency.url
                && !self.direct.contains(name)
                && !self.overrides.contains_key(name)
                && !self.problem.excludes.contains(name)
            {
                let url = pyfast_packaging::safe_url::redact(url);
                return Err(format!(
                    "depends on {name} by URL ({url}), which only your own requirements may do"
                ));
            }
            constraints.add(name, &dependency.extras, &range::of(&dependency.specifiers));
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
    pub(crate) fn scope(&self) -> &Scope {
        self.selector.scope()
    }

    /// Whether a line of the user's counts.
    pub(crate) fn applies(&self, marker: &MarkerTree) -> bool {
        self.scope().applies(marker, &[])
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
        if self.provider.problem.excludes.contains(name) {
            return;
        }
        self.provider.guards.meet(name);
        let (range, extras) = match self.provider.overrides.get(name) {
            None => (range, extras),
            Some(Some(replacement)) => (&replacement.range, &replacement.extras[..]),
            Some(None) => return,
        };
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
    /// Stands in the way of others.
    Late,
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
    type Priority = (Tier, Reverse<usize>, bool);
    type M = String;
    type Err = Stop;

    fn should_cancel(&self) -> Result<(), Stop> {
        if let Some(on) = self.guards.met() {
            return Err(Stop::Split(on));
        }
        if self.search.borrow_mut().begins_again() { Err(Stop::Again) } else { Ok(()) }
    }

    fn prioritize(
        &self,
        node: &Node,
        range: &Ranges<Version>,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let Some(name) = node.name() else { return (Tier::Root, Reverse(0), true) };
        self.packages.prefetch(name, Some(range));
        // An extra follows the version that was decided for its project, and so comes after it.
        let project = Node::Project(name.clone());
        let first_seen = Reverse(self.seen.borrow().get(&project).copied().unwrap_or(usize::MAX));
        if matches!(node, Node::Extra(..)) {
            let late = self.search.borrow().is_late(name);
            return (if late { Tier::Late } else { Tier::Ordinary }, first_seen, false);
        }
        let tier = if self.direct.contains(name) {
            Tier::Direct
        } else if range::pinned(range).is_some() {
            Tier::Pinned
        } else if self.search.borrow().is_late(name) {
            Tier::Late
        } else if statistics.conflict_count() >= 5 {
            Tier::Conflicting
        } else {
            Tier::Ordinary
        };
        (tier, first_seen, true)
    }

    fn choose_version(
        &self,
        node: &Node,
        range: &Ranges<Version>,
    ) -> Result<Option<Version>, Stop> {
        let Some(name) = node.name() else { return Ok(Some(Version::new([0]))) };
        if matches!(node, Node::Extra(..))
            && let Some(version) = self.search.borrow().decision(name)
            && range.contains(version)
        {
            return Ok(Some(version.clone()));
        }
        let candidate = self.candidate(name, range)?;
        self.check_whole(candidate.as_ref())?;
        if let (Node::Project(name), Some(candidate)) = (node, &candidate) {
            let tries = self.search.borrow_mut().decided(name, &candidate.version);
            // Who goes back version by version will go back as far again.
            if tries >= 4 && tries.is_power_of_two() {
                self.packages.prefetch_more(candidate, range, tries);
            }
        }
        Ok(candidate.map(|candidate| candidate.version))
    }

    fn get_dependencies(
        &self,
        node: &Node,
        version: &Version,
    ) -> Result<Dependencies<Node, Ranges<Version>, String>, Stop> {
        let dependencies = match node {
            Node::Root => {
                let nodes = self.root_dependencies();
                for (node, range) in &nodes {
                    node.name().into_iter().for_each(|n| self.search.borrow_mut().asked(n, range));
                }
                Dependencies::Available(nodes.into_iter().collect())
            }
            Node::Project(name) => self.project_dependencies(name, version, None)?,
            Node::Extra(name, extra) => self.project_dependencies(name, version, Some(extra))?,
        };
        Ok(dependencies)
    }
}
