//! For which interpreters of a region each package of its solution is needed: the markers of all ways
//! that lead to it.

use std::collections::BTreeMap;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerTree, PackageName};
use version_ranges::Ranges;

use crate::error::Error;
use crate::packages::Packages;
use crate::solve::{
    Limits, Node, Problem, Solution, Solved, is_partial, limits, range_of, replacements,
};
use pyfast_packaging::marker;
use pyfast_packaging::metadata::Dependency;
use pyfast_packaging::scope::Region;
use pyfast_packaging::version_range as range;

/// Where each node of a solution is needed, and by which requirements.
pub(crate) struct Reach {
    nodes: BTreeMap<Node, MarkerTree>,
    edges: Vec<Edge>,
}

/// One requirement of the solution.
struct Edge {
    from: Option<PackageName>,
    needed: PackageName,
    extras: Vec<ExtraName>,
    range: Ranges<Version>,
    /// Where it counts.
    marker: MarkerTree,
    /// The same as its owner says it, who may be needed elsewhere.
    written: MarkerTree,
}

impl Edge {
    /// The extras for which its owner is needed.
    fn all_extras(&self, solution: &Solution) -> Vec<ExtraName> {
        let owner = self.from.as_ref().and_then(|from| solution.packages.get(from));
        owner.map_or_else(Vec::new, |owner| owner.extras.clone())
    }
}

impl Reach {
    pub(crate) fn of(problem: &Problem<'_>, solution: &Solution, region: &Region) -> Self {
        let edges = edges(problem, solution);
        let mut reach = Self { nodes: BTreeMap::new(), edges: Vec::new() };
        // Each round may only add to where a node is needed, so the rounds come to an end.
        while edges.iter().fold(false, |changed, edge| {
            let condition = reach.condition(edge, solution, region);
            let extras = edge.extras.iter().map(Some);
            std::iter::once(None).chain(extras).fold(changed, |changed, extra| {
                reach.add(Node::of(&edge.needed, extra), &condition) || changed
            })
        }) {}
        reach.edges = edges;
        for index in 0..reach.edges.len() {
            let condition = reach.condition(&reach.edges[index], solution, region);
            let edge = &mut reach.edges[index];
            edge.written = region.decided(&edge.marker, &edge.all_extras(solution));
            edge.marker = condition;
        }
        reach
    }

    /// Where a package is needed, within the region.
    pub(crate) fn marker(&self, name: &PackageName) -> MarkerTree {
        self.node(&Node::Project(name.clone()))
    }

    /// Whether a requirement of one package for another counts anywhere in the region.
    pub(crate) fn leads(&self, from: &PackageName, needed: &PackageName, region: &Region) -> bool {
        let mut edges = self.edges.iter().filter(|edge| edge.from.as_ref() == Some(from));
        edges.any(|edge| edge.needed == *needed && region.admits(&edge.marker))
    }

    fn node(&self, node: &Node) -> MarkerTree {
        self.nodes.get(node).cloned().unwrap_or(MarkerTree::FALSE)
    }

    /// Adds to where a node is needed; says whether that was not known yet.
    fn add(&mut self, node: Node, condition: &MarkerTree) -> bool {
        let known = self.nodes.entry(node).or_insert(MarkerTree::FALSE);
        let before = known.clone();
        known.or(condition.clone());
        *known != before
    }

    /// Where a requirement counts: where whoever has it is needed, with the extras that it is for.
    fn condition(&self, edge: &Edge, solution: &Solution, region: &Region) -> MarkerTree {
        let mut counts = MarkerTree::FALSE;
        let Some(from) = &edge.from else {
            counts.or(region.decided(&edge.marker, &[]));
            counts.and(region.marker());
            return counts;
        };
        let extras = solution.packages.get(from).map_or(&[][..], |package| &package.extras);
        // Markers are evaluated for one extra after the other (rule 22).
        for extra in std::iter::once(None).chain(extras.iter().map(Some)) {
            let mut all = region.decided(&edge.marker, extra.map_or(&[], std::slice::from_ref));
            all.and(self.node(&Node::of(from, extra)));
            counts.or(all);
        }
        counts
    }

    /// A marker whose requirements keep a package from the version that is wanted where the marker is not
    /// true.
    ///
    /// One answer for a region takes every requirement for all of it, so that `a<2 ; sys_platform == 'win32'`
    /// would leave Linux at a 1. For each requirement that counts in a part only, two versions are compared:
    /// the best that all requirements allow, and the best that those allow which count outside of that part.
    /// Only where they differ is the region worth splitting: each part costs a solution of its own.
    pub(crate) fn held_back(
        &self,
        problem: &Problem<'_>,
        packages: &dyn Packages,
        region: &Region,
    ) -> Result<Option<MarkerTree>, Error> {
        let limits = limits(problem);
        let limiting = |edge: &&Edge| edge.range != Ranges::full();
        for edge in self.edges.iter().filter(limiting) {
            let Some(on) = self.divider(edge, region) else { continue };
            let Some(page) = packages.page(&edge.needed)? else { continue };
            let best = |others: &dyn Fn(&Edge) -> bool| {
                let range = self.allowed(&edge.needed, &limits, others)?;
                let found = problem.selector.select(&edge.needed, &page, &range)?;
                found.as_ref().as_ref().ok().map(|candidate| candidate.version.clone())
            };
            // What does not count anywhere outside of the part cannot hold anything back there, be it this
            // requirement or another that has the same condition.
            let mut outside = region.marker();
            outside.and(edge.marker.negate());
            let elsewhere = |other: &Edge| !marker::disjoint(&other.marker, &outside);
            let without = best(&elsewhere);
            if without.is_some() && without != best(&|_| true) {
                return Ok(Some(on));
            }
        }
        Ok(None)
    }

    /// A marker that sets apart where a requirement counts. One that was solved for and counts nowhere, as
    /// its marker and those of the ways to it exclude each other, is set apart by one of these.
    fn divider(&self, edge: &Edge, region: &Region) -> Option<MarkerTree> {
        if region.admits(&edge.marker) {
            return is_partial(region, &edge.marker).then(|| edge.marker.clone());
        }
        let owner = edge.from.as_ref().map(|from| self.marker(from));
        let mut markers = owner.into_iter().chain([edge.written.clone()]);
        markers.find(|marker| is_partial(region, marker))
    }

    /// What some requirements and the user's constraints allow of a project; `None` where nothing needs it.
    fn allowed(
        &self,
        name: &PackageName,
        limits: &Limits<'_>,
        counts: &dyn Fn(&Edge) -> bool,
    ) -> Option<Ranges<Version>> {
        let edges = self.edges.iter().filter(|edge| edge.needed == *name && counts(edge));
        let mut ranges: Vec<_> = edges.map(|edge| edge.range.clone()).collect();
        if ranges.is_empty() {
            return None;
        }
        ranges.extend(limits.get(name).map(|(range, _)| range.clone()));
        Some(range::intersection(ranges))
    }
}

/// Every requirement between packages of the solution, replaced and left out as the user says.
fn edges(problem: &Problem<'_>, solution: &Solution) -> Vec<Edge> {
    let mut edges = Vec::new();
    for requirement in problem.requirements.iter().filter(|line| problem.applies(&line.marker)) {
        edges.push(Edge {
            from: None,
            needed: requirement.name.clone(),
            extras: requirement.extras.clone(),
            range: range_of(&requirement.source),
            marker: requirement.marker.clone(),
            written: requirement.marker.clone(),
        });
    }
    if !problem.no_deps {
        for (name, Solved { extras, metadata, .. }) in &solution.packages {
            let counts =
                |dependency: &&Dependency| problem.scope().applies(&dependency.marker, extras);
            edges.extend(metadata.dependencies.iter().filter(counts).map(|dependency| Edge {
                from: Some(name.clone()),
                needed: dependency.name.clone(),
                extras: dependency.extras.clone(),
                // An extra that asks for others of its project (rule 23) says nothing of versions.
                range: if dependency.name == *name {
                    Ranges::full()
                } else {
                    range::of(&dependency.specifiers)
                },
                marker: dependency.marker.clone(),
                written: dependency.marker.clone(),
            }));
        }
    }
    let replacements = replacements(problem);
    edges.retain_mut(|edge| {
        match replacements.get(&edge.needed) {
            Some(None) => return false,
            Some(Some(replacement)) => {
                (edge.range, edge.extras) = (replacement.range.clone(), replacement.extras.clone());
            }
            None => {}
        }
        !problem.excludes.contains(&edge.needed) && solution.packages.contains_key(&edge.needed)
    });
    edges
}
