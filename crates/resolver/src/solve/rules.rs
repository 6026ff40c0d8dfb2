//! What the user's constraints and overrides make of requirements, for a target or a region.
//! Knows nothing of the solver or of packages.

use pep440_rs::Version;
use pep508_rs::{ExtraName, PackageName};
use rustc_hash::FxHashMap;
use version_ranges::Ranges;

use super::problem::Problem;
use pyfast_packaging::requirement::{Requirement, Source};
use pyfast_packaging::version_range as range;

/// The range that constraints leave of a project, with the lines that say so.
pub(crate) type Limits<'a> = FxHashMap<PackageName, (Ranges<Version>, Vec<&'a Requirement>)>;

/// The constraints that count for the target, by project.
pub(crate) fn limits<'a>(problem: &Problem<'a>) -> Limits<'a> {
    let mut lines: FxHashMap<PackageName, (Vec<Ranges<Version>>, Vec<&'a Requirement>)> =
        FxHashMap::default();
    for constraint in problem.constraints {
        if let Source::Registry(specifiers) = &constraint.source
            && problem.applies(&constraint.marker)
        {
            let (ranges, origins) = lines.entry(constraint.name.clone()).or_default();
            ranges.push(range::of(specifiers));
            origins.push(constraint);
        }
    }
    let limits = lines.into_iter();
    limits.map(|(name, (ranges, origins))| (name, (range::intersection(ranges), origins))).collect()
}

/// What stands in the place of every requirement on a project (rule 25).
#[derive(Debug, Clone)]
pub(crate) struct Replacement {
    pub(crate) range: Ranges<Version>,
    pub(crate) extras: Vec<ExtraName>,
}

/// The overrides by project; `None` where none of a project's counts for the target.
pub(crate) fn replacements(problem: &Problem<'_>) -> FxHashMap<PackageName, Option<Replacement>> {
    let mut replacements: FxHashMap<PackageName, Option<Replacement>> = FxHashMap::default();
    for line in problem.overrides {
        let known = replacements.entry(line.name.clone()).or_default();
        if problem.applies(&line.marker) {
            let full = || Replacement { range: Ranges::full(), extras: Vec::new() };
            let known = known.get_or_insert_with(full);
            known.range = known.range.intersection(&range_of(&line.source));
            known.extras.extend(line.extras.iter().cloned());
        }
    }
    replacements
}

/// The versions that a requirement allows.
pub(crate) fn range_of(source: &Source) -> Ranges<Version> {
    match source {
        Source::Registry(specifiers) => range::of(specifiers),
        Source::Wheel(wheel) => Ranges::singleton(wheel.filename.version.clone()),
        Source::Tree(_) => Ranges::full(),
    }
}
