//! From requirements to a resolution: the policy they imply, the solving, and settling what the
//! cache had that was stale.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pep440_rs::Operator;
use pep508_rs::PackageName;

use crate::candidate::{Candidate, Criteria, Policy};
use crate::error::Error;
use crate::no_solution::NoSolution;
use crate::registry::Registry;
use crate::solve::{Problem, Solution, Solved, solve};
use crate::sources::IndexStrategy;
use pyfast_index::Error as IndexError;
use pyfast_packaging::hash::{Digest, Sha256};
use pyfast_packaging::metadata::Metadata;
use pyfast_packaging::requirement::{DirectWheel, Requirement, Source};
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::scope::Scope;
use pyfast_packaging::source_dist::SourceDist;

/// How often a resolution starts again because pages changed under it.
pub(crate) const ROUNDS: usize = 4;

/// One package of a resolution.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    /// The version and its wheel.
    pub candidate: Candidate,
    /// The digest of the file; `None` for a directory or a repository.
    pub sha256: Option<Sha256>,
    /// The source that was named directly.
    pub tree: Option<SourceDist>,
    /// The packages of this resolution that it depends on.
    pub dependencies: Vec<PackageName>,
    /// The metadata that was resolved with; the wheel itself must say the same.
    pub claimed: Arc<Metadata>,
    /// Where the user asks for it; empty for dependencies of others.
    pub required_by: Vec<String>,
}

/// A version for everything that is needed, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resolution {
    /// The packages in the order of their names.
    pub packages: Vec<Resolved>,
    /// What the user should know: yanked versions, unknown extras.
    pub warnings: Vec<String>,
    /// How many versions the solver decided on, final or not: the measure of a search.
    pub decisions: usize,
}

/// The wheels that requirements name by URL or path.
///
/// # Errors
/// [`Error::Packaging`] where two different wheels are named for one project.
pub(crate) fn direct_wheels(
    set: &RequirementSet,
    scope: &Scope,
) -> Result<BTreeMap<PackageName, DirectWheel>, Error> {
    let mut direct: BTreeMap<PackageName, DirectWheel> = BTreeMap::new();
    let replaced =
        |name: &PackageName| set.overrides.iter().any(|requirement| requirement.name == *name);
    let overrides = set.overrides.iter();
    let overrides = overrides.filter(|requirement| scope.applies(&requirement.marker, &[]));
    let kept = active(set, scope).filter(|requirement| !replaced(&requirement.name));
    for requirement in kept.chain(overrides) {
        let Source::Wheel(wheel) = &requirement.source else { continue };
        match direct.get(&requirement.name) {
            Some(known) if known.location != wheel.location => {
                let reason = format!("{} is already {}", requirement.name, known.location);
                let text = requirement.to_string();
                return Err(pyfast_packaging::Error::requirement(
                    &requirement.origin,
                    &text,
                    &reason,
                )
                .into());
            }
            _ => direct.insert(requirement.name.clone(), (**wheel).clone()),
        };
    }
    Ok(direct)
}

/// What a policy and the requirements decide by: pins (for yanked versions) and hashes.
///
/// # Errors
/// [`Error::HashRequired`] where hashes are required and a requirement is not pinned or has none.
pub(crate) fn criteria(
    set: &RequirementSet,
    scope: &Scope,
    policy: Policy,
) -> Result<Criteria, Error> {
    let mut criteria = Criteria::from(policy);
    for requirement in first_party(set, scope) {
        if let Some(version) = pin(requirement) {
            criteria.pins.insert((requirement.name.clone(), version));
        }
        if names_prerelease(requirement) {
            criteria.prerelease_named.insert(requirement.name.clone());
        }
    }
    for requirement in active(set, scope) {
        if !requirement.hashes.is_empty() {
            let entry = criteria.hashes.entry(requirement.name.clone());
            let known = entry.or_insert_with(|| requirement.hashes.clone());
            if known.iter().any(|digest| !requirement.hashes.contains(digest)) {
                known.retain(|digest| requirement.hashes.contains(digest));
            }
            if known.is_empty() {
                return Err(Error::HashRequired {
                    origin: requirement.origin.clone(),
                    requirement: requirement.to_string(),
                    problem: "has no hash in common with the other lines that pin it",
                });
            }
        }
    }
    if set.index.require_hashes {
        let applies = |requirement: &&Requirement| scope.applies(&requirement.marker, &[]);
        let wanted = |requirement: &&Requirement| !set.excludes.contains(&requirement.name);
        for requirement in set.requirements.iter().filter(applies).filter(wanted) {
            let hashed = criteria.hashes.contains_key(&requirement.name);
            // As with hashes, what all lines say together counts.
            let pinned = matches!(requirement.source, Source::Wheel(_) | Source::Tree(_))
                || criteria.pins.iter().any(|(name, _)| *name == requirement.name);
            let problem = match (pinned, hashed) {
                (true, true) => continue,
                (false, _) => "is not pinned with ==",
                (true, false) => "has no --hash",
            };
            return Err(Error::HashRequired {
                origin: requirement.origin.clone(),
                requirement: requirement.to_string(),
                problem,
            });
        }
    }
    let named = set.requirements.iter();
    let named = named.filter(|requirement| scope.applies(&requirement.marker, &[]));
    criteria.first_party = named.map(|requirement| requirement.name.clone()).collect();
    Ok(criteria)
}

/// Requirements and constraints that count.
fn active<'a>(set: &'a RequirementSet, scope: &'a Scope) -> impl Iterator<Item = &'a Requirement> {
    let all = set.requirements.iter().chain(&set.constraints);
    all.filter(|requirement| scope.applies(&requirement.marker, &[]))
}

/// What the user says of versions, whatever role the line has.
fn first_party<'a>(
    set: &'a RequirementSet,
    scope: &'a Scope,
) -> impl Iterator<Item = &'a Requirement> {
    let overrides = set.overrides.iter();
    let overrides = overrides.filter(|requirement| scope.applies(&requirement.marker, &[]));
    active(set, scope).chain(overrides)
}

/// Whether a specifier names a pre-release; excluding one does not count (rule 7).
fn names_prerelease(requirement: &Requirement) -> bool {
    let Source::Registry(specifiers) = &requirement.source else { return false };
    specifiers.iter().any(|specifier| {
        specifier.version().any_prerelease()
            && !matches!(specifier.operator(), Operator::NotEqual | Operator::NotEqualStar)
    })
}

/// The version of a single `==` or `===`.
fn pin(requirement: &Requirement) -> Option<pep440_rs::Version> {
    let Source::Registry(specifiers) = &requirement.source else { return None };
    let mut specifiers = specifiers.iter();
    let only = specifiers.next().filter(|_| specifiers.next().is_none())?;
    matches!(only.operator(), Operator::Equal | Operator::ExactEqual)
        .then(|| only.version().clone())
}

/// Resolves. Must be called outside the registry's runtime, because it waits.
///
/// # Errors
/// [`Error::NoSolution`] and [`Error::UnknownPackage`] for requirements that cannot be met;
/// otherwise what fetching failed with.
pub(crate) fn resolve(
    set: &RequirementSet,
    registry: &Registry,
    no_deps: bool,
) -> Result<Resolution, Error> {
    let problem = problem(set, registry, no_deps);
    registry.warm_up(set.requirements.iter().map(|requirement| requirement.name.clone()));
    let mut solved = solve(&problem, registry);
    for _ in 1..ROUNDS {
        if registry.settle()?.is_empty() {
            break;
        }
        solved = solve(&problem, registry);
    }
    let solved = solved.map_err(|unsolved| explain_missing(unsolved.of_target(), set, registry))?;
    let mut resolution = complete(&problem, &solved, set, registry)?;
    resolution.warnings.extend(registry.warning());
    registry.remember(resolution.needs());
    Ok(resolution)
}

/// What a requirement set asks of a registry.
pub(crate) fn problem<'a>(
    set: &'a RequirementSet,
    registry: &'a Registry<'_>,
    no_deps: bool,
) -> Problem<'a> {
    Problem {
        requirements: &set.requirements,
        constraints: &set.constraints,
        overrides: &set.overrides,
        excludes: &set.excludes,
        selector: registry.selector(),
        no_deps,
    }
}

/// The resolution of a solution, whose hashes are those that are wanted.
pub(crate) fn complete(
    problem: &Problem<'_>,
    solved: &Solution,
    set: &RequirementSet,
    registry: &Registry,
) -> Result<Resolution, Error> {
    let mut resolution = describe(problem, &solved.packages, registry)?;
    resolution.decisions = solved.decisions;
    check_hashes(&resolution, registry, set.index.require_hashes)?;
    Ok(resolution)
}

impl Resolution {
    /// Each package with what it needs.
    pub(crate) fn needs(&self) -> impl Iterator<Item = (PackageName, Vec<PackageName>)> {
        let packages = self.packages.iter();
        packages.map(|package| (package.candidate.name.clone(), package.dependencies.clone()))
    }
}

/// A missing project that the user named is a simpler story than a contradiction.
pub(crate) fn explain_missing(
    mut error: Error,
    set: &RequirementSet,
    registry: &Registry,
) -> Error {
    let Error::NoSolution(no_solution) = &mut error else { return error };
    no_solution.unsettled = registry.warning();
    let sources = registry.sources();
    let pins = no_solution.sought.iter().filter_map(|name| {
        let place = sources.pinned(name)?;
        Some((name.clone(), sources.indexes.get(place)?.clone()))
    });
    no_solution.pinned = pins.collect();
    let elsewhere =
        no_solution.pinned.is_empty() || no_solution.pinned.len() < no_solution.sought.len();
    no_solution.unsearched = elsewhere
        && sources.indexes.len() > sources.reserved + 1
        && sources.strategy == IndexStrategy::FirstIndex;
    let by_user = |name: &PackageName| {
        let places = set.requirements.iter().filter(|requirement| requirement.name == *name);
        places.map(|requirement| requirement.origin.to_string()).collect::<Vec<_>>()
    };
    let missing = no_solution.missing.iter().map(|name| (name.clone(), by_user(name)));
    let unsettled = no_solution.unsettled.clone();
    let Some((name, wanted_by)) = missing.into_iter().find(|(_, places)| !places.is_empty()) else {
        return error;
    };
    let near = nearest(&name, no_solution, set, registry);
    let indexes = sources.searched_places(&name);
    Error::UnknownPackage { name, wanted_by, indexes, near, unsettled }
}

/// Projects that are known by some other way and whose names are nearly the same, nearest first.
fn nearest(
    name: &PackageName,
    no_solution: &NoSolution,
    set: &RequirementSet,
    registry: &Registry,
) -> Vec<PackageName> {
    let mut known = registry.known_names();
    known.extend(set.requirements.iter().map(|requirement| requirement.name.clone()));
    let missing = &no_solution.missing;
    // One letter in three may be another: more is another word.
    let most = (name.as_ref().len() / 3).clamp(1, 3);
    let mut near: Vec<(usize, PackageName)> = known
        .into_iter()
        .filter(|known| !missing.contains(known))
        .map(|known| (strsim::damerau_levenshtein(name.as_ref(), known.as_ref()), known))
        .filter(|(distance, _)| *distance <= most)
        .collect();
    near.sort();
    near.into_iter().map(|(_, known)| known).take(3).collect()
}

fn check_hashes(resolution: &Resolution, registry: &Registry, required: bool) -> Result<(), Error> {
    let hashes = &registry.selector().criteria().hashes;
    for package in &resolution.packages {
        let Candidate { name, version, filename, .. } = &package.candidate;
        match hashes.get(name) {
            None if !required => {}
            None => {
                let parents = resolution.packages.iter();
                let parent = parents.clone().find(|parent| parent.dependencies.contains(name));
                return Err(Error::HashMissing {
                    name: name.clone(),
                    version: version.clone(),
                    wanted_by: parent.map_or_else(String::new, |p| p.candidate.name.to_string()),
                });
            }
            Some(_) if registry.is_allowed(&package.candidate, package.sha256)? => {}
            Some(allowed) => {
                let found = package.sha256.map(|found| Digest::Sha256(found).to_string());
                return Err(IndexError::HashMismatch {
                    wheel: filename.to_string(),
                    expected: Digest::any_of(allowed),
                    found: found.unwrap_or_else(|| "none".to_owned()),
                }
                .into());
            }
        }
    }
    Ok(())
}

fn describe(
    problem: &Problem<'_>,
    solved: &BTreeMap<PackageName, Solved>,
    registry: &Registry,
) -> Result<Resolution, Error> {
    let mut resolution = Resolution::default();
    for (name, package) in solved {
        let candidate = package.candidate.clone();
        if let Some(reason) = &candidate.yanked {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            resolution.warnings.push(format!("{name}=={} was yanked{reason}", candidate.version));
        }
        for extra in &package.extras {
            if !package.metadata.extras.contains(extra) {
                let version = &candidate.version;
                resolution.warnings.push(format!("{name}=={version} has no extra `{extra}`"));
            }
        }
        let required = problem.requirements.iter();
        let required = required.filter(|requirement| {
            requirement.name == *name && problem.applies(&requirement.marker)
        });
        resolution.packages.push(Resolved {
            sha256: registry.digest(&candidate)?,
            tree: registry.tree(name).map(|tree| tree.source.clone()),
            dependencies: dependencies(problem, package, solved),
            required_by: required.map(|requirement| requirement.origin.to_string()).collect(),
            claimed: Arc::clone(&package.metadata),
            candidate,
        });
    }
    Ok(resolution)
}

fn dependencies(
    problem: &Problem<'_>,
    package: &Solved,
    solved: &BTreeMap<PackageName, Solved>,
) -> Vec<PackageName> {
    let active = package.metadata.dependencies.iter();
    let active =
        active.filter(|dependency| problem.scope().applies(&dependency.marker, &package.extras));
    let names: BTreeSet<&PackageName> = active.map(|dependency| &dependency.name).collect();
    let names = names
        .into_iter()
        .filter(|name| solved.contains_key(*name) && **name != package.candidate.name);
    names.cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::candidate::Selector;
    use crate::fixtures::target;
    use crate::packages::offline::Offline;
    use pyfast_packaging::requirement::Origin;
    use pyfast_packaging::requirement_line::parse;

    fn parsed(lines: &[&str]) -> Vec<Requirement> {
        let origin = |line| Origin { file: "r.txt".into(), line };
        let lines = lines.iter().enumerate();
        lines
            .map(|(n, line)| parse(line, &origin(n + 1), Path::new("/")).expect("a requirement"))
            .collect()
    }

    /// Solves and gives `name==version` in order, or the explanation.
    fn check(
        world: &Offline,
        lines: &[&str],
        constraints: &[&str],
        expected: Result<&[&str], &str>,
    ) {
        let (requirements, constraints) = (parsed(lines), parsed(constraints));
        let set = RequirementSet { requirements, constraints, ..RequirementSet::default() };
        let criteria = criteria(&set, &target().into(), Policy::default()).expect("criteria");
        let selector = Selector::new(target(), criteria);
        let problem = Problem {
            requirements: &set.requirements,
            constraints: &set.constraints,
            overrides: &set.overrides,
            excludes: &set.excludes,
            selector: &selector,
            no_deps: false,
        };
        let solved = solve(&problem, world).map_err(|error| error.of_target().to_string());
        let solved = solved.map(|solved| {
            let pins = solved
                .packages
                .iter()
                .map(|(name, package)| format!("{name}=={}", package.candidate.version));
            pins.collect::<Vec<_>>()
        });
        match (solved, expected) {
            (Ok(solved), expected) => assert_eq!(
                Ok(&solved[..]),
                expected
                    .map(|pins| { pins.iter().map(|pin| (*pin).to_owned()).collect::<Vec<_>>() })
                    .as_deref()
            ),
            (Err(error), Err(part)) => {
                assert!(error.contains(part), "{error}\n-- does not contain --\n{part}");
            }
            (Err(error), Ok(_)) => panic!("{error}"),
        }
    }

    #[test]
    fn the_newest_versions_that_fit_together_are_chosen() {
        let mut world = Offline::default();
        world.add("a", "1.0", &["b<2"]);
        world.add("a", "2.0", &["b>=2"]);
        world.add("b", "1.0", &[]);
        world.add("b", "2.0", &["c ; python_version < '3'"]);
        world.add("b", "3.0a1", &[]);
        check(&world, &["a"], &[], Ok(&["a==2.0", "b==2.0"]));
        check(&world, &["a"], &["b<2"], Ok(&["a==1.0", "b==1.0"]));
        check(&world, &["b>2"], &[], Ok(&["b==3.0a1"]));
    }

    #[test]
    fn rules_22_and_23_extras_add_dependencies_of_the_same_version() {
        let mut world = Offline::default();
        world.add("a", "1.0", &["b ; extra == 'x'", "a[x] ; extra == 'all'", "d"]);
        world.add("a", "2.0", &["b>5 ; extra == 'x'", "a[x] ; extra == 'all'"]);
        world.add("b", "1.0", &[]);
        world.add("d", "1.0", &[]);
        check(&world, &["a[all]"], &[], Ok(&["a==1.0", "b==1.0", "d==1.0"]));
        check(&world, &["a"], &[], Ok(&["a==2.0"]));
        check(&world, &["a[unknown]"], &[], Ok(&["a==2.0"]));
    }

    #[test]
    fn contradictions_are_explained_with_their_places() {
        let mut world = Offline::default();
        world.add("a", "1.0", &["c<2"]);
        world.add("b", "1.0", &["c>=2"]);
        world.add("c", "1.0", &[]);
        world.add("c", "2.0", &[]);
        for part in ["a (r.txt:1)", "b (r.txt:2)", "c<2", "c>=2", "cannot be satisfied"] {
            check(&world, &["a", "b"], &[], Err(part));
        }
        check(&world, &["c<2", "c>=2"], &[], Err("c<2 (r.txt:1) and c>=2 (r.txt:2)"));
        check(&world, &["c>=2"], &["c<2"], Err("constrained to c<2 (r.txt:1)"));
        check(&world, &["c>5"], &[], Err("there is no version of c>5 (there are 1.0 and 2.0)"));
        check(&world, &["nope"], &[], Err("nope was not found"));
    }
}
