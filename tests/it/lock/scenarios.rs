//! Small worlds written as TOML in `tests/data/scenarios`: indexes, requirements, and the lock that
//! follows or the words of the refusal. A case that fails does not hide the others.
//!
//! A release is `project version`, with any further word where a version has several files; its notes
//! are requirements, or `extra:`, `python:` (Requires-Python), `hidden-python:` (in the metadata
//! only), `tag:`, `yanked:`, `uploaded:` (empty for unknown), `sdist` (stated metadata). In
//! requirements, `{project version}` stands for the file's digest.
//!
//! What a lock of several targets means for one of them is `on."windows 3.12"`. Such a lock is made three
//! times: the same again from nothing, the same when it is kept; and where it is for chosen targets, each
//! has what a lock for it alone has.

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
    /// For all platforms.
    #[serde(default)]
    universal: bool,
    /// The oldest Python of a universal lock.
    python: Option<String>,
    /// `PLATFORM X.Y`, for each target that the lock is for.
    #[serde(default)]
    targets: Vec<String>,
    /// Of a lock of several targets, what it means for one: `name==version`, sorted.
    #[serde(default)]
    on: BTreeMap<String, Vec<String>>,
    /// Wheels in the project's directory `files`.
    #[serde(default)]
    files: Releases,
    /// Requirements that were locked before.
    #[serde(default)]
    before: Vec<String>,
    /// Whether the lock before was for one target.
    #[serde(default)]
    before_single: bool,
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
    for (release, notes) in &case.files {
        file(release, notes).wheel.write_to(&world.project.join("files"));
    }
    if let Some(config) = &case.config {
        world.write("pyfast.toml", config);
    }
    let span = span(&world, case);
    if !case.before.is_empty() {
        world.require(&case.before.iter().map(String::as_str).collect::<Vec<_>>());
        let ran = world.lock(if case.before_single { &[] } else { &span });
        if ran.code() != Some(0) {
            return Some(format!("the lock before failed; {ran}"));
        }
    }
    let mut args: Vec<&str> = case.args.iter().map(String::as_str).chain(span).collect();
    for (flag, lines) in [("-c", &case.constraints), ("--override", &case.overrides)] {
        if !lines.is_empty() {
            let name = if flag == "-c" { "constraints.txt" } else { "overrides.txt" };
            world.write(name, &filled(lines, &digests));
            args.extend([flag, name]);
        }
    }
    world.write("requirements.txt", &filled(&case.requirements, &digests));
    let ran = world.lock(&args);
    if let Some(words) = &case.refused {
        return missing(&ran, case, words);
    }
    compare(&world, &ran, (case, &digests)).or_else(|| {
        let several = case.universal || !case.targets.is_empty();
        several.then(|| spanning_fault(&world, case, &args)).flatten()
    })
}

/// The arguments that say what the lock is for, and `pyfast.toml` with the targets.
fn span<'a>(world: &World, case: &'a Case) -> Vec<&'a str> {
    if !case.targets.is_empty() {
        let targets = &case.targets;
        let config = format!(
            "[env.default]\nrequirements = [\"requirements.txt\"]\ntargets = {targets:?}\n"
        );
        world.write("pyfast.toml", &config);
    }
    let universal = case.universal.then_some("--universal").into_iter();
    let python = case.python.iter().flat_map(|python| ["--python-version", python]);
    universal.chain(python).collect()
}

/// What is wrong with a lock of several targets.
fn spanning_fault(world: &World, case: &Case, args: &[&str]) -> Option<String> {
    for (place, expected) in &case.on {
        match read_for(world, place, &[]) {
            Ok(found) if found == *expected => {}
            Ok(found) => return Some(format!("{place}: expected {expected:?}, found {found:?}")),
            Err(ran) => return Some(format!("{place}: {ran}\n{}", world.read("pylock.toml"))),
        }
    }
    let first = world.read("pylock.toml");
    world.lock(args).ok();
    if world.read("pylock.toml") != first {
        return Some(format!("kept, it is another:\n{first}\n{}", world.read("pylock.toml")));
    }
    if case.before.is_empty() {
        fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
        world.lock(args).ok();
        if world.read("pylock.toml") != first {
            return Some(format!("again, it is another:\n{first}\n{}", world.read("pylock.toml")));
        }
    }
    let differs = |place: &String| {
        let whole = read_for(world, place, &[]);
        let alone = read_for(world, place, args);
        match (whole, alone) {
            (Ok(whole), Ok(alone)) if whole == alone => None,
            (Ok(whole), Ok(alone)) => Some(format!("{place}: {whole:?}, alone {alone:?}")),
            (Err(ran), _) | (_, Err(ran)) => Some(format!("{place}: {ran}")),
        }
    };
    // A version of an earlier lock may be another for each target.
    let targets = case.before.is_empty().then_some(&case.targets);
    targets.into_iter().flatten().find_map(differs)
}

/// What the lock means for `PLATFORM X.Y`; with arguments for `pyfast lock`, what a lock for it alone has.
fn read_for(world: &World, place: &str, alone: &[&str]) -> Result<Vec<String>, Ran> {
    let (platform, python) = place.split_once(' ').expect("a place is `PLATFORM X.Y`");
    let place = ["--python-platform", platform, "--python-version", python];
    let out = ["-o", "pylock.alone.toml", "--quiet"];
    let ran = if alone.is_empty() {
        let export =
            ["export", "--lock", "pylock.toml", "--format", "pylock", "-o", "pylock.alone.toml"];
        world.pyfast(&[&export[..], &place].concat())
    } else {
        world.lock(&[alone, &place, &out].concat())
    };
    if ran.code() != Some(0) {
        return Err(ran);
    }
    let found = packages_of(&world.read("pylock.alone.toml"));
    fs_err::remove_file(world.project.join("pylock.alone.toml")).unwrap();
    Ok(found)
}

/// `name==version` of a lock's packages, sorted.
fn packages_of(lock: &str) -> Vec<String> {
    let lock: toml::Table = lock.parse().expect("the lock is TOML");
    let packages = lock["packages"].as_array().expect("the lock has packages");
    let text = |package: &toml::Value, key| package[key].as_str().unwrap_or_default().to_owned();
    let mut found: Vec<String> = packages
        .iter()
        .map(|package| format!("{}=={}", text(package, "name"), text(package, "version")))
        .collect();
    found.sort();
    found
}

/// Lines with digests in the place of releases in braces.
fn filled(lines: &[String], digests: &BTreeMap<String, String>) -> String {
    let text = lines.join("\n") + "\n";
    digests.iter().fold(text, |text, (release, digest)| text.replace(release, digest))
}

fn compare(
    world: &World,
    ran: &Ran,
    (case, digests): (&Case, &BTreeMap<String, String>),
) -> Option<String> {
    if ran.code() != Some(0) || !world.project.join("pylock.toml").exists() {
        return Some(format!("there is no lock; {ran}"));
    }
    let (found, expected) = (world.lock_packages(), case.locked.as_ref());
    if expected.map_or(case.on.is_empty(), |expected| found != *expected) {
        return Some(format!("expected {expected:?}, found {found:?}"));
    }
    let (lock, messages) = (world.read("pylock.toml"), ran.stderr.to_lowercase());
    let unsaid = case.told.iter().find(|words| !messages.contains(&words.to_lowercase()));
    let texts = case.text.iter().map(|text| filled(std::slice::from_ref(text), digests));
    let missing = texts.into_iter().find(|text| !lock.contains(text.trim_end()));
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

#[test]
fn locks_for_all_platforms_have_for_each_what_it_can_use() {
    check("universal.toml");
}

#[test]
fn locks_for_all_platforms_part_where_one_answer_cannot_hold() {
    check("universal-parts.toml");
}

#[test]
fn locks_for_all_platforms_keep_to_what_the_user_says() {
    check("universal-policies.toml");
}

#[test]
fn locks_of_chosen_targets_have_for_each_what_it_would_have_alone() {
    check("targets.toml");
}
