//! Markers as people write them: as alternatives of conditions where those are few, else as conditions of
//! alternatives, whichever is shorter. A diagram can have more paths than memory has bytes; they are counted before any is
//! written.

use std::ops::Bound;

use pep508_rs::{MarkerExpression, MarkerOperator, MarkerTree, MarkerTreeKind};
use rustc_hash::FxHashMap;
use version_ranges::Ranges;

use super::cover::cover;
use crate::hash::Sha256;

/// The most alternatives that are written as the diagram has them; of more it is worth asking whether fewer
/// say the same.
const FEW: usize = 256;
/// The most that are written at all.
const MOST: usize = 512;
/// The most comparisons in all of them.
const MOST_COMPARISONS: usize = 1 << 12;

/// A marker that no text of bearable length says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the marker is too complex to be written")]
pub struct TooLong;

/// A marker as people write it; `None` for the one that is always true.
///
/// # Errors
/// [`TooLong`].
pub fn text(marker: &MarkerTree) -> Result<Option<String>, TooLong> {
    if marker.is_true() {
        return Ok(None);
    }
    if marker.is_false() {
        return Ok(Some("python_version < '0'".to_owned()));
    }
    if Count::of(marker).is_within(FEW) {
        return Ok(Some(joined(&marker.to_dnf(), " and ", " or ")));
    }
    let alternatives = covering(marker);
    let exceptions = covering(&marker.negate());
    let length = |groups: &Vec<Vec<MarkerExpression>>| groups.iter().map(Vec::len).sum::<usize>();
    Ok(Some(match (alternatives, exceptions) {
        (Some(alternatives), Some(exceptions)) if length(&exceptions) >= length(&alternatives) => {
            joined(&alternatives, " and ", " or ")
        }
        (_, Some(exceptions)) => joined(&denied(exceptions), " or ", " and "),
        (Some(alternatives), None) => joined(&alternatives, " and ", " or "),
        (None, None) => return Err(TooLong),
    }))
}

/// Few alternatives that say what a marker says, found at some cost; `None` where there are none.
fn covering(marker: &MarkerTree) -> Option<Vec<Vec<MarkerExpression>>> {
    let Some(cover) = cover(marker) else {
        // A diagram that is too large to be gone over may have few paths all the same.
        return Count::of(marker).is_within(MOST).then(|| marker.to_dnf());
    };
    let comparisons = cover.iter().map(Vec::len).sum::<usize>();
    (cover.len() <= MOST && comparisons <= MOST_COMPARISONS).then_some(cover)
}

/// A marker for messages and digests, in which one that cannot be written is named by its digest.
pub fn text_or_note(marker: &MarkerTree) -> Option<String> {
    text(marker).unwrap_or_else(|too_long| {
        let digest = Sha256::of(structure(marker).as_bytes());
        Some(format!("({too_long}; its digest is {digest})"))
    })
}

/// A diagram node by node, as long as it is large. Equal markers have equal structures.
fn structure(marker: &MarkerTree) -> String {
    let mut numbers = FxHashMap::default();
    let mut structure = String::new();
    add_structure(marker, &mut numbers, &mut structure);
    structure
}

/// Adds the nodes that have no number yet, children first; tells the number of the root.
fn add_structure(
    marker: &MarkerTree,
    numbers: &mut FxHashMap<MarkerTree, usize>,
    structure: &mut String,
) -> usize {
    if let Some(number) = numbers.get(marker) {
        return *number;
    }
    let mut child = |child: MarkerTree| add_structure(&child, numbers, structure);
    let node = match marker.kind() {
        MarkerTreeKind::True => "true".to_owned(),
        MarkerTreeKind::False => "false".to_owned(),
        MarkerTreeKind::In(node) => {
            let [yes, no] = [true, false].map(|value| child(node.edge(value)));
            format!("{} in {:?} {yes} {no}", node.key(), node.value())
        }
        MarkerTreeKind::Contains(node) => {
            let [yes, no] = [true, false].map(|value| child(node.edge(value)));
            format!("{:?} in {} {yes} {no}", node.value(), node.key())
        }
        MarkerTreeKind::Extra(node) => {
            let [yes, no] = [true, false].map(|value| child(node.edge(value)));
            format!("extra {:?} {yes} {no}", node.name().to_string())
        }
        MarkerTreeKind::Version(node) => {
            let edges = node.edges().map(|(range, to)| format!("{range} {}", child(to)));
            format!("{} {}", node.key(), edges.collect::<Vec<_>>().join(", "))
        }
        MarkerTreeKind::String(node) => {
            let edges = node.children().map(|(range, to)| format!("{range} {}", child(to)));
            format!("{} {}", node.key(), edges.collect::<Vec<_>>().join(", "))
        }
    };
    structure.push_str(&node);
    structure.push('\n');
    let number = numbers.len();
    numbers.insert(marker.clone(), number);
    number
}

/// How many paths lead through a diagram to what is true, and how many comparisons are on them all.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    paths: usize,
    comparisons: usize,
}

impl Count {
    fn of(marker: &MarkerTree) -> Self {
        count(marker, &mut FxHashMap::default())
    }

    fn is_within(self, paths: usize) -> bool {
        self.paths <= paths && self.comparisons <= MOST_COMPARISONS
    }

    /// With as many ways, of so many comparisons together, to get to where this was counted.
    fn after(self, ways: usize, comparisons: usize) -> Self {
        Self {
            paths: self.paths.saturating_mul(ways),
            comparisons: self
                .comparisons
                .saturating_mul(ways)
                .saturating_add(self.paths.saturating_mul(comparisons)),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            paths: self.paths.saturating_add(other.paths),
            comparisons: self.comparisons.saturating_add(other.comparisons),
        }
    }
}

fn count(marker: &MarkerTree, counted: &mut FxHashMap<MarkerTree, Count>) -> Count {
    if marker.is_false() {
        return Count::default();
    }
    if marker.is_true() {
        return Count { paths: 1, comparisons: 0 };
    }
    if let Some(count) = counted.get(marker) {
        return *count;
    }
    let mut of_child = |child: MarkerTree| count(&child, counted).after(1, 1);
    let total = match marker.kind() {
        MarkerTreeKind::True | MarkerTreeKind::False => Count::default(),
        MarkerTreeKind::In(node) => of_child(node.edge(true)).plus(of_child(node.edge(false))),
        MarkerTreeKind::Contains(node) => {
            of_child(node.edge(true)).plus(of_child(node.edge(false)))
        }
        MarkerTreeKind::Extra(node) => of_child(node.edge(true)).plus(of_child(node.edge(false))),
        MarkerTreeKind::Version(node) => ranged(node.edges(), counted),
        MarkerTreeKind::String(node) => ranged(node.children(), counted),
    };
    counted.insert(marker.clone(), total);
    total
}

/// What a node adds that asks in which of several ranges a value is. The ranges that lead to one child are
/// written together.
fn ranged<'n, T: Ord + Clone + 'n>(
    edges: impl Iterator<Item = (&'n Ranges<T>, MarkerTree)>,
    counted: &mut FxHashMap<MarkerTree, Count>,
) -> Count {
    let mut by_child: FxHashMap<MarkerTree, Vec<&Ranges<T>>> = FxHashMap::default();
    let mut children = Vec::new();
    for (range, child) in edges {
        let ranges = by_child.entry(child.clone()).or_default();
        if ranges.is_empty() {
            children.push(child);
        }
        ranges.push(range);
    }
    let of_child = |child: &MarkerTree| {
        let (ways, comparisons) = ways(by_child.get(child).map_or(&[][..], Vec::as_slice));
        count(child, counted).after(ways, comparisons)
    };
    children.iter().map(of_child).fold(Count::default(), Count::plus)
}

/// How many alternatives it takes to say that a value is in one of some ranges, which are in order, and how
/// many comparisons: everything but some values is one alternative.
fn ways<T: Ord + Clone>(ranges: &[&Ranges<T>]) -> (usize, usize) {
    let ends: Vec<_> = ranges.iter().filter_map(|range| range.bounding_range()).collect();
    let endless = matches!(ends.first(), Some((Bound::Unbounded, _)))
        && matches!(ends.last(), Some((_, Bound::Unbounded)));
    let is_value = |pair: &[(Bound<&T>, Bound<&T>)]| matches!(pair, [(_, Bound::Excluded(end)), (Bound::Excluded(start), _)] if end == start);
    if endless && ends.windows(2).all(is_value) {
        (1, ends.len().saturating_sub(1))
    } else {
        (ends.len(), ends.len().saturating_mul(2))
    }
}

/// From the alternatives of what a marker is not the conditions of what it is.
fn denied(alternatives: Vec<Vec<MarkerExpression>>) -> Vec<Vec<MarkerExpression>> {
    // The opposite of one comparison is one comparison.
    let opposite = |expression| MarkerTree::expression(expression).negate().to_dnf().concat();
    let conditions = alternatives.into_iter();
    conditions.map(|all| all.into_iter().flat_map(opposite).collect()).collect()
}

fn joined(groups: &[Vec<MarkerExpression>], inner: &str, outer: &str) -> String {
    let group = |group: &Vec<MarkerExpression>| {
        let comparisons: Vec<String> = group.iter().map(comparison).collect();
        let text = comparisons.join(inner);
        if groups.len() > 1 && group.len() > 1 { format!("({text})") } else { text }
    };
    let groups: Vec<String> = groups.iter().map(group).collect();
    groups.join(outer)
}

fn comparison(expression: &MarkerExpression) -> String {
    match expression {
        MarkerExpression::String { key, operator, value } => match operator {
            MarkerOperator::Contains => format!("{} in {key}", quoted(value)),
            MarkerOperator::NotContains => format!("{} not in {key}", quoted(value)),
            _ => format!("{key} {operator} {}", quoted(value)),
        },
        MarkerExpression::Extra { operator, name } => {
            format!("extra {operator} {}", quoted(&name.to_string()))
        }
        // Versions have no quotes.
        versions => versions.to_string(),
    }
}

/// A value within the quotes that it does not have itself: markers know no escapes, so that no value that
/// was read has both.
fn quoted(value: &str) -> String {
    let quote = if value.contains('\'') { '"' } else { '\'' };
    format!("{quote}{value}{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marker::read;

    fn check(marker: &str, expected: &str) {
        let tree = read(marker).expect("a marker");
        let text = text(&tree).expect("short enough").unwrap_or_default();
        assert_eq!(text, expected, "{marker}");
        if !text.is_empty() && !tree.is_false() {
            assert_eq!(read(&text).expect("what was written is read"), tree, "{marker}");
        }
    }

    #[test]
    fn markers_are_written_as_people_write_them() {
        check("os_name == 'x' or os_name != 'x'", "");
        check("os_name == 'x' and os_name == 'y'", "python_version < '0'");
        check("(os_name == 'nt')", "os_name == 'nt'");
        check("python_version == '3.8'", "python_full_version == '3.8.*'");
        check(
            "sys_platform == 'x' and (extra == 'a' or 'b' in os_name)",
            "(sys_platform == 'x' and 'b' in os_name) or (sys_platform == 'x' and extra == 'a')",
        );
    }

    #[test]
    fn a_value_with_a_quote_is_within_the_other() {
        check(r#"sys_platform != "w'""#, r#"sys_platform != "w'""#);
        check(r#"'"' in sys_platform"#, r#"'"' in sys_platform"#);
    }

    #[test]
    fn what_has_many_paths_is_written_in_few_words() {
        let check = |part: &dyn Fn(usize) -> String, outer: &str, inner: &str| {
            let parts: Vec<String> = (0..40).map(part).collect();
            let tree = read(&parts.join(outer)).expect("a marker");
            let text = text(&tree).expect("short enough").expect("not always true");
            assert_eq!(text.matches(inner).count(), 40, "{text}");
            assert_eq!(read(&text).expect("what was written is read"), tree);
        };
        let some = |n| format!("(sys_platform == '{n}' and platform_machine != '{n}')");
        check(&some, " or ", " and ");
        let all = |n| format!("(extra == '{n}a' or extra == '{n}b')");
        check(&all, " and ", " or ");
    }

    #[test]
    fn what_has_no_bearable_text_is_named_by_its_digest() {
        // Neither its alternatives nor its conditions are few.
        let pairs = |last: &str| {
            let both = |n| format!("(extra == 'a{n}' or extra == 'b{n}')");
            let either = |n| format!("(extra == 'c{n}' and extra == 'd{n}')");
            let all = (0..9).map(both).collect::<Vec<_>>().join(" and ");
            let any = (0..9).map(either).collect::<Vec<_>>().join(" or ");
            read(&format!("'{last}' in os_name and {all} or 'y' in os_name and ({any})"))
                .expect("a marker")
        };
        assert_eq!(text(&pairs("x")), Err(TooLong));
        let note = text_or_note(&pairs("x"));
        assert!(note.as_ref().is_some_and(|note| note.contains("too complex")), "{note:?}");
        assert_eq!(note, text_or_note(&pairs("x")));
        assert_ne!(note, text_or_note(&pairs("z")));
    }
}
