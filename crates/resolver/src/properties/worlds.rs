//! The solver against brute force over random small worlds. What a solution is, is said here a second
//! time and without ranges: specifiers are asked version by version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::PackageName;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::candidate::{Policy, Preference, Selector};
use crate::error::Error;
use crate::fixtures::target;
use crate::packages::offline::Offline;
use crate::resolution::criteria;
use crate::solve::{Problem, Unsolved, solve};
use pyfast_packaging::requirement::{Origin, Requirement};
use pyfast_packaging::requirement_line;
use pyfast_packaging::requirements_txt::RequirementSet;

/// The projects of a world; the last is on no index.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "ghost"];
/// The versions that a project may have.
const VERSIONS: [&str; 6] = ["1.0", "1.1", "2.0", "2.1.post1", "3.0a1", "3.0"];
/// What is required of versions; without a specifier more often.
const SPECIFIERS: [&str; 14] = [
    "", "", "", "", ">=1.1", ">=2", "<2", "<3.0", "!=2.0", "==1.0", "~=2.0", ">2.0", "<=1.1",
    "==3.*",
];

/// `name[x]specifier`, for a parent with or without the extra `x`.
#[derive(Debug, Clone)]
struct Edge {
    name: &'static str,
    specifier: &'static str,
    /// Whether the extra `x` of the project is asked for.
    extra: bool,
    /// Whether it is a requirement of the parent's extra `x` only.
    of_extra: bool,
}

impl Edge {
    fn line(&self) -> String {
        let extra = if self.extra { "[x]" } else { "" };
        let marker = if self.of_extra { " ; extra == 'x'" } else { "" };
        format!("{}{extra}{}{marker}", self.name, self.specifier)
    }

    fn allows(&self, version: &Version) -> bool {
        specifiers(self.specifier).contains(version)
    }
}

fn specifiers(text: &str) -> VersionSpecifiers {
    VersionSpecifiers::from_str(text).expect("specifiers")
}

/// A world and what is asked of it.
#[derive(Debug, Clone)]
struct World {
    /// The versions of each project with their requirements.
    projects: BTreeMap<&'static str, BTreeMap<&'static str, Vec<Edge>>>,
    requirements: Vec<Edge>,
    constraint: Option<(&'static str, &'static str)>,
    replacement: Option<(&'static str, &'static str)>,
    exclude: Option<&'static str>,
    oldest: bool,
}

fn edge(parent: bool) -> impl Strategy<Value = Edge> {
    // A project that does not exist is a rare thing.
    let name = prop_oneof![30 => select(&NAMES[..5]), 1 => Just(NAMES[5])];
    (name, select(&SPECIFIERS[..]), any::<bool>(), any::<bool>()).prop_map(
        move |(name, specifier, extra, of_extra)| Edge {
            name,
            specifier,
            extra,
            of_extra: of_extra && parent,
        },
    )
}

prop_compose! {
    fn world()(
        projects in vec(
            proptest::collection::btree_map(select(&VERSIONS[..]), vec(edge(true), 0..3), 1..5),
            5,
        ),
        requirements in vec(edge(false), 1..4),
        constraint in option::weighted(0.2, (select(&NAMES[..5]), select(&SPECIFIERS[..]))),
        replacement in option::weighted(0.2, (select(&NAMES[..5]), select(&SPECIFIERS[..]))),
        exclude in option::weighted(0.1, select(&NAMES[..5])),
        oldest in any::<bool>(),
    ) -> World {
        let projects = NAMES.into_iter().zip(projects).collect();
        World { projects, requirements, constraint, replacement, exclude, oldest }
    }
}

/// A version for each project.
type Choice = BTreeMap<&'static str, &'static str>;

impl World {
    /// Whether the edge to a project may lead to a version.
    fn may(&self, edge: &Edge, version: &Version) -> bool {
        let constrained = self.constraint.filter(|(name, _)| *name == edge.name);
        let replaced = self.replacement.filter(|(name, _)| *name == edge.name);
        let allowed = match replaced {
            Some((_, specifier)) => specifiers(specifier).contains(version),
            None => edge.allows(version),
        };
        allowed && constrained.is_none_or(|(_, text)| specifiers(text).contains(version))
    }

    /// The projects that a choice makes needed; `None` where it is no solution.
    fn closure(&self, choice: &Choice) -> Option<BTreeSet<&'static str>> {
        let mut needed = BTreeSet::new();
        let mut pending: Vec<&Edge> = self.requirements.iter().collect();
        while let Some(edge) = pending.pop() {
            if self.exclude == Some(edge.name) {
                continue;
            }
            let version = choice.get(edge.name)?;
            if !self.may(edge, &Version::from_str(version).expect("a version")) {
                return None;
            }
            // A replacement asks for no extra.
            let replaced = self.replacement.is_some_and(|(name, _)| name == edge.name);
            for extra in [false, true] {
                if (!extra || edge.extra && !replaced) && needed.insert((edge.name, extra)) {
                    let edges = self.projects[edge.name][version].iter();
                    pending.extend(edges.filter(|edge| edge.of_extra == extra));
                }
            }
        }
        Some(needed.into_iter().map(|(name, _)| name).collect())
    }

    /// Every way to choose a version of each project.
    fn choices(&self) -> Vec<Choice> {
        self.projects.iter().fold(vec![Choice::new()], |choices, (name, versions)| {
            let extend = |choice: &Choice| {
                let choice = choice.clone();
                versions.keys().map(move |version| {
                    let mut choice = choice.clone();
                    choice.insert(name, version);
                    choice
                })
            };
            choices.iter().flat_map(extend).collect()
        })
    }

    fn is_satisfiable(&self) -> bool {
        self.choices().iter().any(|choice| self.closure(choice).is_some())
    }

    /// Whether the world's preference is for `one` rather than `other` (rules 7 and 36).
    fn prefers(&self, one: &str, other: &str) -> bool {
        let [one, other] = [one, other].map(|text| Version::from_str(text).expect("a version"));
        match (one.any_prerelease(), other.any_prerelease()) {
            (false, true) => true,
            (true, false) => false,
            _ if self.oldest => one < other,
            _ => one > other,
        }
    }

    fn solved(&self) -> Result<(Choice, usize), Error> {
        let mut packages = Offline::default();
        for (name, versions) in &self.projects {
            for (version, edges) in versions {
                let lines: Vec<String> = edges.iter().map(Edge::line).collect();
                packages.add(name, version, &lines.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
        let limits = |pair: Option<(&str, &str)>| {
            pair.map(|(name, text)| parsed(&format!("{name}{text}"))).into_iter().collect()
        };
        let set = RequirementSet {
            requirements: self.requirements.iter().map(|edge| parsed(&edge.line())).collect(),
            constraints: limits(self.constraint),
            overrides: limits(self.replacement),
            excludes: self.exclude.into_iter().map(name).collect(),
            ..RequirementSet::default()
        };
        let preference = if self.oldest { Preference::Lowest } else { Preference::Highest };
        let criteria =
            criteria(&set, &target().into(), Policy { preference, ..Policy::default() })?;
        let problem = Problem {
            requirements: &set.requirements,
            constraints: &set.constraints,
            overrides: &set.overrides,
            excludes: &set.excludes,
            selector: &Selector::new(target(), criteria),
            no_deps: false,
        };
        let solution = solve(&problem, &packages).map_err(Unsolved::of_target)?;
        let known = |text: &str, list: &[&'static str]| {
            *list.iter().find(|known| **known == text).expect("it is of the world")
        };
        let choice = solution.packages.iter().map(|(name, package)| {
            let version = package.candidate.version.to_string();
            (known(name.as_ref(), &NAMES), known(&version, &VERSIONS))
        });
        Ok((choice.collect(), solution.decisions))
    }
}

fn name(text: &str) -> PackageName {
    text.parse().expect("a name")
}

pub(super) fn parsed(line: &str) -> Requirement {
    let origin = Origin { file: "r.txt".into(), line: 1 };
    requirement_line::parse(line, &origin, Path::new("/")).expect("a requirement")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_is_a_solution_exactly_where_brute_force_finds_one(world in world()) {
        match world.solved() {
            Ok(_) => prop_assert!(world.is_satisfiable()),
            Err(Error::NoSolution(why)) => {
                prop_assert!(!world.is_satisfiable(), "{why}");
                prop_assert!(why.steps.iter().all(|step| !step.is_empty()));
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn a_solution_is_whole_and_has_nothing_that_is_not_needed(world in world()) {
        if let Ok((choice, _)) = world.solved() {
            let needed = world.closure(&choice);
            prop_assert_eq!(needed, Some(choice.keys().copied().collect()), "{:?}", choice);
        }
    }

    /// No package of a solution can be exchanged for a version that is preferred, the others staying
    /// as they are (or leaving, where nothing needs them any more).
    #[test]
    fn no_single_version_could_be_a_better_one(world in world()) {
        if let Ok((choice, _)) = world.solved() {
            for (name, version) in &choice {
                let better = world.projects[name].keys().filter(|one| world.prefers(one, version));
                for one in better {
                    let mut changed = choice.clone();
                    changed.insert(name, one);
                    let solution = world.closure(&changed);
                    prop_assert!(solution.is_none(), "{name} {one} would do in {choice:?}");
                }
            }
        }
    }

    #[test]
    fn the_same_world_has_the_same_solution(world in world()) {
        prop_assert_eq!(world.solved().ok(), world.solved().ok());
    }
}
