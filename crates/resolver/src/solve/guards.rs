//! Markers that are true for only a part of the region that is being solved: where one of them decides
//! between solutions, the region is split by it. A target has none.

use std::cell::RefCell;
use std::collections::BTreeSet;

use pep440_rs::Version;
use pep508_rs::{ExtraName, MarkerTree, PackageName};
use pubgrub::{DerivationTree, External};
use rustc_hash::FxHashMap;
use version_ranges::Ranges;

use super::problem::{Node, Problem};
use pyfast_packaging::scope::{Region, Scope};

type Tree = DerivationTree<Node, Ranges<Version>, String>;

/// What stands under a condition.
#[derive(Debug, Default)]
pub(crate) struct Guards<'a> {
    region: Option<&'a Region>,
    /// Markers of the user's constraints and overrides, by project.
    lines: FxHashMap<PackageName, MarkerTree>,
    /// Markers of requirements, by who has them and what they ask for.
    requirements: RefCell<FxHashMap<(Node, PackageName), MarkerTree>>,
    /// The marker of a line that was met.
    met: RefCell<Option<MarkerTree>>,
}

impl<'a> Guards<'a> {
    pub(crate) fn new(problem: &Problem<'a>) -> Self {
        let Scope::Region(region) = problem.selector.scope() else { return Self::default() };
        let mut lines = FxHashMap::default();
        for line in problem.constraints.iter().chain(problem.overrides) {
            if is_partial(region, &line.marker) {
                lines.entry(line.name.clone()).or_insert_with(|| line.marker.clone());
            }
        }
        Self { region: Some(region), lines, ..Self::default() }
    }

    /// Takes note of a requirement.
    pub(crate) fn learn(
        &self,
        who: &Node,
        needed: &PackageName,
        marker: &MarkerTree,
        extras: &[ExtraName],
    ) {
        let Some(region) = self.region else { return };
        let marker = region.decided(marker, extras);
        if is_partial(region, &marker) {
            let mut known = self.requirements.borrow_mut();
            known.entry((who.clone(), needed.clone())).or_insert(marker);
        }
    }

    /// Takes note that a project is asked for: constraints and overrides that count for a part only
    /// cannot be taken for the whole.
    pub(crate) fn meet(&self, name: &PackageName) {
        if let Some(marker) = self.lines.get(name) {
            self.met.borrow_mut().get_or_insert_with(|| marker.clone());
        }
    }

    /// What [`Self::meet`] found.
    pub(crate) fn met(&self) -> Option<MarkerTree> {
        self.met.borrow().clone()
    }

    /// The marker of a requirement without which there might be a solution.
    pub(crate) fn cause(&self, tree: &Tree) -> Option<MarkerTree> {
        self.region?;
        self.find(tree, &mut BTreeSet::new())
    }

    fn find(&self, tree: &Tree, seen: &mut BTreeSet<usize>) -> Option<MarkerTree> {
        match tree {
            DerivationTree::External(External::FromDependencyOf(who, _, needed, _)) => {
                let needed = needed.name()?.clone();
                self.requirements.borrow().get(&(who.clone(), needed)).cloned()
            }
            DerivationTree::External(_) => None,
            DerivationTree::Derived(derived) => {
                if derived.shared_id.is_some_and(|id| !seen.insert(id)) {
                    return None;
                }
                let first = self.find(&derived.cause1, seen);
                first.or_else(|| self.find(&derived.cause2, seen))
            }
        }
    }
}

/// Whether a marker is true for a part of a region, and not for all of it.
pub(crate) fn is_partial(region: &Region, marker: &MarkerTree) -> bool {
    region.admits(marker) && !region.implies(marker)
}
