//! A marker's diagram in numbers: its nodes, and the values of its variables as cells. What is asked of it
//! compares integers, where ranges of versions and strings are compared bound by bound, and adds nothing to
//! the diagrams that the process keeps for ever.

use std::collections::BTreeMap;
use std::ops::Range;

use pep508_rs::{MarkerTree, MarkerTreeKind};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cells::Cells;
use super::combine::children;
use super::term::Variable;

/// The node that is always false.
pub(super) const FALSE: usize = 0;
/// The node that is always true.
pub(super) const TRUE: usize = 1;

/// A diagram.
pub(super) struct Numbered {
    pub(super) variables: Vec<Cells>,
    /// The two constants, then each node after those that it leads to: the root is the last.
    pub(super) nodes: Vec<Node>,
}

/// A question about one variable.
#[derive(Default)]
pub(super) struct Node {
    pub(super) variable: usize,
    /// All cells in order, with the node that their values lead to.
    pub(super) edges: Vec<(Range<usize>, usize)>,
}

impl Numbered {
    /// The diagram of a marker that is not constant; `None` where it has more nodes than `most`.
    pub(super) fn of(marker: &MarkerTree, most: usize) -> Option<Self> {
        let mut survey = Survey { most, ..Survey::default() };
        survey.go_over(marker)?;
        let mut alike: BTreeMap<Variable, Vec<MarkerTree>> = BTreeMap::new();
        for node in &survey.nodes {
            alike.entry(variable(node)?).or_default().push(node.clone());
        }
        let variables = alike.values().map(|nodes| Cells::of(nodes)).collect::<Option<Vec<_>>>()?;
        let places: BTreeMap<&Variable, usize> = alike.keys().zip(0..).collect();
        let mut numbers = FxHashMap::default();
        numbers.extend([(MarkerTree::FALSE, FALSE), (MarkerTree::TRUE, TRUE)]);
        let mut nodes = vec![Node::default(), Node::default()];
        for node in &survey.nodes {
            let variable = *places.get(&variable(node)?)?;
            let edges = variables.get(variable)?.edges(node).into_iter();
            let edges = edges.map(|(cells, child)| Some((cells, *numbers.get(&child)?)));
            let edges = edges.collect::<Option<_>>()?;
            numbers.insert(node.clone(), nodes.len());
            nodes.push(Node { variable, edges });
        }
        Some(Self { variables, nodes })
    }
}

/// The nodes of a diagram, children first.
#[derive(Default)]
struct Survey {
    nodes: Vec<MarkerTree>,
    seen: FxHashSet<MarkerTree>,
    most: usize,
}

impl Survey {
    /// Adds the nodes that are not known yet; `None` where they become too many.
    fn go_over(&mut self, marker: &MarkerTree) -> Option<()> {
        if marker.is_true() || marker.is_false() || !self.seen.insert(marker.clone()) {
            return Some(());
        }
        if self.seen.len() > self.most {
            return None;
        }
        children(marker).iter().try_for_each(|child| self.go_over(child))?;
        self.nodes.push(marker.clone());
        Some(())
    }
}

/// What a node asks for; `None` for a constant.
fn variable(marker: &MarkerTree) -> Option<Variable> {
    Some(match marker.kind() {
        MarkerTreeKind::True | MarkerTreeKind::False => return None,
        MarkerTreeKind::Version(node) => Variable::Version(node.key().clone()),
        MarkerTreeKind::String(node) => Variable::String(node.key().clone()),
        MarkerTreeKind::In(node) => Variable::In(node.key().clone(), node.value().to_owned()),
        MarkerTreeKind::Contains(node) => {
            Variable::Contains(node.key().clone(), node.value().to_owned())
        }
        MarkerTreeKind::Extra(node) => Variable::Extra(node.name().clone()),
    })
}
