//! A marker as a few conjunctions that together say the same, where the paths of its diagram are many more.
//!
//! Each path is a conjunction that no other path has a case in common with, so that even `a or b` takes two
//! conditions to say `b`: `not a and b`. Here each conjunction is widened, from the leaves to the root, to all
//! values of a node's variable with which it still implies the marker; the same ones from several children
//! become one.

use pep508_rs::{MarkerExpression, MarkerTree};
use rustc_hash::{FxHashMap, FxHashSet};

use super::cells::CellSet;
use super::numbered::{FALSE, Node, Numbered, TRUE};

/// The most conjunctions of a node.
const MOST: usize = 512;
/// The most edges that are looked at: some hundredths of a second.
const EFFORT: usize = 1 << 22;
/// The most nodes of a diagram that is gone over so.
const LARGEST: usize = 512;

/// Some variables, each with the values that it may have; those nearest to the root last.
type Conjunction = Vec<(usize, CellSet)>;

/// Conjunctions that together say what a marker says; `None` where that would be too many, or take too long.
///
/// The marker is not constant.
pub(super) fn cover(marker: &MarkerTree) -> Option<Vec<Vec<MarkerExpression>>> {
    let diagram = Numbered::of(marker, LARGEST)?;
    let mut search = Search { diagram: &diagram, covers: Vec::new(), left: EFFORT };
    let cover = search.root()?;
    // What one conjunction says need not be said by a narrower one.
    let is_needed = |place: usize, one: &Conjunction| {
        let mut others = cover.iter().enumerate().filter(|(other, _)| *other != place);
        !others.any(|(_, other)| implies(one, other))
    };
    let needed = cover.iter().enumerate().filter(|(place, one)| is_needed(*place, one));
    Some(needed.map(|(_, one)| written(&diagram, one)).collect())
}

struct Search<'d> {
    diagram: &'d Numbered,
    /// The covers of the nodes gone over, which are those before one.
    covers: Vec<Vec<Conjunction>>,
    left: usize,
}

impl Search<'_> {
    fn root(&mut self) -> Option<Vec<Conjunction>> {
        for (number, node) in self.diagram.nodes.iter().enumerate() {
            let cover = match number {
                FALSE => Vec::new(),
                TRUE => vec![Conjunction::new()],
                _ => self.of(node)?,
            };
            self.covers.push(cover);
        }
        self.covers.pop()
    }

    fn of(&mut self, node: &Node) -> Option<Vec<Conjunction>> {
        let (mut conjunctions, mut seen) = (Vec::new(), FxHashSet::default());
        for (_, child) in &node.edges {
            let below = self.covers.get(*child)?.iter();
            conjunctions.extend(below.filter(|one| seen.insert(*one)).cloned());
        }
        let cells = self.diagram.variables.get(node.variable)?;
        let (mut cover, mut seen) = (Vec::new(), FxHashSet::default());
        for one in conjunctions {
            let values = self.implied(&one, node)?;
            // One for each part: only those that are written as one can be the same below others.
            for part in cells.parts(&values) {
                let mut wide = one.clone();
                if !cells.is_all(&part) {
                    wide.push((node.variable, part));
                }
                if seen.insert(wide.clone()) {
                    cover.push(wide);
                }
            }
        }
        (cover.len() <= MOST).then_some(cover)
    }

    /// The cells of a node whose child a conjunction implies; `None` where it takes too long to tell.
    fn implied(&mut self, one: &Conjunction, node: &Node) -> Option<CellSet> {
        let mut implied = FxHashMap::default();
        implied.extend([(FALSE, false), (TRUE, true)]);
        let mut values = CellSet::new();
        for (cells, child) in &node.edges {
            if !self.is_implied(one, *child, &mut implied)? {
                continue;
            }
            match values.last_mut() {
                Some(before) if before.end == cells.start => before.end = cells.end,
                _ => values.push(cells.clone()),
            }
        }
        Some(values)
    }

    /// Whether all values that a conjunction allows lead from a node to what is true.
    fn is_implied(
        &mut self,
        one: &Conjunction,
        number: usize,
        implied: &mut FxHashMap<usize, bool>,
    ) -> Option<bool> {
        if let Some(known) = implied.get(&number) {
            return Some(*known);
        }
        let node = self.diagram.nodes.get(number)?;
        let allowed = one.iter().find(|(variable, _)| *variable == node.variable);
        let everything = 0..usize::MAX;
        let allowed = allowed.map_or(std::slice::from_ref(&everything), |(_, set)| set.as_slice());
        let mut all = true;
        'runs: for run in allowed {
            let first = node.edges.partition_point(|(cells, _)| cells.end <= run.start);
            let edges = node.edges.iter().skip(first);
            for (_, child) in edges.take_while(|(cells, _)| cells.start < run.end) {
                self.left = self.left.checked_sub(1)?;
                if !self.is_implied(one, *child, implied)? {
                    all = false;
                    break 'runs;
                }
            }
        }
        implied.insert(number, all);
        Some(all)
    }
}

/// Whether one conjunction is true only where another is.
fn implies(one: &Conjunction, other: &Conjunction) -> bool {
    let within = |set: &CellSet, wide: &CellSet| {
        set.iter().all(|run| wide.iter().any(|wide| wide.start <= run.start && run.end <= wide.end))
    };
    other.iter().all(|(variable, wide)| {
        one.iter().any(|(known, set)| known == variable && within(set, wide))
    })
}

fn written(diagram: &Numbered, one: &Conjunction) -> Vec<MarkerExpression> {
    let parts = one.iter().rev();
    let parts =
        parts.filter_map(|(place, part)| Some(diagram.variables.get(*place)?.written(part)));
    parts.flatten().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::marker::ranges::{any, both};
    use crate::marker::{disjoint, read};

    fn all(comparisons: Vec<MarkerExpression>) -> MarkerTree {
        comparisons.into_iter().map(MarkerTree::expression).fold(MarkerTree::TRUE, both)
    }

    fn check(marker: &str, expected: usize) {
        let tree = read(marker).expect("a marker");
        let cover = cover(&tree).expect("few conjunctions");
        assert_eq!(cover.len(), expected, "{marker}");
        assert_eq!(any(cover.into_iter().map(all).collect()), tree, "{marker}");
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
        let pair = |n| format!("(extra == 'a{n}' or extra == 'b{n}')");
        let large = (0..14).map(pair).collect::<Vec<_>>().join(" and ");
        let large = read(&large).expect("a marker");
        assert!(cover(&large.negate()).is_none(), "its diagram has 2^14 nodes");
        assert_eq!(cover(&tree.negate()).map(|cover| cover.len()), Some(14));
    }

    #[test]
    fn the_work_grows_with_the_square_of_the_terms() {
        let spent = |count: usize| {
            let term = |n| format!("(sys_platform == '{n}' and platform_machine != '{n}')");
            let tree = read(&(0..count).map(term).collect::<Vec<_>>().join(" or "));
            let diagram = Numbered::of(&tree.expect("a marker"), LARGEST).expect("a small one");
            let mut search = Search { diagram: &diagram, covers: Vec::new(), left: EFFORT };
            assert_eq!(search.root().map(|cover| cover.len()), Some(count));
            EFFORT - search.left
        };
        let (some, more) = (spent(20), spent(80));
        assert!(more < 20 * some, "{more} steps for four times the terms of {some}");
        assert!(more < 30_000, "{more} steps for 80 terms");
    }

    fn comparisons() -> impl Strategy<Value = String> {
        let operators = prop::sample::select(vec!["==", "!=", "<", ">", ">=", "<="]);
        (0..7, operators, 0..6, 0..3).prop_map(|(variable, operator, one, other)| match variable {
            0 => format!("python_version {operator} '3.{one}'"),
            1 => format!("python_full_version {operator} '3.{one}.{other}'"),
            2 => format!("sys_platform {operator} '{one}'"),
            3 => format!("platform_machine {operator} '{other}'"),
            4 => format!("'{one}' in os_name"),
            5 => format!("os_name not in '{one} {other}'"),
            _ => format!("extra == 'e{one}'"),
        })
    }

    fn markers() -> impl Strategy<Value = String> {
        comparisons().prop_recursive(3, 40, 5, |part| {
            let joints = prop::sample::select(vec![" and ", " or "]);
            (prop::collection::vec(part, 2..5), joints)
                .prop_map(|(parts, joint)| format!("({})", parts.join(joint)))
        })
    }

    proptest::proptest! {
        #[test]
        fn a_cover_says_neither_more_nor_less(text in markers()) {
            let tree = read(&text).expect("a marker");
            if !tree.is_true() && !tree.is_false() {
                let said = any(cover(&tree).expect("few").into_iter().map(all).collect());
                assert!(disjoint(&said, &tree.negate()), "more: {text}");
                assert!(disjoint(&said.negate(), &tree), "less: {text}");
            }
        }
    }
}
