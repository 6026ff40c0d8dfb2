//! Every file of the standard libraries and of their tests: refused by the checker if and only if `compile()` refuses it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pyfast_checker::{Disk, Library, ReadFiles, check_syntax};

use crate::python::{Python, pythons};

/// Asks `compile()` about each path; says the line of what it refuses.
const COMPILE: &str = r"
import sys
for path in sys.stdin.read().splitlines():
    with open(path, 'rb') as file:
        source = file.read()
    try:
        compile(source, path, 'exec', dont_inherit=True)
    except SyntaxError as error:
        print(path, error.lineno or 0, error.msg, sep='\t')
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        print(path, 0, error, sep='\t')
";

/// Files of which the checker says something else, and why that is right.
const DIFFERENT: &[(&str, &str)] =
    &[("bad_coding.py", "packages bring codecs, so that no name of one is certainly unknown")];

fn sources(directory: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs_err::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "site-packages" {
                sources(&path, found);
            }
        } else if path.extension().is_some_and(|end| end == "py") {
            found.insert(path);
        }
    }
}

fn differences(python: &Python) -> (usize, Vec<String>) {
    let mut paths = BTreeSet::new();
    sources(&python.library(), &mut paths);
    let lines: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let answer = python.ask(COMPILE, &lines.join("\n"), Path::new("/"));
    let refused: BTreeMap<&Path, &str> = answer
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(path, why)| (Path::new(path), why))
        .collect();
    let findings =
        check_syntax(&paths, python.version, &Library::new(&Disk, &ReadFiles::default()));
    let mut found = BTreeMap::new();
    for finding in &findings {
        let place = finding.place.as_ref().unwrap();
        found.entry(place.file.as_path()).or_insert(finding);
    }
    let is_listed = |path: &Path| DIFFERENT.iter().any(|(end, _)| path.ends_with(end));
    let differences = paths.iter().filter(|path| !is_listed(path)).filter_map(|path| {
        match (refused.get(path.as_path()), found.get(path.as_path())) {
            (Some(why), None) => Some(format!("missed: {}: {why}", path.display())),
            (None, Some(finding)) => {
                let line = finding.place.as_ref().unwrap().line;
                Some(format!("wrong: {}:{line}: {}", path.display(), finding.message))
            }
            _ => None,
        }
    });
    (paths.len(), differences.collect())
}

#[test]
fn files_of_the_standard_libraries_are_refused_if_compile_refuses_them() {
    let mut wrong = String::new();
    for python in pythons() {
        let (count, differences) = differences(&python);
        assert!(count > 100, "{}: its library was not found", python.path.display());
        for difference in differences {
            writeln!(wrong, "{}: {difference}", python.version).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
