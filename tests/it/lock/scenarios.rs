//! Small worlds written as TOML in `tests/data/scenarios`: an index, requirements, and the lock that
//! follows or the words of the refusal. A case that fails does not hide the others.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::support::page::File;
use crate::support::ran::Ran;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A file of cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenarios {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// `project version` → its requirements, and `extra:`, `python:`, `tag:`, `yanked:` notes.
    index: BTreeMap<String, Vec<String>>,
    requirements: Vec<String>,
    #[serde(default)]
    constraints: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    /// The lock's packages, sorted.
    locked: Option<Vec<String>>,
    /// Words of the refusal, where there is no lock.
    refused: Option<Vec<String>>,
}

fn file(release: &str, notes: &[String]) -> File {
    let (name, version) = release.split_once(' ').expect("a key is `project version`");
    let mut wheel = Wheel::new(name, version);
    let mut yanked = None;
    for note in notes {
        wheel = match note.split_once(':') {
            Some(("extra", extra)) => wheel.extra(extra),
            Some(("python", specifiers)) => wheel.requires_python(specifiers),
            Some(("tag", tag)) => wheel.tag(tag),
            Some(("yanked", reason)) => {
                yanked = Some(reason);
                wheel
            }
            _ => wheel.requires(note),
        };
    }
    let file = File::new(wheel.build());
    match yanked {
        Some(reason) => file.yanked(reason),
        None => file,
    }
}

/// Runs a case, and says what is not as written.
fn fault(case: &Case) -> Option<String> {
    let world = World::new();
    for (release, notes) in &case.index {
        world.index.publish(file(release, notes));
    }
    let mut args: Vec<&str> = case.args.iter().map(String::as_str).collect();
    if !case.constraints.is_empty() {
        world.write("constraints.txt", &(case.constraints.join("\n") + "\n"));
        args.extend(["-c", "constraints.txt"]);
    }
    world.require(&case.requirements.iter().map(String::as_str).collect::<Vec<_>>());
    let ran = world.lock(&args);
    match (&case.locked, &case.refused) {
        (Some(expected), None) => compare(&world, &ran, expected),
        (None, Some(words)) => missing(&ran, words),
        _ => Some("a case has `locked` or `refused`".to_owned()),
    }
}

fn compare(world: &World, ran: &Ran, expected: &[String]) -> Option<String> {
    if ran.code() != Some(0) || !world.project.join("pylock.toml").exists() {
        return Some(format!("there is no lock; {ran}"));
    }
    let found = world.lock_packages();
    (found != expected).then(|| format!("expected {expected:?}, found {found:?}"))
}

fn missing(ran: &Ran, words: &[String]) -> Option<String> {
    if ran.code() != Some(1) {
        return Some(format!("expected a refusal with 1; {ran}"));
    }
    let text = ran.stderr.to_lowercase();
    let missing: Vec<&String> =
        words.iter().filter(|word| !text.contains(&word.to_lowercase())).collect();
    (!missing.is_empty()).then(|| format!("not said: {missing:?}; {ran}"))
}

#[track_caller]
fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scenarios").join(name);
    let scenarios: Scenarios = toml::from_str(&fs_err::read_to_string(path).unwrap()).unwrap();
    let faults: Vec<String> = scenarios
        .case
        .iter()
        .filter_map(|case| fault(case).map(|fault| format!("- {}: {fault}\n", case.name)))
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {} cases:\n{}",
        faults.len(),
        scenarios.case.len(),
        faults.concat()
    );
}

#[test]
fn versions_are_compared_as_specified() {
    check("versions.toml");
}

#[test]
fn pre_releases_are_chosen_as_specified() {
    check("pre-releases.toml");
}

#[test]
fn extras_and_markers_select_as_specified() {
    check("extras-and-markers.toml");
}

#[test]
fn solver_finds_the_one_solution() {
    check("backtracking.toml");
}

#[test]
fn files_that_cannot_be_used_are_passed_over() {
    check("files.toml");
}
