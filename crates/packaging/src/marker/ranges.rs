//! From ranges of values to the markers that say that a variable is in them.

use pep440_rs::{Version, VersionSpecifier};
use pep508_rs::{
    MarkerExpression, MarkerOperator, MarkerTree, MarkerValueString, MarkerValueVersion,
};
use version_ranges::Ranges;

/// Ranges united by halves.
pub(super) fn union<T: Ord + Clone>(mut ranges: Vec<Ranges<T>>) -> Ranges<T> {
    if ranges.len() < 2 {
        return ranges.pop().unwrap_or_else(Ranges::empty);
    }
    let second = ranges.split_off(ranges.len() / 2);
    union(ranges).union(&union(second))
}

/// Where both are met.
pub(super) fn both(mut one: MarkerTree, other: MarkerTree) -> MarkerTree {
    one.and(other);
    one
}

/// Whichever is met, joined by halves.
pub(super) fn any(mut markers: Vec<MarkerTree>) -> MarkerTree {
    if markers.len() < 2 {
        return markers.pop().unwrap_or(MarkerTree::FALSE);
    }
    let second = markers.split_off(markers.len() / 2);
    let mut first = any(markers);
    first.or(any(second));
    first
}

/// That a version is in a range.
pub(super) fn versions(key: &MarkerValueVersion, range: &Ranges<Version>) -> MarkerTree {
    let within = |specifier: VersionSpecifier| {
        MarkerTree::expression(MarkerExpression::Version { key: key.clone(), specifier })
    };
    let parts = range.iter().map(|bounds| {
        let specifiers = VersionSpecifier::from_release_only_bounds((bounds.0, bounds.1));
        specifiers.map(within).fold(MarkerTree::TRUE, both)
    });
    any(parts.collect())
}

/// That a string is in a range.
pub(super) fn strings(key: &MarkerValueString, range: &Ranges<String>) -> MarkerTree {
    let parts = range.iter().map(|bounds| {
        let limits = MarkerOperator::from_bounds((bounds.0, bounds.1));
        let limits = limits.map(|(operator, value)| string(key, operator, value));
        limits.fold(MarkerTree::TRUE, both)
    });
    any(parts.collect())
}

/// That a string is in a relation to a value.
pub(super) fn string(
    key: &MarkerValueString,
    operator: MarkerOperator,
    value: String,
) -> MarkerTree {
    MarkerTree::expression(MarkerExpression::String { key: key.clone(), operator, value })
}
