//! Locks for all platforms over random small worlds with markers. What such a lock means is said here a
//! second time: for every interpreter that the markers can tell apart it is read, and compared with what
//! the requirements that count there need.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tokio::runtime::Runtime;

use super::worlds::parsed;
use crate::candidate::{Policy, Preference};
use crate::error::Error;
use crate::lock::Lock;
use crate::request::{LockRequest, Targets};
use crate::sources::Sources;
use crate::tools::LockTools;
use pyfast_index::cache::Cache;
use pyfast_index::client::{Client, ClientOptions};
use pyfast_index::credentials::Credentials;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::target::Target;

/// The projects of a world.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// The versions that a project may have.
const VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];
/// What is required of versions.
const SPECIFIERS: [&str; 9] = ["", "", "", ">=1.1", ">=2", "<2", "<3.0", "!=2.0", "==1.0"];
/// Where a requirement counts; everywhere more often.
const MARKERS: [&str; 13] = [
    "",
    "",
    "",
    "",
    "sys_platform == 'win32'",
    "sys_platform != 'win32'",
    "os_name == 'posix' and python_version < '3.12'",
    "platform_system == 'Darwin' or python_version >= '3.12'",
    "python_version < '3.11'",
    "python_full_version >= '3.11.0'",
    "platform_machine == 'aarch64'",
    "platform_machine != 'aarch64' and sys_platform == 'linux'",
    "implementation_name == 'pypy'",
];
/// What `Requires-Python` of a version has beside `>=3`.
const PYTHONS: [&str; 6] = ["", "", "", ",>=3.8", ",>=3.11", ",>=3.12"];
/// The Pythons of a lock.
const OLDEST: &str = ">=3.10";

/// A requirement, of a version or of the user.
#[derive(Debug, Clone)]
struct Edge {
    name: &'static str,
    specifier: &'static str,
    marker: &'static str,
    /// Whether the extra `x` of the project is asked for.
    extra: bool,
    /// Whether it is a requirement of the parent's extra `x` only.
    of_extra: bool,
}

impl Edge {
    fn line(&self) -> String {
        let marker = match (self.marker, self.of_extra) {
            ("", false) => String::new(),
            ("", true) => "; extra == 'x'".to_owned(),
            (marker, false) => format!("; {marker}"),
            (marker, true) => format!("; ({marker}) and extra == 'x'"),
        };
        let extra = if self.extra { "[x]" } else { "" };
        format!("{}{extra}{}{marker}", self.name, self.specifier)
    }

    fn counts(&self, place: &MarkerEnvironment) -> bool {
        self.marker.is_empty()
            || pyfast_packaging::marker::read(self.marker).unwrap().evaluate(place, &[])
    }
}

/// A version's `Requires-Python` and requirements.
type Release = (&'static str, Vec<Edge>);

#[derive(Clone)]
struct World {
    projects: BTreeMap<&'static str, BTreeMap<&'static str, Release>>,
    requirements: Vec<Edge>,
    constraint: Option<Edge>,
    oldest: bool,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = |edges: &[Edge]| edges.iter().map(Edge::line).collect::<Vec<_>>();
        for (name, versions) in &self.projects {
            for (version, (python, edges)) in versions {
                write!(f, "{name} {version} [{python}] {:?}, ", lines(edges))?;
            }
        }
        let (requirements, constraint) = (lines(&self.requirements), self.constraint.as_slice());
        write!(f, "{requirements:?}, {:?}, oldest: {}", lines(constraint), self.oldest)
    }
}

fn edge() -> impl Strategy<Value = Edge> {
    let words = (select(&NAMES[..]), select(&SPECIFIERS[..]), select(&MARKERS[..]));
    (words, any::<bool>(), any::<bool>()).prop_map(
        |((name, specifier, marker), extra, of_extra)| Edge {
            name,
            specifier,
            marker,
            extra,
            of_extra,
        },
    )
}

prop_compose! {
    fn world()(
        projects in vec(
            btree_map(select(&VERSIONS[..]), (select(&PYTHONS[..]), vec(edge(), 0..3)), 1..4),
            NAMES.len(),
        ),
        requirements in vec(edge(), 1..4),
        constraint in option::weighted(0.2, edge()),
        oldest in any::<bool>(),
    ) -> World {
        let plain = |edge: Edge| Edge { of_extra: false, ..edge };
        World {
            projects: NAMES.into_iter().zip(projects).collect(),
            requirements: requirements.into_iter().map(plain).collect(),
            constraint: constraint.map(|edge| Edge { extra: false, ..plain(edge) }),
            oldest,
        }
    }
}

/// `name==version` by name.
type Choice = BTreeMap<String, String>;

impl World {
    /// What a choice makes needed in a place; `None` where it is no solution there.
    fn closure(&self, choice: &Choice, place: &MarkerEnvironment) -> Option<BTreeSet<String>> {
        let python = &place.python_full_version().version;
        let mut needed = BTreeSet::new();
        let mut pending: Vec<&Edge> = self.requirements.iter().collect();
        while let Some(edge) = pending.pop() {
            if !edge.counts(place) {
                continue;
            }
            let text = choice.get(edge.name)?;
            let version = Version::from_str(text).expect("a version");
            let (requires_python, edges) = &self.projects[edge.name][text.as_str()];
            let limit = self.constraint.iter().filter(|one| one.name == edge.name);
            let limits = limit.filter(|one| one.counts(place)).map(|one| one.specifier);
            let mut limits = limits.chain([edge.specifier]);
            if !limits.all(|limit| allows(limit, &version))
                || !allows(requires_python.trim_start_matches(','), python)
            {
                return None;
            }
            for extra in [false, true] {
                if (!extra || edge.extra) && needed.insert((edge.name.to_owned(), extra)) {
                    pending.extend(edges.iter().filter(|edge| edge.of_extra == extra));
                }
            }
        }
        Some(needed.into_iter().map(|(name, _)| name).collect())
    }

    /// Whether a place has any solution.
    fn is_satisfiable(&self, place: &MarkerEnvironment) -> bool {
        let choices =
            self.projects.iter().fold(vec![Choice::new()], |choices, (name, versions)| {
                let with = |choice: &Choice, version: &str| {
                    let mut choice = choice.clone();
                    choice.insert((*name).to_owned(), version.to_owned());
                    choice
                };
                let all =
                    choices.iter().flat_map(|choice| versions.keys().map(|v| with(choice, v)));
                all.collect()
            });
        choices.iter().any(|choice| self.closure(choice, place).is_some())
    }

    /// Writes a wheel of each version.
    fn write(&self, directory: &Path) {
        for (name, versions) in &self.projects {
            for (version, (python, edges)) in versions {
                let mut text = format!(
                    "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: x\nRequires-Python: >=3{python}\n"
                );
                text.extend(edges.iter().map(|edge| format!("Requires-Dist: {}\n", edge.line())));
                let path = directory.join(format!("{name}-{version}-py3-none-any.whl"));
                let mut wheel = zip::ZipWriter::new(fs_err::File::create(path).expect("created"));
                let options = zip::write::SimpleFileOptions::default();
                let entry = format!("{name}-{version}.dist-info/METADATA");
                wheel.start_file(entry, options).expect("begun");
                wheel.write_all(text.as_bytes()).expect("written");
                wheel.finish().expect("ended");
            }
        }
    }

    /// The lock for all platforms; what `old` has is kept.
    fn lock(&self, directory: &Path, old: Option<&Lock>) -> Result<Lock, Error> {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        let runtime = RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"));
        let requires_python = VersionSpecifiers::from_str(OLDEST).expect("specifiers");
        let options = ClientOptions { offline: true, ..ClientOptions::default() };
        let client = Arc::new(Client::new(options, Credentials::default()));
        let sources =
            Sources { find_links: vec![directory.display().to_string()], ..Sources::default() };
        let preference = if self.oldest { Preference::Lowest } else { Preference::Highest };
        let policy = Policy { preference, ..Policy::default() };
        let tools = LockTools {
            client,
            cache: Cache::new(None),
            sources,
            runtime: runtime.handle().clone(),
            build: None,
            whole_up_to: 0,
        };
        let set = RequirementSet {
            requirements: self.requirements.iter().map(|edge| parsed(&edge.line())).collect(),
            constraints: self.constraint.iter().map(|edge| parsed(&edge.line())).collect(),
            ..RequirementSet::default()
        };
        let request = LockRequest {
            set: &set,
            targets: Targets::Universal(requires_python),
            policy,
            kept: old.map(Lock::pins).unwrap_or_default(),
            limits: Vec::new(),
            no_deps: false,
        };
        crate::lock(&request, &tools, &|_| ()).map(|locked| locked.lock)
    }
}

fn allows(specifiers: &str, version: &Version) -> bool {
    VersionSpecifiers::from_str(specifiers).expect("specifiers").contains(version)
}

/// Everywhere that the markers of a world can tell apart.
fn places() -> Vec<MarkerEnvironment> {
    let systems = [
        ("linux", "Linux", "posix"),
        ("darwin", "Darwin", "posix"),
        ("win32", "Windows", "nt"),
        ("freebsd14", "FreeBSD", "posix"),
    ];
    let implementations = [("cpython", "CPython"), ("pypy", "PyPy")];
    let mut places = Vec::new();
    for (sys_platform, platform_system, os_name) in systems {
        for (implementation_name, platform_python_implementation) in implementations {
            for platform_machine in ["x86_64", "aarch64"] {
                for (python_version, python_full_version) in
                    [("3.10", "3.10.4"), ("3.11", "3.11.0"), ("3.12", "3.12.1"), ("3.15", "3.15.0")]
                {
                    let builder = MarkerEnvironmentBuilder {
                        implementation_name,
                        implementation_version: python_full_version,
                        os_name,
                        platform_machine,
                        platform_python_implementation,
                        platform_release: "",
                        platform_system,
                        platform_version: "",
                        python_full_version,
                        python_version,
                        sys_platform,
                    };
                    places.push(builder.try_into().expect("marker values"));
                }
            }
        }
    }
    places
}

/// What a lock means in a place.
fn read(lock: &str, place: &MarkerEnvironment) -> Result<Choice, Error> {
    let tags = crate::fixtures::target().tags;
    let target = Target { markers: place.clone(), tags };
    let lock = Lock::from_toml(lock, Path::new("/w/pylock.toml"), &target)?;
    let packages = lock.packages.iter();
    Ok(packages.map(|one| (one.name.to_string(), one.version.to_string())).collect())
}

/// A world on disk with its lock.
fn locked(world: &World) -> (tempfile::TempDir, Result<Lock, Error>) {
    let directory = tempfile::tempdir().expect("a directory");
    world.write(directory.path());
    let lock = world.lock(directory.path(), None);
    (directory, lock)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_universal_lock_has_everywhere_what_is_needed_there_and_nothing_else(world in world()) {
        let (_directory, lock) = locked(&world);
        match lock {
            Ok(lock) => {
                let text = lock.to_toml(Path::new("/w"));
                for place in places() {
                    let found = read(&text, &place)
                        .map_err(|error| TestCaseError::fail(format!("{error}\n{place:?}\n{text}")))?;
                    let needed = world.closure(&found, &place);
                    prop_assert_eq!(
                        needed.as_ref(), Some(&found.keys().cloned().collect()),
                        "{:?} in {:?}\n{}", found, place, text
                    );
                }
            }
            Err(Error::NoSolution(_)) => {
                prop_assert!(!places().iter().all(|place| world.is_satisfiable(place)));
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn a_universal_lock_that_is_made_again_or_kept_is_the_same(world in world()) {
        let (directory, lock) = locked(&world);
        if let Ok(lock) = lock {
            let text = |lock: &Lock| lock.to_toml(Path::new("/w"));
            let again = world.lock(directory.path(), None).expect("a lock");
            prop_assert_eq!(text(&lock), text(&again));
            let kept = world.lock(directory.path(), Some(&lock)).expect("a lock");
            prop_assert_eq!(text(&lock), text(&kept));
        }
    }

    #[test]
    fn a_requirement_that_is_met_already_changes_nothing(world in world(), edge in edge()) {
        let (directory, lock) = locked(&world);
        let mut more = world.clone();
        more.requirements.push(Edge { of_extra: false, ..edge });
        if let Ok(lock) = lock
            && let Ok(kept) = more.lock(directory.path(), Some(&lock))
        {
            let texts = [lock, kept].map(|lock| lock.to_toml(Path::new("/w")));
            let meanings: Vec<[Choice; 2]> = places()
                .iter()
                .map(|place| texts.clone().map(|text| read(&text, place).expect("it is read")))
                .collect();
            let does = |(place, [before, _]): (&MarkerEnvironment, &[Choice; 2])| {
                more.closure(before, place).is_some_and(|needed| needed.len() == before.len())
            };
            if places().iter().zip(&meanings).all(does) {
                for (place, [before, after]) in places().iter().zip(&meanings) {
                    prop_assert_eq!(before, after, "{:?}", place);
                }
            }
        }
    }
}
