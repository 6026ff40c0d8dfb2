//! The dependencies of one version while they are gathered: what is asked twice has to be met twice, and
//! the user's constraints and overrides count.

use pep440_rs::Version;
use pep508_rs::{ExtraName, PackageName};
use pyfast_packaging::version_range;
use rustc_hash::FxHashMap;
use version_ranges::Ranges;

use super::problem::Node;
use super::provider::Provider;

/// Dependencies being gathered. Thousands of lines may ask for one project, and for thousands of its extras:
/// ranges are kept as they come and intersected once, in [`Self::finish`].
pub(super) struct Gathered<'p, 'a> {
    provider: &'p Provider<'a>,
    /// In the order in which they were first named.
    nodes: Vec<(Node, Vec<Ranges<Version>>)>,
    /// The place of each in `nodes`.
    places: FxHashMap<Node, usize>,
}

impl<'p, 'a> Gathered<'p, 'a> {
    pub(super) fn new(provider: &'p Provider<'a>) -> Self {
        Self { provider, nodes: Vec::new(), places: FxHashMap::default() }
    }

    /// Adds a requirement as it was made.
    pub(super) fn add(
        &mut self,
        name: &PackageName,
        extras: &[ExtraName],
        range: &Ranges<Version>,
    ) {
        if self.provider.problem.excludes.contains(name) {
            return;
        }
        self.provider.guards.meet(name);
        let (range, extras) = match self.provider.overrides.get(name) {
            None => (range, extras),
            Some(Some(replacement)) => (&replacement.range, &replacement.extras[..]),
            Some(None) => return,
        };
        let extras = extras.iter().map(|extra| Node::Extra(name.clone(), extra.clone()));
        for node in std::iter::once(Node::Project(name.clone())).chain(extras) {
            self.provider.see(&node);
            self.require(node, range);
        }
    }

    /// Adds a range of a node, whatever the user's rules say of its project.
    pub(super) fn require(&mut self, node: Node, range: &Ranges<Version>) {
        let place = *self.places.entry(node.clone()).or_insert(self.nodes.len());
        match self.nodes.get_mut(place) {
            Some((_, ranges)) => ranges.push(range.clone()),
            None => self.nodes.push((node, vec![range.clone()])),
        }
    }

    /// Each node with the versions that everything gathered allows of it.
    pub(super) fn finish(self) -> Vec<(Node, Ranges<Version>)> {
        let constraints = &self.provider.constraints;
        let nodes = self.nodes.into_iter().map(|(node, mut ranges)| {
            let constraint = node.name().and_then(|name| constraints.get(name));
            ranges.extend(constraint.map(|(range, _)| range.clone()));
            (node, version_range::intersection(ranges))
        });
        nodes.collect()
    }
}
