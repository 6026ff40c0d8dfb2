//! Resolving for a whole region at once: all platforms and a range of Pythons. The region is split
//! where one answer cannot hold for all of it, and each part is solved for itself, so that every
//! interpreter gets versions that its own requirements allow.

mod merging;
mod reach;

use std::sync::Arc;

use pep440_rs::{VersionSpecifier, VersionSpecifiers};
use pep508_rs::MarkerTree;

use crate::candidate::Selector;
use crate::error::Error;
use crate::lock::Pin;
use crate::locked::Locked;
use crate::registry::Registry;
use crate::request::LockRequest;
use crate::resolution::{ROUNDS, complete, explain_missing, problem};
use crate::solve::{Problem, Solution, Unsolved, is_partial, solve};
use crate::tools::LockTools;
use pyfast_packaging::marker;
use pyfast_packaging::requirement::{Origin, Requirement, Source};
use pyfast_packaging::scope::{Region, Scope};

use merging::{Listed, Part};
pub(crate) use merging::{Targeted, merge_targets};

/// Parts that a region may be split into before the search is given up.
const MOST: usize = 500;
/// Parts from which on a region is only split where it must be, and not for newer versions.
const MANY: usize = 60;

/// Every interpreter that some range of Pythons has, on every platform, and what is to be resolved for it.
struct Universe<'a> {
    request: &'a LockRequest<'a>,
    /// The Pythons it is for.
    requires_python: &'a VersionSpecifiers,
    /// Packages; its own selector is not used.
    registry: &'a Registry<'a>,
    tools: &'a LockTools,
}

/// Resolves for every interpreter that `requires_python` allows, on every platform. Waits, so it must be
/// called outside of the tools' runtime.
///
/// # Errors
/// As [`resolve`](crate::resolution::resolve), of the first part of the region for which there is no
/// solution.
pub(crate) fn lock_universal(
    request: &LockRequest<'_>,
    requires_python: &VersionSpecifiers,
    tools: &LockTools,
) -> Result<Locked, Error> {
    // Its own scope stands for none: each part of the universe has one.
    let scope = Scope::Region(Region::universe(requires_python));
    let selector = Arc::new(Selector::new(scope, request.policy.clone()));
    let registry = &Registry::new(tools, selector);
    let universe = Universe { request, requires_python, registry, tools };
    let names = request.set.requirements.iter().map(|requirement| requirement.name.clone());
    registry.warm_up(names);
    let mut parts = universe.parts();
    for _ in 1..ROUNDS {
        if registry.settle()?.is_empty() {
            break;
        }
        parts = universe.parts();
    }
    let parts = parts?;
    registry.remember(parts.iter().flat_map(|part| part.resolution.needs()));
    let mut lock = merging::merge(&parts, requires_python, &registry.sources().indexes);
    merging::keep_words(&mut lock, &request.kept);
    merging::check_markers(&lock)?;
    let mut locked = Locked::of(lock, parts.iter().map(|part| &part.resolution));
    locked.warnings.extend(registry.warning());
    Ok(locked)
}

impl Universe<'_> {
    /// Solves the region part by part.
    fn parts(&self) -> Result<Vec<Part>, Error> {
        let mut open = vec![Region::universe(self.requires_python)];
        let (mut parts, mut listed) = (Vec::new(), Listed::default());
        while let Some(region) = open.pop() {
            let count = open.len() + parts.len();
            match self.part(&region, count < MANY, &mut listed) {
                Ok(part) => parts.push(part),
                Err(Unsolved::Failed(error)) => return Err(error),
                Err(Unsolved::Split(on)) => {
                    let [inside, outside] =
                        region.split(&on).filter(|_| count < MOST).ok_or_else(|| {
                            Error::Setting(format!(
                                "the requirements divide the platforms into more than {MOST} parts, the last by `{}`",
                                marker::text_or_note(&on).unwrap_or_default()
                            ))
                        })?;
                    open.push(outside);
                    open.push(inside);
                }
            }
        }
        Ok(parts)
    }

    /// Solves one part; `newest` has it split for newer versions too.
    fn part(&self, region: &Region, newest: bool, listed: &mut Listed) -> Result<Part, Unsolved> {
        if let Some(on) = self.divided(region) {
            return Err(Unsolved::Split(on));
        }
        let scope = Scope::Region(region.clone());
        let (set, registry) = self.request.seen(&scope, self.registry, self.tools)?;
        let problem = problem(&set, &registry, self.request.no_deps);
        let solved = solve(&problem, &registry).map_err(|unsolved| match unsolved {
            Unsolved::Failed(error) => {
                Unsolved::Failed(of_region(explain_missing(error, &set, &registry), region))
            }
            split @ Unsolved::Split(_) => split,
        })?;
        let apart = self.kept_apart(&solved, region);
        if let Some(on) = apart.or_else(|| self.pardoned(&solved, region)) {
            return Err(Unsolved::Split(on));
        }
        if newest && let Some(on) = self.kept_in_parts(&problem, &solved, region, &registry) {
            return Err(Unsolved::Split(on));
        }
        let reach = reach::Reach::of(&problem, &solved, region);
        if newest && let Some(on) = reach.held_back(&problem, &registry, region)? {
            return Err(Unsolved::Split(on));
        }
        let resolution = complete(&problem, &solved, &set, &registry)?;
        Ok(Part::new(resolution, &reach, region, &registry, listed)?)
    }

    /// The marker of a line that cannot count for a part of a region only: a distribution named directly
    /// stands for all versions of its project, and so do hashes that differ from those of another line.
    fn divided(&self, region: &Region) -> Option<MarkerTree> {
        let set = self.request.set;
        let lines = || set.requirements.iter().chain(&set.constraints).chain(&set.overrides);
        let other_hashes = |one: &Requirement| {
            lines().any(|other| {
                other.name == one.name
                    && !other.hashes.is_empty()
                    && other.hashes != one.hashes
                    && region.admits(&other.marker)
            })
        };
        let fixed = |line: &&Requirement| {
            !matches!(line.source, Source::Registry(_))
                || !line.hashes.is_empty() && other_hashes(line)
        };
        let named = lines().filter(fixed).map(|line| &line.marker);
        let mut markers = named.chain(set.sources.iter().map(|source| &source.marker));
        markers.find(|marker| is_partial(region, marker)).cloned()
    }

    /// The marker of a version of an earlier lock that was for a part of the region only, where a solution
    /// has another: each is kept where it was (rule 35).
    fn kept_apart(&self, solution: &Solution, region: &Region) -> Option<MarkerTree> {
        let changed = |pin: &&Pin| {
            let chosen = solution.packages.get(&pin.name).map(|package| &package.candidate.version);
            chosen.is_some_and(|version| *version != pin.version)
        };
        let mut markers = self.request.kept.iter().filter(changed).map(|pin| &pin.marker);
        markers.find(|marker| is_partial(region, marker)).cloned()
    }

    /// Where versions of an earlier lock were given up that parts of the region could keep: two markers that
    /// never hold together stand in their way, and in parts for which only one can, nothing does (rule 35).
    fn kept_in_parts(
        &self,
        problem: &Problem<'_>,
        solution: &Solution,
        region: &Region,
        registry: &Registry,
    ) -> Option<MarkerTree> {
        let pins = self.given_up(solution, region)?;
        let constraints: Vec<Requirement> =
            problem.constraints.iter().cloned().chain(pins).collect();
        match solve(&Problem { constraints: &constraints, ..*problem }, registry) {
            Err(Unsolved::Split(on)) => Some(on),
            // They cannot be kept, or nothing but the search's order spoke against them.
            Err(Unsolved::Failed(_)) | Ok(_) => None,
        }
    }

    /// Versions of an earlier lock that were for all of the region, where a solution has others for some, as
    /// constraints; `None` where each is kept.
    fn given_up(&self, solution: &Solution, region: &Region) -> Option<Vec<Requirement>> {
        let chosen =
            |pin: &Pin| solution.packages.get(&pin.name).map(|package| &package.candidate.version);
        let whole = |pin: &&Pin| chosen(pin).is_some() && region.implies(&pin.marker);
        let pins: Vec<&Pin> = self.request.kept.iter().filter(whole).collect();
        let changed = pins.iter().any(|pin| chosen(pin) != Some(&pin.version));
        changed.then(|| pins.into_iter().map(exactly).collect())
    }

    /// The marker of a pin for a part of the region only that had a yanked version chosen for all of it
    /// (rule 14).
    fn pardoned(&self, solution: &Solution, region: &Region) -> Option<MarkerTree> {
        let set = self.request.set;
        let mut lines = set.requirements.iter().chain(&set.constraints).chain(&set.overrides);
        let yanked = |name| {
            solution.packages.get(name).is_some_and(|package| package.candidate.yanked.is_some())
        };
        let line = lines.find(|line| yanked(&line.name) && is_partial(region, &line.marker));
        line.map(|line| line.marker.clone())
    }
}

/// The constraint that a version of an earlier lock is kept.
fn exactly(pin: &Pin) -> Requirement {
    let specifier = VersionSpecifier::equals_version(pin.version.clone());
    Requirement {
        name: pin.name.clone(),
        extras: Vec::new(),
        source: Source::Registry(specifier.into()),
        marker: MarkerTree::TRUE,
        hashes: Vec::new(),
        origin: Origin { file: "the earlier lock".into(), line: 1 },
    }
}

/// Says for which part of the region there is no solution.
fn of_region(mut error: Error, region: &Region) -> Error {
    if let Error::NoSolution(no_solution) = &mut error {
        no_solution.region = region.describe();
    }
    error
}
