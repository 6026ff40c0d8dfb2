//! Version ranges from specifiers, by the rules of PEP 440, and back into words.
//!
//! <https://packaging.python.org/en/latest/specifications/version-specifiers/>

use std::ops::Bound;

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};
use version_ranges::Ranges;

/// The versions that satisfy all specifiers. Local versions follow rule 2, which a plain
/// conversion does not: `==1.0` and `<=1.0` include `1.0+local`.
pub fn of(specifiers: &VersionSpecifiers) -> Ranges<Version> {
    intersection(specifiers.iter().map(of_one).collect())
}

/// The versions that are in all of some ranges. They are intersected by halves: of thousands that each leave
/// out a version, each beginning of the list would be a range of its own.
pub fn intersection(mut ranges: Vec<Ranges<Version>>) -> Ranges<Version> {
    if ranges.len() < 2 {
        return ranges.pop().unwrap_or_else(Ranges::full);
    }
    let second = ranges.split_off(ranges.len() / 2);
    intersection(ranges).intersection(&intersection(second))
}

fn of_one(specifier: &VersionSpecifier) -> Ranges<Version> {
    let version = specifier.version();
    if is_largest(version) {
        return beyond_counting(specifier);
    }
    let exact = !version.local().is_empty();
    match specifier.operator() {
        Operator::Equal if !exact => pin(version),
        Operator::NotEqual if !exact => pin(version).complement(),
        Operator::LessThanEqual if !exact => Ranges::strictly_lower_than(after_locals(version)),
        // Rule 3: `<1.0.post1` ends before 1.0.post1.dev0, and not before 1.0.
        Operator::LessThan if version.is_post() && !version.any_prerelease() => {
            Ranges::strictly_lower_than(version.clone().with_dev(Some(0)))
        }
        // Rule 2: `>1.0.post1` has no local versions of it, but 1.0.post2.dev0.
        Operator::GreaterThan if version.is_post() || version.is_dev() => {
            Ranges::higher_than(after_locals(version))
        }
        _ => Ranges::from(specifier.clone()),
    }
}

/// Whether a number of the version has no successor.
fn is_largest(version: &Version) -> bool {
    let suffixes = [version.post(), version.dev(), version.pre().map(|pre| pre.number)];
    version.release().iter().copied().chain(suffixes.into_iter().flatten()).any(|n| n == u64::MAX)
}

/// The range of a specifier whose upper end cannot be written: nothing lies beyond it.
fn beyond_counting(specifier: &VersionSpecifier) -> Ranges<Version> {
    let version = specifier.version().clone();
    match specifier.operator() {
        Operator::Equal | Operator::ExactEqual => Ranges::singleton(version),
        Operator::NotEqual => Ranges::singleton(version).complement(),
        Operator::EqualStar | Operator::TildeEqual | Operator::GreaterThanEqual => {
            Ranges::higher_than(version)
        }
        Operator::NotEqualStar | Operator::LessThan => Ranges::strictly_lower_than(version),
        Operator::LessThanEqual => Ranges::lower_than(version),
        Operator::GreaterThan => Ranges::strictly_higher_than(version),
    }
}

/// `==version`: the version and all its local versions.
pub fn pin(version: &Version) -> Ranges<Version> {
    Ranges::from_range_bounds(version.clone()..after_locals(version))
}

/// The first version after `version` and all its local versions.
fn after_locals(version: &Version) -> Version {
    if let Some(dev) = version.dev() {
        version.clone().with_dev(Some(dev.saturating_add(1)))
    } else {
        let post = version.post().map_or(0, |post| post.saturating_add(1));
        version.clone().with_post(Some(post)).with_dev(Some(0))
    }
}

/// The version a range pins, if it is such a range.
pub fn pinned(range: &Ranges<Version>) -> Option<&Version> {
    if let Some(version) = range.as_singleton() {
        return Some(version);
    }
    let (lower, upper) = range.bounding_range()?;
    match (lower, upper) {
        (Bound::Included(lower), Bound::Excluded(upper)) => {
            (range.iter().count() == 1 && after_locals(lower) == *upper).then_some(lower)
        }
        _ => None,
    }
}

/// Whether a range is nothing but the local versions of some pins, which hardly ever exist: nothing
/// that a person would want to hear of.
pub fn is_locals(range: &Ranges<Version>) -> bool {
    range.iter().all(|(lower, upper)| match (lower, upper) {
        (Bound::Excluded(lower), Bound::Excluded(upper)) => after_locals(lower) == *upper,
        _ => false,
    })
}

/// A range in the words of specifiers: `>=1,<2`, `==1.0`, `<1 or >2`; empty for any version.
pub fn describe(range: &Ranges<Version>) -> String {
    if range.is_empty() {
        return "<no version>".to_owned();
    }
    if let Some(excluded) = pinned(&range.complement()) {
        return format!("!={excluded}");
    }
    let segments: Vec<String> = range.iter().map(|(lower, upper)| segment(lower, upper)).collect();
    segments.join(" or ")
}

fn segment(lower: &Bound<Version>, upper: &Bound<Version>) -> String {
    if let (Bound::Included(low), Bound::Included(high)) = (lower, upper)
        && low == high
    {
        return format!("=={low}");
    }
    if let (Bound::Included(low), Bound::Excluded(high)) = (lower, upper)
        && after_locals(low) == *high
    {
        return format!("=={low}");
    }
    let lower = match lower {
        Bound::Included(version) => Some(format!(">={}", shown(version))),
        Bound::Excluded(version) => Some(format!(">{}", shown(version))),
        Bound::Unbounded => None,
    };
    let upper = match upper {
        Bound::Included(version) => Some(format!("<={}", shown(version))),
        Bound::Excluded(version) => Some(exclusive_upper(version)),
        Bound::Unbounded => None,
    };
    let parts: Vec<String> = [lower, upper].into_iter().flatten().collect();
    parts.join(",")
}

/// `<2` is kept as a bound before 2.dev0, and `<=2` as one before 2.post0.dev0.
fn exclusive_upper(version: &Version) -> String {
    if version.post() == Some(0) && version.dev() == Some(0) {
        let base = version.clone().with_post(None).with_dev(None);
        return format!("<={base}");
    }
    format!("<{}", shown(version))
}

/// A bound without the marks that order it before or after all versions of its release.
fn shown(version: &Version) -> Version {
    // The setters refuse versions that cannot have the mark, so they are asked first.
    let mut shown = version.clone();
    if Version::min(&shown).is_some() {
        shown = shown.with_min(None);
    }
    if Version::max(&shown).is_some() {
        shown = shown.with_max(None);
    }
    if shown.dev() == Some(0) {
        shown = shown.with_dev(None);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(specifiers: &str) -> Ranges<Version> {
        of(&specifiers.parse().expect("specifiers"))
    }

    fn check(specifiers: &str, inside: &[&str], outside: &[&str]) {
        let range = range(specifiers);
        let contains = |text: &&&str| range.contains(&text.parse().expect("a version"));
        assert_eq!(inside.iter().filter(contains).count(), inside.len(), "{specifiers} {range}");
        assert_eq!(outside.iter().filter(contains).count(), 0, "{specifiers} {range}");
    }

    #[test]
    fn rules_2_to_4_specifiers_become_ranges() {
        check(
            "==1.0",
            &["1.0", "1.0+cpu", "1.0.0"],
            &["1.0.post1", "1.0a1", "1.0.1", "1.0.post0.dev1"],
        );
        check("==1.0+cpu", &["1.0+cpu"], &["1.0", "1.0+gpu"]);
        check("!=1.0", &["1.0.post1", "0.9"], &["1.0", "1.0+cpu"]);
        check("<=1.0", &["1.0+cpu", "1.0", "0.1"], &["1.0.post1", "1.1"]);
        check(">1.0", &["1.1", "1.0.1"], &["1.0", "1.0+cpu", "1.0.post1"]);
        check("<1.0", &["0.9", "0.9.post1"], &["1.0", "1.0a1", "1.0.dev1"]);
        check("<1.0rc1", &["1.0a1", "0.9"], &["1.0rc1", "1.0"]);
        check("==1.*", &["1.0", "1.9", "1.0a1"], &["2.0", "0.9", "2.0.dev0"]);
        check("<1.0.post1", &["1.0", "1.0+cpu"], &["1.0.post1", "1.0.post1.dev0"]);
        check(">1.0.post1", &["1.0.post2.dev0", "1.1"], &["1.0.post1", "1.0.post1+cpu", "1.0"]);
        check(">1.0.dev1", &["1.0.dev2", "1.0a1", "1.0"], &["1.0.dev1", "1.0.dev1+cpu"]);
        let largest = format!("{}.0", u64::MAX);
        check(&format!("~={largest}"), &[&largest], &["1.0"]);
        check(&format!("!={largest}.*"), &["1.0"], &[]);
        check("~=1.4", &["1.4", "1.9"], &["2.0", "1.3", "2.0a1"]);
        check("~=1.4.2", &["1.4.2", "1.4.9"], &["1.5"]);
        check("==1.0.post1", &["1.0.post1", "1.0.post1+x"], &["1.0", "1.0.post2"]);
        check("===1.0", &["1.0"], &["1.1"]);
    }

    #[test]
    fn ranges_are_described_in_the_words_of_specifiers() {
        for text in ["==1.0", "!=1.0", ">=1,<2", "<2", "<=2", ">1", "==1.0.post1", ""] {
            assert_eq!(describe(&range(text)), text);
        }
        assert_eq!(describe(&range(">=1,!=1.5")), ">=1,<1.5 or >=1.5.post0");
        assert_eq!(describe(&range("==1.*")), ">=1,<2");
        assert_eq!(describe(&Ranges::empty()), "<no version>");
    }

    #[test]
    fn pins_are_recognised() {
        assert_eq!(pinned(&range("==1.0")).map(ToString::to_string).as_deref(), Some("1.0"));
        assert!(pinned(&range(">=1.0")).is_none());
    }
}
