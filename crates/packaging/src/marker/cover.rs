//! A marker as a few conjunctions that together say the same, where the paths of its diagram are many more.
//!
//! Each path is a conjunction that no other path has a case in common with, so that even `a or b` takes two
//! conditions to say `b`: `not a and b`. Here each conjunction is widened, from the leaves to the root, to all
//! values of a node's variable with which it still implies the marker; the same ones from several children
//! become one.

use pep508_rs::{ExtraOperator, MarkerExpression, MarkerOperator, MarkerTree, MarkerTreeKind};
use rustc_hash::{FxHashMap, FxHashSet};
use version_ranges::Ranges;

use super::disjoint;
use super::ranges::{any, both, string, strings, union, versions};

/// The most conjunctions of a node.
const MOST: usize = 512;
/// How often it may be asked whether a conjunction implies a child: each time costs as much as the diagram is
/// large, and this is asked of every marker that is shown.
const EFFORT: usize = 1 << 13;
/// The most conjunctions that are compared with one another in the end.
const COMPARED: usize = 64;

/// Conjunctions that together say what a marker says; `None` where that would be too many, or take too long.
pub(super) fn cover(marker: &MarkerTree) -> Option<Vec<MarkerTree>> {
    let mut search = Search { covered: FxHashMap::default(), left: EFFORT };
    let cover = search.of(marker)?;
    if cover.len() > COMPARED {
        return Some(cover);
    }
    // What one conjunction says need not be said by a narrower one.
    let mut needed: Vec<MarkerTree> = Vec::new();
    for (place, one) in cover.iter().enumerate() {
        let others = cover.iter().enumerate().filter(|(other, _)| *other != place);
        if !others.into_iter().any(|(_, other)| implies(one, other)) {
            needed.push(one.clone());
        }
    }
    Some(needed)
}

struct Search {
    covered: FxHashMap<MarkerTree, Vec<MarkerTree>>,
    left: usize,
}

impl Search {
    fn of(&mut self, marker: &MarkerTree) -> Option<Vec<MarkerTree>> {
        if marker.is_false() {
            return Some(Vec::new());
        }
        if marker.is_true() {
            return Some(vec![MarkerTree::TRUE]);
        }
        if let Some(cover) = self.covered.get(marker) {
            return Some(cover.clone());
        }
        let edges = edges(marker);
        let (mut conjunctions, mut seen) = (Vec::new(), FxHashSet::default());
        for (_, child) in &edges {
            let below = self.of(child)?;
            conjunctions.extend(below.into_iter().filter(|one| seen.insert(one.clone())));
        }
        self.left = self.left.checked_sub(conjunctions.len().saturating_mul(edges.len()))?;
        let mut cover = Vec::new();
        let mut seen = FxHashSet::default();
        for one in conjunctions {
            let implied = edges.iter().filter(|(_, child)| implies(&one, child));
            let values = any(implied.map(|(values, _)| values.clone()).collect());
            // One for each run of values: only those that are written as one can be the same below others.
            for run in runs(&values) {
                let wide = both(run, one.clone());
                if seen.insert(wide.clone()) {
                    cover.push(wide);
                }
            }
        }
        if cover.len() > MOST {
            return None;
        }
        self.covered.insert(marker.clone(), cover.clone());
        Some(cover)
    }
}

/// The values of one variable, in the parts that are written by themselves.
fn runs(values: &MarkerTree) -> Vec<MarkerTree> {
    if values.is_true() {
        return vec![MarkerTree::TRUE];
    }
    let all = |comparisons: Vec<MarkerExpression>| {
        comparisons.into_iter().map(MarkerTree::expression).fold(MarkerTree::TRUE, both)
    };
    values.to_dnf().into_iter().map(all).collect()
}

fn implies(one: &MarkerTree, other: &MarkerTree) -> bool {
    disjoint(one, &other.negate())
}

/// The children of a diagram's root, each with the values that lead to it.
fn edges(marker: &MarkerTree) -> Vec<(MarkerTree, MarkerTree)> {
    match marker.kind() {
        MarkerTreeKind::True | MarkerTreeKind::False => Vec::new(),
        MarkerTreeKind::Version(node) => {
            let edges = node.edges().map(|(range, child)| (child, range.clone()));
            let of = |range: &_| versions(node.key(), range);
            by_child(edges).iter().map(|(child, ranges)| (of(ranges), child.clone())).collect()
        }
        MarkerTreeKind::String(node) => {
            let edges = node.children().map(|(range, child)| (child, range.clone()));
            let of = |range: &_| strings(node.key(), range);
            by_child(edges).iter().map(|(child, ranges)| (of(ranges), child.clone())).collect()
        }
        MarkerTreeKind::In(node) => {
            let is = string(node.key(), MarkerOperator::In, node.value().to_owned());
            vec![(is.clone(), node.edge(true)), (is.negate(), node.edge(false))]
        }
        MarkerTreeKind::Contains(node) => {
            let is = string(node.key(), MarkerOperator::Contains, node.value().to_owned());
            vec![(is.clone(), node.edge(true)), (is.negate(), node.edge(false))]
        }
        MarkerTreeKind::Extra(node) => {
            let name = node.name().clone();
            let operator = ExtraOperator::Equal;
            let is = MarkerTree::expression(MarkerExpression::Extra { operator, name });
            vec![(is.clone(), node.edge(true)), (is.negate(), node.edge(false))]
        }
    }
}

/// Children, each once and with all ranges that lead to it.
fn by_child<T: Ord + Clone>(
    edges: impl Iterator<Item = (MarkerTree, Ranges<T>)>,
) -> Vec<(MarkerTree, Ranges<T>)> {
    let mut places: FxHashMap<MarkerTree, usize> = FxHashMap::default();
    let mut children: Vec<(MarkerTree, Vec<Ranges<T>>)> = Vec::new();
    for (child, range) in edges {
        let place = *places.entry(child.clone()).or_insert(children.len());
        match children.get_mut(place) {
            Some((_, ranges)) => ranges.push(range),
            None => children.push((child, vec![range])),
        }
    }
    children.into_iter().map(|(child, ranges)| (child, union(ranges))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::read;

    fn check(marker: &str, expected: usize) {
        let tree = read(marker).expect("a marker");
        let cover = cover(&tree).expect("few conjunctions");
        assert_eq!(cover.len(), expected, "{marker}");
        assert_eq!(any(cover), tree, "{marker}");
    }

    #[test]
    fn conjunctions_say_together_what_the_marker_says() {
        check("os_name == 'a'", 1);
        check("extra == 'a' or extra == 'b' or 'x' in os_name", 3);
        check("extra == 'a' and (extra == 'b' or python_version < '3.9')", 2);
        let pairs = |inner: &str, outer: &str, count| {
            let pair = |n| format!("(extra == '{n}a' {inner} extra == '{n}b')");
            (0..count).map(pair).collect::<Vec<_>>().join(outer)
        };
        check(&pairs("and", " or ", 12), 12);
        check(&pairs("or", " and ", 5), 32);
        let term = |n| format!("(sys_platform == '{n}' and platform_machine != '{n}')");
        check(&(0..30).map(term).collect::<Vec<_>>().join(" or "), 30);
    }

    #[test]
    fn too_many_conjunctions_are_none() {
        let pair = |n| format!("(extra == '{n}a' or extra == '{n}b')");
        let pairs: Vec<String> = (0..14).map(pair).collect();
        let tree = read(&pairs.join(" and ")).expect("a marker");
        assert!(cover(&tree).is_none(), "there are 2^14");
        assert_eq!(cover(&tree.negate()).map(|cover| cover.len()), Some(14));
    }
}
