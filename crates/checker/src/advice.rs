//! What helps where a module is missing: the project that brings it, what replaces a module that the standard library has
//! no more, a name that was meant. Owns the tables; must not know who asks. A project is named because somebody who
//! wrote them knows it, or because it is locked already, never because an index has one of that name.

mod uses;
mod versions;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

use pyfast_packaging::PackageName;

use crate::version::PythonVersion;

pub(crate) use uses::uses_of;
pub(crate) use versions::lacking;

/// Modules and their projects, a pair a line.
const PROJECTS: &str = include_str!("advice/projects.txt");
/// Modules that the standard library had.
const REMOVED: &str = include_str!("advice/removed.txt");

/// Modules that the standard library has.
const STANDARD: &str = include_str!("advice/standard.txt");

/// A module that the standard library had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Removed {
    /// The minor version of Python 3 that is without it.
    pub(crate) since: u8,
    /// What to do instead.
    pub(crate) instead: &'static str,
}

/// What is known where somebody looks for a project.
#[derive(Debug, Clone, Default)]
pub struct Wheels {
    /// Names of top-level modules, each with the project that is known to bring it: those of other environments and of
    /// wheels that are there.
    pub modules: BTreeMap<String, String>,
    /// Names of projects that are locked somewhere in the project, as they are compared.
    pub projects: Vec<String>,
}

/// Whether the standard library had a module that it has no more in Python 3 of this minor version.
pub(crate) fn removed(module: &str, minor: u8) -> Option<Removed> {
    let top = module.split('.').next().unwrap_or(module);
    let mut lines = lines(REMOVED).filter_map(|line| {
        let (name, rest) = line.split_once(' ')?;
        let (since, instead) = rest.split_once(' ')?;
        Some((name, Removed { since: since.parse().ok()?, instead }))
    });
    let found = lines.find(|(name, _)| *name == top).map(|(_, removed)| removed);
    found.filter(|removed| removed.since <= minor)
}

/// The names of the modules that a Python brings, wherever it runs; an image may lack some.
pub fn standard_library(version: PythonVersion) -> BTreeSet<String> {
    let names = lines(STANDARD).filter_map(|line| {
        let mut parts = line.split(' ');
        let (name, first) = (parts.next()?, parts.next()?.parse::<u8>().ok()?);
        let last = parts.next().map_or(Some(u8::MAX), |last| last.parse().ok())?;
        (first..=last).contains(&version.minor).then(|| name.to_owned())
    });
    names.collect()
}

/// The project that brings a module, as a requirement; `None` where nobody knows.
pub fn project_of(module: &str, wheels: &Wheels) -> Option<String> {
    let top = module.split('.').next().unwrap_or(module);
    let by_wheel = || wheels.modules.get(top).cloned();
    let by_table = || {
        let pairs = lines(PROJECTS).filter_map(|line| line.split_once(' '));
        let fits = |name: &str| {
            let rest = module.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let fitting = pairs.filter(|(name, _)| fits(name));
        let longest = fitting.max_by_key(|(name, _)| name.len());
        longest.map(|(_, project)| project.to_owned())
    };
    let by_name = || Some(project_name(top)).filter(|name| wheels.projects.contains(name));
    by_wheel().or_else(by_table).or_else(by_name)
}

/// The one of these names that was probably meant.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = match name.chars().count() {
        0..=3 => 1,
        4..=7 => 2,
        _ => 3,
    };
    let near = names.into_iter().map(|other| (strsim::damerau_levenshtein(name, other), other));
    let near = near.filter(|(far, other)| *far > 0 && *far <= most && *far < other.chars().count());
    near.min().map(|(_, other)| other)
}

/// The name of a project as it is compared
/// (<https://packaging.python.org/en/latest/specifications/name-normalization/>); one that no project can have stays.
pub fn project_name(name: &str) -> String {
    PackageName::from_str(name).map_or_else(|_no_name| name.to_owned(), |name| name.to_string())
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_known_by_its_module_and_the_longest_name_counts() {
        let nothing = Wheels::default();
        let of = |module: &str| project_of(module, &nothing);
        assert_eq!(of("yaml").as_deref(), Some("PyYAML"));
        assert_eq!(of("google.cloud.storage.blob").as_deref(), Some("google-cloud-storage"));
        assert_eq!(of("pkg_resources").as_deref(), Some("setuptools<82"));
        assert_eq!(of("opentelemetry.sdk.trace").as_deref(), Some("opentelemetry-sdk"));
        for module in ["google", "azure.other", "our_own", "yamlish", ""] {
            assert_eq!(of(module), None, "{module}");
        }
    }

    #[test]
    fn what_is_locked_already_comes_first() {
        let modules = BTreeMap::from([("cv2".to_owned(), "opencv-python".to_owned())]);
        let wheels = Wheels { modules, projects: vec!["our-own-tools".to_owned()] };
        assert_eq!(project_of("cv2.aruco", &wheels).as_deref(), Some("opencv-python"));
        assert_eq!(project_of("Our_own__tools", &wheels).as_deref(), Some("our-own-tools"));
    }

    #[test]
    fn a_module_is_removed_from_its_version_on() {
        assert_eq!(removed("distutils.util", 11), None);
        assert!(removed("distutils.util", 12).unwrap().instead.contains("setuptools"));
        assert_eq!(removed("cgi", 13).unwrap().since, 13);
        assert_eq!(removed("json", 14), None);
    }

    #[test]
    fn the_tables_are_in_order_and_whole() {
        for table in [PROJECTS, REMOVED, STANDARD] {
            let names: Vec<&str> = lines(table).filter_map(|line| line.split(' ').next()).collect();
            assert!(names.is_sorted_by(|one, other| one < other), "each name once, in order");
        }
        assert!(lines(PROJECTS).all(|line| line.split(' ').count() == 2));
        assert!(lines(REMOVED).all(|line| removed(line.split(' ').next().unwrap(), 99).is_some()));
    }

    #[test]
    fn a_standard_library_has_the_modules_of_its_version() {
        let of = |minor| standard_library(PythonVersion { major: 3, minor });
        assert!(of(10).contains("distutils") && !of(12).contains("distutils"));
        assert!(!of(10).contains("tomllib") && of(11).contains("tomllib"));
        assert!((8..15).all(|minor| of(minor).contains("json") && of(minor).contains("sys")));
    }

    #[test]
    fn a_name_is_near_when_little_differs() {
        let names = ["requests", "redis", "rq"];
        assert_eq!(nearest("reqeusts", names), Some("requests"));
        assert_eq!(nearest("rediss", names), Some("redis"));
        assert_eq!(nearest("celery", names), None);
        assert_eq!(nearest("x", ["y"]), None, "nothing of it is left");
    }
}
