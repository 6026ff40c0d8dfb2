//! The values of one variable, cut into cells wherever a diagram tells them apart: a set of values is then some
//! runs of integers. Knows nothing of how nodes lead to one another.

use std::ops::{Bound, Range};

use pep440_rs::{Version, VersionSpecifier};
use pep508_rs::{
    ExtraOperator, MarkerExpression, MarkerOperator, MarkerTree, MarkerTreeKind, MarkerValueString,
    MarkerValueVersion,
};
use version_ranges::Ranges;

use super::ranges::string;

/// Some cells of a variable: runs in order that do not touch.
pub(super) type CellSet = Vec<Range<usize>>;

/// The cells of one variable.
pub(super) enum Cells {
    Versions(MarkerValueVersion, Cuts<Version>),
    Strings(MarkerValueString, Cuts<String>),
    /// That something is so is one cell, that it is not the other.
    Condition(MarkerTree),
}

impl Cells {
    /// Those that nodes tell apart which all ask for the variable of the first; `None` for a constant.
    pub(super) fn of(nodes: &[MarkerTree]) -> Option<Self> {
        let condition = |key: &MarkerValueString, operator, value: &str| {
            Self::Condition(string(key, operator, value.to_owned()))
        };
        Some(match nodes.first()?.kind() {
            MarkerTreeKind::True | MarkerTreeKind::False => return None,
            MarkerTreeKind::Version(node) => {
                Self::Versions(node.key().clone(), Cuts::of(nodes, add_version_cuts))
            }
            MarkerTreeKind::String(node) => {
                Self::Strings(node.key().clone(), Cuts::of(nodes, add_string_cuts))
            }
            MarkerTreeKind::In(node) => condition(node.key(), MarkerOperator::In, node.value()),
            MarkerTreeKind::Contains(node) => {
                condition(node.key(), MarkerOperator::Contains, node.value())
            }
            MarkerTreeKind::Extra(node) => {
                let (operator, name) = (ExtraOperator::Equal, node.name().clone());
                Self::Condition(MarkerTree::expression(MarkerExpression::Extra { operator, name }))
            }
        })
    }

    /// How many there are.
    fn count(&self) -> usize {
        match self {
            Self::Versions(_, cuts) => cuts.0.len() + 1,
            Self::Strings(_, cuts) => cuts.0.len() + 1,
            Self::Condition(_) => 2,
        }
    }

    /// Whether a set says nothing of the variable.
    pub(super) fn is_all(&self, set: &CellSet) -> bool {
        matches!(set.as_slice(), [run] if *run == (0..self.count()))
    }

    /// The edges of one of the nodes, each with its cells, in their order.
    pub(super) fn edges(&self, node: &MarkerTree) -> Vec<(Range<usize>, MarkerTree)> {
        match (self, node.kind()) {
            (Self::Versions(_, cuts), MarkerTreeKind::Version(node)) => cuts.edges(node.edges()),
            (Self::Strings(_, cuts), MarkerTreeKind::String(node)) => cuts.edges(node.children()),
            (_, MarkerTreeKind::In(node)) => {
                vec![(0..1, node.edge(true)), (1..2, node.edge(false))]
            }
            (_, MarkerTreeKind::Contains(node)) => {
                vec![(0..1, node.edge(true)), (1..2, node.edge(false))]
            }
            (_, MarkerTreeKind::Extra(node)) => {
                vec![(0..1, node.edge(true)), (1..2, node.edge(false))]
            }
            _ => Vec::new(),
        }
    }

    /// A set in the parts that are written by themselves: everything but some values is one part.
    pub(super) fn parts(&self, set: &CellSet) -> Vec<CellSet> {
        let ends = (set.first().map(|run| run.start), set.last().map(|run| run.end));
        let is_endless = ends == (Some(0), Some(self.count()));
        if is_endless && self.is_written_by_what_it_lacks(set) {
            return vec![set.clone()];
        }
        set.iter().map(|run| vec![run.clone()]).collect()
    }

    /// Whether what an endless set lacks is some values, or all versions that begin alike.
    fn is_written_by_what_it_lacks(&self, set: &CellSet) -> bool {
        match self {
            Self::Versions(_, cuts) => !cuts.lacking(set).is_empty(),
            Self::Strings(_, cuts) => holes(set).all(|hole| cuts.value(&hole).is_some()),
            Self::Condition(_) => false,
        }
    }

    /// That the variable has one of the values in a part, which is no set that says nothing.
    pub(super) fn written(&self, part: &CellSet) -> Vec<MarkerExpression> {
        let is_run = part.len() == 1;
        match self {
            Self::Versions(key, cuts) => {
                let specifiers = if is_run {
                    let (lower, upper) = cuts.bounds(part);
                    VersionSpecifier::from_release_only_bounds((&lower, &upper)).collect()
                } else {
                    cuts.lacking(part)
                };
                let is = |specifier| MarkerExpression::Version { key: key.clone(), specifier };
                specifiers.into_iter().map(is).collect()
            }
            Self::Strings(key, cuts) => {
                let comparisons: Vec<_> = if is_run {
                    let (lower, upper) = cuts.bounds(part);
                    MarkerOperator::from_bounds((&lower, &upper)).collect()
                } else {
                    let values = holes(part).filter_map(|hole| cuts.value(&hole));
                    values.map(|value| (MarkerOperator::NotEqual, value.clone())).collect()
                };
                let comparisons = comparisons.into_iter();
                let is = |(operator, value)| {
                    let key = key.clone();
                    MarkerExpression::String { key, operator, value }
                };
                comparisons.map(is).collect()
            }
            Self::Condition(is) if part.iter().any(|run| run.contains(&0)) => is.to_dnf().concat(),
            Self::Condition(is) => is.negate().to_dnf().concat(),
        }
    }
}

/// What a set lacks between its ends.
fn holes(set: &CellSet) -> impl Iterator<Item = Range<usize>> {
    set.windows(2).filter_map(|pair| match pair {
        [before, after] => Some(before.end..after.start),
        _ => None,
    })
}

/// Where the values of a variable are cut: before a value, or (`true`) after it.
pub(super) struct Cuts<T>(Vec<(T, bool)>);

fn add_version_cuts(node: &MarkerTree, cuts: &mut Vec<(Version, bool)>) {
    if let MarkerTreeKind::Version(node) = node.kind() {
        node.edges().for_each(|(range, _)| add_ends(range, cuts));
    }
}

fn add_string_cuts(node: &MarkerTree, cuts: &mut Vec<(String, bool)>) {
    if let MarkerTreeKind::String(node) = node.kind() {
        node.children().for_each(|(range, _)| add_ends(range, cuts));
    }
}

/// Edges touch one another, so that the cuts are where they begin.
fn add_ends<T: Ord + Clone>(range: &Ranges<T>, cuts: &mut Vec<(T, bool)>) {
    match range.bounding_range() {
        Some((Bound::Included(value), _)) => cuts.push((value.clone(), false)),
        Some((Bound::Excluded(value), _)) => cuts.push((value.clone(), true)),
        Some((Bound::Unbounded, _)) | None => {}
    }
}

impl<T: Ord + Clone> Cuts<T> {
    fn of(nodes: &[MarkerTree], add: fn(&MarkerTree, &mut Vec<(T, bool)>)) -> Self {
        let mut cuts = Vec::new();
        for node in nodes {
            add(node, &mut cuts);
        }
        cuts.sort();
        cuts.dedup();
        Self(cuts)
    }

    /// The cells of a node's edges, which touch one another and leave nothing out.
    fn edges<'n>(
        &self,
        edges: impl Iterator<Item = (&'n Ranges<T>, MarkerTree)>,
    ) -> Vec<(Range<usize>, MarkerTree)>
    where
        T: 'n,
    {
        let mut found: Vec<(Range<usize>, MarkerTree)> = Vec::new();
        for (range, child) in edges {
            let start = match range.bounding_range() {
                Some((Bound::Included(value), _)) => self.after(value, false),
                Some((Bound::Excluded(value), _)) => self.after(value, true),
                Some((Bound::Unbounded, _)) | None => 0,
            };
            if let Some((before, _)) = found.last_mut() {
                before.end = start;
            }
            found.push((start..self.0.len() + 1, child));
        }
        found
    }

    /// The cell after a cut.
    fn after(&self, value: &T, behind: bool) -> usize {
        self.0.partition_point(|cut| (&cut.0, cut.1) <= (value, behind))
    }

    /// Between what a set is.
    fn bounds(&self, set: &CellSet) -> (Bound<T>, Bound<T>) {
        let cut = |place: Option<usize>| place.and_then(|place| self.0.get(place)).cloned();
        let lower = match cut(set.first().and_then(|run| run.start.checked_sub(1))) {
            Some((value, false)) => Bound::Included(value),
            Some((value, true)) => Bound::Excluded(value),
            None => Bound::Unbounded,
        };
        let upper = match cut(set.last().and_then(|run| run.end.checked_sub(1))) {
            Some((value, false)) => Bound::Excluded(value),
            Some((value, true)) => Bound::Included(value),
            None => Bound::Unbounded,
        };
        (lower, upper)
    }

    /// The cuts around some cells.
    fn around(&self, cells: &Range<usize>) -> Option<[&(T, bool); 2]> {
        let first = cells.start.checked_sub(1)?;
        Some([self.0.get(first)?, self.0.get(cells.end.checked_sub(1)?)?])
    }

    /// The value that some cells are, where they are only one.
    fn value(&self, cells: &Range<usize>) -> Option<&T> {
        match self.around(cells)? {
            [(start, false), (end, true)] if start == end => Some(start),
            _ => None,
        }
    }
}

impl Cuts<Version> {
    /// How an endless set is written by what it lacks: some versions, or all that begin alike. Empty where
    /// it cannot be.
    fn lacking(&self, set: &CellSet) -> Vec<VersionSpecifier> {
        if let [before, after] = set.as_slice()
            && let Some(version) = self.star(&(before.end..after.start))
        {
            return vec![VersionSpecifier::not_equals_star_version(version.clone())];
        }
        let versions: Option<Vec<&Version>> = holes(set).map(|hole| self.value(&hole)).collect();
        let versions = versions.unwrap_or_default().into_iter();
        versions.map(|version| VersionSpecifier::not_equals_version(version.clone())).collect()
    }

    /// The version of two numbers that those in some cells begin with, where they are all that do.
    fn star(&self, cells: &Range<usize>) -> Option<&Version> {
        let [(start, false), (end, false)] = self.around(cells)? else { return None };
        match (start.release(), end.release()) {
            ([major, minor], [next_major, next])
                if major == next_major && minor.checked_add(1) == Some(*next) =>
            {
                Some(start)
            }
            _ => None,
        }
    }
}
