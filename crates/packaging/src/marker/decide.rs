//! A marker with its extras decided, and with one name for each system and implementation.

use std::ops::Bound;

use pep508_rs::{
    ExtraName, MarkerOperator, MarkerTree, MarkerTreeKind, MarkerValueExtra, MarkerValueString,
};
use rustc_hash::FxHashMap;
use version_ranges::Ranges;

use super::ranges::{any, both, string, strings, union, versions};

/// A marker with some extras wanted and all others not, in the fewest of the names that markers have for
/// one thing (rule 24). Each node of the diagram is looked at once.
pub(crate) fn decide(marker: &MarkerTree, extras: &[ExtraName]) -> MarkerTree {
    Decision { extras, decided: FxHashMap::default() }.of(marker)
}

struct Decision<'a> {
    extras: &'a [ExtraName],
    /// What became of the nodes looked at.
    decided: FxHashMap<MarkerTree, MarkerTree>,
}

impl Decision<'_> {
    fn of(&mut self, marker: &MarkerTree) -> MarkerTree {
        if marker.is_true() || marker.is_false() {
            return marker.clone();
        }
        if let Some(decided) = self.decided.get(marker) {
            return decided.clone();
        }
        let decided = self.node(marker);
        self.decided.insert(marker.clone(), decided.clone());
        decided
    }

    fn node(&mut self, marker: &MarkerTree) -> MarkerTree {
        match marker.kind() {
            MarkerTreeKind::True | MarkerTreeKind::False => marker.clone(),
            MarkerTreeKind::Extra(node) => {
                let wanted = match node.name() {
                    MarkerValueExtra::Extra(name) => self.extras.contains(name),
                    MarkerValueExtra::Arbitrary(_) => false,
                };
                self.of(&node.edge(wanted))
            }
            MarkerTreeKind::In(node) => {
                let condition = one_name(node.key(), MarkerOperator::In, node.value());
                self.divided(condition, [node.edge(true), node.edge(false)])
            }
            MarkerTreeKind::Contains(node) => {
                let condition = one_name(node.key(), MarkerOperator::Contains, node.value());
                self.divided(condition, [node.edge(true), node.edge(false)])
            }
            MarkerTreeKind::Version(node) => {
                let edges = node.edges().map(|(range, child)| (range.clone(), child)).collect();
                let key = node.key().clone();
                self.ranged(marker, edges, |range| versions(&key, range))
            }
            MarkerTreeKind::String(node) => {
                let edges: Vec<_> =
                    node.children().map(|(range, child)| (range.clone(), child)).collect();
                let named = named(node.key(), edges.iter().map(|(range, _)| range));
                let key = node.key().clone();
                if named.is_empty() {
                    return self.ranged(marker, edges, |range| strings(&key, range));
                }
                let parts = self.by_child(edges).0;
                let parts = parts.into_iter();
                any(parts
                    .map(|(child, range)| both(in_one_name(&key, range, &named), child))
                    .collect())
            }
        }
    }

    /// A node that asks whether a condition is met.
    fn divided(&mut self, condition: MarkerTree, [met, unmet]: [MarkerTree; 2]) -> MarkerTree {
        let otherwise = condition.negate();
        let mut decided = both(condition, self.of(&met));
        decided.or(both(otherwise, self.of(&unmet)));
        decided
    }

    /// A node that asks in which of several ranges a value is.
    fn ranged<T: Ord + Clone>(
        &mut self,
        marker: &MarkerTree,
        edges: Vec<(Ranges<T>, MarkerTree)>,
        condition: impl Fn(&Ranges<T>) -> MarkerTree,
    ) -> MarkerTree {
        let (parts, changed) = self.by_child(edges);
        if !changed {
            return marker.clone();
        }
        any(parts.into_iter().map(|(child, range)| both(condition(&range), child)).collect())
    }

    /// The decided children of a node, each with all ranges that lead to it; and whether any of them is
    /// another than before. A child that is false says nothing and is left out.
    fn by_child<T: Ord + Clone>(
        &mut self,
        edges: Vec<(Ranges<T>, MarkerTree)>,
    ) -> (Vec<(MarkerTree, Ranges<T>)>, bool) {
        let mut places: FxHashMap<MarkerTree, usize> = FxHashMap::default();
        let mut parts: Vec<(MarkerTree, Vec<Ranges<T>>)> = Vec::new();
        let mut changed = false;
        for (range, child) in edges {
            let decided = self.of(&child);
            changed |= decided != child;
            if decided.is_false() {
                continue;
            }
            let place = *places.entry(decided.clone()).or_insert(parts.len());
            match parts.get_mut(place) {
                Some((_, ranges)) => ranges.push(range),
                None => parts.push((decided, vec![range])),
            }
        }
        let united = parts.into_iter().map(|(child, ranges)| (child, union(ranges))).collect();
        (united, changed)
    }
}

/// The values in the bounds of some ranges that have another name in another variable, with both.
fn named<'r>(
    key: &MarkerValueString,
    ranges: impl Iterator<Item = &'r Ranges<String>>,
) -> Vec<(String, MarkerTree)> {
    let bounds = ranges.flat_map(|range| range.iter().flat_map(|(lower, upper)| [lower, upper]));
    let mut values: Vec<&String> = bounds
        .filter_map(|bound| match bound {
            Bound::Included(value) | Bound::Excluded(value) => Some(value),
            Bound::Unbounded => None,
        })
        .collect();
    values.sort();
    values.dedup();
    let known = values.into_iter().filter(|value| other_name(key, value).is_some());
    known.map(|value| (value.clone(), one_name(key, MarkerOperator::Equal, value))).collect()
}

/// That a string is in a range, where some of its values have another name: those leave the range and come
/// back by that name. Which of the two ways says it in fewer words depends on whether the range has an end.
fn in_one_name(
    key: &MarkerValueString,
    mut range: Ranges<String>,
    named: &[(String, MarkerTree)],
) -> MarkerTree {
    let endless = range
        .bounding_range()
        .is_some_and(|ends| matches!(ends, (Bound::Unbounded, _) | (_, Bound::Unbounded)));
    let (within, without): (Vec<_>, Vec<_>) =
        named.iter().partition(|(value, _)| range.contains(value));
    if endless {
        for (value, _) in &without {
            range = range.union(&Ranges::singleton(value.clone()));
        }
        let excluded = without.iter().map(|(_, other)| other.negate());
        return excluded.fold(strings(key, &range), both);
    }
    for (value, _) in &within {
        range = range.intersection(&Ranges::singleton(value.clone()).complement());
    }
    let mut parts = vec![strings(key, &range)];
    parts.extend(within.iter().map(|(_, other)| other.clone()));
    any(parts)
}

/// That a variable and a value are in a relation, by the name that says most.
fn one_name(key: &MarkerValueString, operator: MarkerOperator, value: &str) -> MarkerTree {
    let (key, value) = match other_name(key, value) {
        Some((key, value)) => (key, value.to_owned()),
        None => (key.clone(), value.to_owned()),
    };
    string(&key, operator, value)
}

/// Of the names for one system or implementation the one that says most (rule 24).
fn other_name(key: &MarkerValueString, value: &str) -> Option<(MarkerValueString, &'static str)> {
    use MarkerValueString::{
        ImplementationName, OsName, PlatformPythonImplementation, PlatformSystem, SysPlatform,
    };
    Some(match (key, value) {
        (PlatformSystem, "Windows") | (OsName, "nt") => (SysPlatform, "win32"),
        (PlatformSystem, "Linux") => (SysPlatform, "linux"),
        (PlatformSystem, "Darwin") => (SysPlatform, "darwin"),
        (PlatformPythonImplementation, "CPython") => (ImplementationName, "cpython"),
        (PlatformPythonImplementation, "PyPy") => (ImplementationName, "pypy"),
        _ => return None,
    })
}
