//! In which order the solver decides (rule 37): the answers to what `PubGrub` asks.

use std::cmp::Reverse;

use pep440_rs::Version;
use pubgrub::{Dependencies, DependencyProvider, PackageResolutionStatistics};
use pyfast_packaging::version_range as range;
use version_ranges::Ranges;

use super::Stop;
use super::problem::Node;
use super::provider::Provider;

/// How many conflicts of a project make it one that is decided early. A few are met by any search; what uv
/// found to be more than that has served here too.
const MANY_CONFLICTS: u32 = 5;
/// From how many versions on that were looked at in vain the next ones are asked for ahead. Below that most
/// searches are done, and what was fetched ahead would be fetched for nothing.
const MANY_TRIES: usize = 4;

/// Decided first: the greatest. Conflicts raise a project, because deciding the troublesome ones
/// early avoids undoing the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
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
        } else if statistics.conflict_count() >= MANY_CONFLICTS {
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
            // Who went back so many versions will go back as many again: asked for each time that their
            // number has doubled, no more than half of what is fetched is fetched in vain.
            if tries >= MANY_TRIES && tries.is_power_of_two() {
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
