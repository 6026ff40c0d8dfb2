//! Small worlds written as TOML in `tests/data/scenarios`: indexes, requirements, and the lock that
//! follows or the words of the refusal. A case that fails does not hide the others.
//!
//! A release is `project version`, with any further word where a version has several files; its notes
//! are requirements, or `extra:`, `python:` (Requires-Python), `hidden-python:` (in the metadata
//! only), `tag:`, `yanked:`, `uploaded:` (empty for unknown), `sdist` (stated metadata). In
//! requirements, `{project version}` stands for the file's digest.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::support::index::Index;
use crate::support::page::File;
use crate::support::ran::Ran;
use crate::support::source::Sdist;
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
    #[serde(default)]
    index: Releases,
    /// An index that is asked before the other.
    #[serde(default)]
    first_index: Releases,
    /// A directory of wheels.
    #[serde(default)]
    flat: Releases,
    requirements: Vec<String>,
    #[serde(default)]
    constraints: Vec<String>,
    #[serde(default)]
    overrides: Vec<String>,
    /// The project's `pyfast.toml`.
    config: Option<String>,
    /// Requirements that were locked before.
    #[serde(default)]
    before: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    /// The lock's packages, sorted.
    locked: Option<Vec<String>>,
    /// Words of the refusal, where there is no lock.
    refused: Option<Vec<String>>,
    /// The exit code of a refusal.
    #[serde(default = "mendable")]
    code: i32,
    /// Words of the messages, case aside, where there is a lock.
    #[serde(default)]
    told: Vec<String>,
    /// What the lock's text has.
    #[serde(default)]
    text: Vec<String>,
    /// What neither the messages nor the lock's text have.
    #[serde(default)]
    absent: Vec<String>,
}

/// Releases with their notes.
type Releases = BTreeMap<String, Vec<String>>;

fn mendable() -> i32 {
    1
}

fn name_and_version(release: &str) -> (&str, &str) {
    let mut words = release.split(' ');
    words.next().zip(words.next()).expect("a key is `project version`")
}

fn file(release: &str, notes: &[String]) -> File {
    let (name, version) = name_and_version(release);
    let mut wheel = Wheel::new(name, version);
    for note in notes {
        wheel = match note.split_once(':') {
            Some(("extra", extra)) => wheel.extra(extra),
            Some(("python" | "hidden-python", specifiers)) => wheel.requires_python(specifiers),
            Some(("tag", tag)) => wheel.tag(tag),
            Some(("yanked" | "uploaded", _)) => wheel,
            _ => wheel.requires(note),
        };
    }
    let mut file = File::new(wheel.build());
    for note in notes {
        match note.split_once(':') {
            Some(("yanked", reason)) => file.yanked = Some(reason.to_owned()),
            Some(("uploaded", time)) => {
                file.upload_time = (!time.is_empty()).then(|| time.to_owned());
            }
            Some(("hidden-python", _)) => file.wheel.requires_python = None,
            _ => {}
        }
    }
    file
}

/// Puts releases on an index, and gives their digests.
fn publish(world: &World, index: &Index, releases: &Releases) -> BTreeMap<String, String> {
    let published = releases.iter().map(|(release, notes)| {
        let digest = if notes.iter().any(|note| note == "sdist") {
            let (name, version) = name_and_version(release);
            let stated = notes.iter().filter(|note| *note != "sdist");
            let stated: String = stated.map(|note| format!("Requires-Dist: {note}\n")).collect();
            Sdist::new(name, version).stated(&stated).publish(world).sha256
        } else {
            let file = file(release, notes);
            let digest = file.wheel.sha256.clone();
            index.publish(file);
            digest
        };
        (format!("{{{release}}}"), digest)
    });
    published.collect()
}

/// Runs a case, and says what is not as written.
fn fault(case: &Case) -> Option<String> {
    let mut world = World::new();
    let mut digests = publish(&world, &world.index, &case.index);
    let first = Index::start();
    digests.extend(publish(&world, &first, &case.first_index));
    if !case.first_index.is_empty() {
        world.index_flags.extend(["--extra-index-url".to_owned(), first.url()]);
    }
    for (release, notes) in &case.flat {
        file(release, notes).wheel.write_to(&world.path("flat"));
    }
    if !case.flat.is_empty() {
        let folder = world.path("flat").display().to_string();
        world.index_flags.extend(["--find-links".to_owned(), folder]);
    }
    if let Some(config) = &case.config {
        world.write("pyfast.toml", config);
    }
    if !case.before.is_empty() {
        world.require(&case.before.iter().map(String::as_str).collect::<Vec<_>>());
        let ran = world.lock(&[]);
        if ran.code() != Some(0) {
            return Some(format!("the lock before failed; {ran}"));
        }
    }
    let mut args: Vec<&str> = case.args.iter().map(String::as_str).collect();
    for (flag, lines) in [("-c", &case.constraints), ("--override", &case.overrides)] {
        if !lines.is_empty() {
            let name = if flag == "-c" { "constraints.txt" } else { "overrides.txt" };
            world.write(name, &filled(lines, &digests));
            args.extend([flag, name]);
        }
    }
    world.write("requirements.txt", &filled(&case.requirements, &digests));
    let ran = world.lock(&args);
    match (&case.locked, &case.refused) {
        (Some(expected), None) => compare(&world, &ran, (case, expected)),
        (None, Some(words)) => missing(&ran, case, words),
        _ => Some("a case has `locked` or `refused`".to_owned()),
    }
}

/// Lines with digests in the place of releases in braces.
fn filled(lines: &[String], digests: &BTreeMap<String, String>) -> String {
    let text = lines.join("\n") + "\n";
    digests.iter().fold(text, |text, (release, digest)| text.replace(release, digest))
}

fn compare(world: &World, ran: &Ran, (case, expected): (&Case, &[String])) -> Option<String> {
    if ran.code() != Some(0) || !world.project.join("pylock.toml").exists() {
        return Some(format!("there is no lock; {ran}"));
    }
    let found = world.lock_packages();
    if found != expected {
        return Some(format!("expected {expected:?}, found {found:?}"));
    }
    let (lock, messages) = (world.read("pylock.toml"), ran.stderr.to_lowercase());
    let unsaid = case.told.iter().find(|words| !messages.contains(&words.to_lowercase()));
    let missing = case.text.iter().find(|text| !lock.contains(*text));
    let present =
        case.absent.iter().find(|text| lock.contains(*text) || ran.stderr.contains(*text));
    unsaid
        .map(|words| format!("not told: {words}; {ran}"))
        .or_else(|| missing.map(|text| format!("no `{text}` in {lock}")))
        .or_else(|| present.map(|text| format!("there is `{text}`; {ran}\n{lock}")))
}

fn missing(ran: &Ran, case: &Case, words: &[String]) -> Option<String> {
    if ran.code() != Some(case.code) {
        return Some(format!("expected a refusal with {}; {ran}", case.code));
    }
    if let Some(text) = case.absent.iter().find(|text| ran.stderr.contains(*text)) {
        return Some(format!("there is `{text}`; {ran}"));
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

#[test]
fn constraints_overrides_and_excludes_act_as_specified() {
    check("policies.toml");
}

#[test]
fn hashes_are_checked_as_specified() {
    check("hashes.toml");
}

#[test]
fn indexes_and_directories_are_searched_as_specified() {
    check("indexes.toml");
}

#[test]
fn preferences_decide_among_what_fits() {
    check("preferences.toml");
}

#[test]
fn refusals_say_what_is_in_the_way() {
    check("no-solution.toml");
}

#[test]
fn flawed_metadata_is_mended_or_passed_over() {
    check("metadata.toml");
}
