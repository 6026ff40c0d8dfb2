//! Joining the parts of a marker into one diagram.
//!
//! The order in which parts are joined decides what it costs. Comparisons of one variable come first, by
//! halves, so that `a != 1 and a != 2 and …` makes no diagram of each of its beginnings; then variables
//! from the last to the first that diagrams ask for, so that each step puts a node on top of what is
//! there; then what is in parentheses.

use std::collections::BTreeSet;

use pep508_rs::{MarkerTree, MarkerTreeKind};
use rustc_hash::FxHashSet;

use super::term::{Term, Variable};

/// The most variables that a marker may ask for: a diagram is as deep as it has variables, and whatever goes
/// over it needs a frame of the stack for each.
const MOST_VARIABLES: usize = 1000;
/// The most edges that the diagram of a marker may have.
const LARGEST: usize = 1 << 16;

/// What may be spent on joining, in pairs of edges that are looked at: some seconds at the very most.
#[derive(Debug)]
pub(crate) struct Effort {
    left: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { left: 1 << 24 }
    }
}

/// How parts are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
}

/// A marker as it was written.
#[derive(Debug)]
pub(super) enum Formula {
    /// A comparison; `None` where it says nothing.
    Term(Option<Term>),
    Joined(Joint, Vec<Formula>),
}

/// A diagram and the number of its edges.
type Sized = (MarkerTree, usize);

impl Formula {
    /// Parts joined; one alone is itself.
    pub(super) fn of(joint: Joint, mut parts: Vec<Self>) -> Self {
        match parts.pop() {
            Some(part) if parts.is_empty() => part,
            last => {
                parts.extend(last);
                Self::Joined(joint, parts)
            }
        }
    }

    /// The diagram; `None` where nothing is said.
    ///
    /// # Errors
    /// That it is too complex, in words.
    pub(super) fn tree(self, effort: &mut Effort) -> Result<Option<MarkerTree>, String> {
        let mut variables = BTreeSet::new();
        self.variables(&mut variables);
        if variables.len() > MOST_VARIABLES {
            return Err(format!("it asks for more than {MOST_VARIABLES} things"));
        }
        Ok(self.sized(effort)?.map(|(tree, _)| tree))
    }

    fn variables<'f>(&'f self, variables: &mut BTreeSet<&'f Variable>) {
        match self {
            Self::Term(term) => variables.extend(term.iter().map(|term| &term.variable)),
            Self::Joined(_, parts) => parts.iter().for_each(|part| part.variables(variables)),
        }
    }

    fn sized(self, effort: &mut Effort) -> Result<Option<Sized>, String> {
        let (joint, parts) = match self {
            Self::Term(term) => return Ok(term.map(|term| with_size(term.tree))),
            Self::Joined(joint, parts) => (joint, parts),
        };
        let (mut terms, mut groups) = (Vec::new(), Vec::new());
        for part in parts {
            match part {
                Self::Term(term) => terms.extend(term),
                group @ Self::Joined(..) => groups.extend(group.sized(effort)?),
            }
        }
        terms.sort_by(|one, other| other.variable.cmp(&one.variable));
        let mut joined = None;
        for alike in terms.chunk_by(|one: &Term, other| one.variable == other.variable) {
            let trees = alike.iter().map(|term| with_size(term.tree.clone())).collect();
            let tree = effort.halves(joint, trees)?;
            joined = effort.both(joint, joined, tree)?;
        }
        let groups = effort.halves(joint, groups)?;
        effort.both(joint, joined, groups)
    }
}

impl Effort {
    /// Joins many by halves.
    fn halves(&mut self, joint: Joint, mut trees: Vec<Sized>) -> Result<Option<Sized>, String> {
        if trees.len() < 2 {
            return Ok(trees.pop());
        }
        let second = trees.split_off(trees.len() / 2);
        let first = self.halves(joint, trees)?;
        let second = self.halves(joint, second)?;
        self.both(joint, first, second)
    }

    fn both(
        &mut self,
        joint: Joint,
        one: Option<Sized>,
        other: Option<Sized>,
    ) -> Result<Option<Sized>, String> {
        let ((mut tree, size), (second, second_size)) = match (one, other) {
            (Some(one), Some(other)) => (one, other),
            (one, other) => return Ok(one.or(other)),
        };
        let too_complex = || "it is too complex a marker".to_owned();
        let cost = size.saturating_mul(second_size);
        self.left = self.left.checked_sub(cost).ok_or_else(too_complex)?;
        match joint {
            Joint::And => tree.and(second),
            Joint::Or => tree.or(second),
        }
        let joined = with_size(tree);
        if joined.1 > LARGEST { Err(too_complex()) } else { Ok(Some(joined)) }
    }
}

fn with_size(tree: MarkerTree) -> Sized {
    let mut seen = FxHashSet::default();
    let size = edges(&tree, &mut seen);
    (tree, size.max(1))
}

/// The edges of a diagram whose nodes have not been seen.
fn edges(tree: &MarkerTree, seen: &mut FxHashSet<MarkerTree>) -> usize {
    if tree.is_true() || tree.is_false() || seen.len() > LARGEST || !seen.insert(tree.clone()) {
        return 0;
    }
    let children = children(tree);
    children.len() + children.iter().map(|child| edges(child, seen)).sum::<usize>()
}

/// What the edges of a diagram's root lead to.
pub(super) fn children(tree: &MarkerTree) -> Vec<MarkerTree> {
    match tree.kind() {
        MarkerTreeKind::True | MarkerTreeKind::False => Vec::new(),
        MarkerTreeKind::Version(node) => node.edges().map(|(_, child)| child).collect(),
        MarkerTreeKind::String(node) => node.children().map(|(_, child)| child).collect(),
        MarkerTreeKind::In(node) => node.children().map(|(_, child)| child).collect(),
        MarkerTreeKind::Contains(node) => node.children().map(|(_, child)| child).collect(),
        MarkerTreeKind::Extra(node) => node.children().map(|(_, child)| child).collect(),
    }
}
