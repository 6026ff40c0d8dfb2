//! Looking at environments and the store, going back, and cleaning up.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::support::python::evaluate;
use crate::support::ran::{EITHER, MENDABLE};
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with `a` synced in 1.0 and then in 2.0, both needing `b`.
fn world() -> (World, Synced, Synced) {
    let world = World::new();
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("a", version).requires("b"));
    }
    world.index.add(&Wheel::new("b", "1.5"));
    let first = world.require(&["a==1.0"]).sync(&[]);
    let second = world.require(&["a==2.0"]).sync(&[]);
    (world, first, second)
}

/// The version of `a` that the current environment has.
fn current(synced: &Synced) -> String {
    evaluate(&synced.bin("python"), "import a; print(a.__version__)").trim().to_owned()
}

/// Where the module of `b` lies in the store.
fn stored_module(world: &World) -> PathBuf {
    world.stored_file(&Wheel::new("b", "1.5").build(), "b/__init__.py")
}

/// Replaces a stored file by another text of the same length.
fn damage(file: &PathBuf) {
    fs_err::remove_file(file).unwrap();
    fs_err::write(file, "__version__ = \"6.6\"\n").unwrap();
}

#[test]
fn list_names_the_packages_of_the_environment() {
    let (world, ..) = world();
    let ran = world.pyfast(&["list"]).ok();
    for (name, version) in [("a", "2.0"), ("b", "1.5")] {
        let named = |line: &str| line.contains(name) && line.contains(version);
        assert!(ran.stdout.lines().any(named), "no {name} {version}; {ran}");
    }
}

#[test]
fn list_is_available_as_json() {
    let (world, ..) = world();
    let text = world.pyfast(&["list", "--json"]).ok().json().to_string();
    assert!(text.contains("\"a\"") && text.contains("\"2.0\""), "{text}");
}

#[test]
fn list_without_an_environment_says_so() {
    let world = World::new();
    world.require(&["a"]).pyfast(&["list"]).refused(EITHER, &["sync"]);
}

#[test]
fn history_names_the_generations() {
    let (world, first, second) = world();
    let ran = world.pyfast(&["history"]).ok();
    for id in [first.id(), second.id()] {
        assert!(ran.stdout.contains(&id[..8]), "no {id}; {ran}");
    }
}

#[test]
fn rollback_goes_to_the_generation_before() {
    let (world, _, second) = world();
    assert_eq!(current(&second), "2.0");
    world.index.stop();
    world.pyfast(&["rollback"]).ok();
    assert_eq!(current(&second), "1.0");
}

#[test]
fn rollback_goes_to_a_named_generation() {
    let (world, first, second) = world();
    world.pyfast(&["rollback", &first.id()]).ok();
    assert_eq!(current(&second), "1.0");
    world.pyfast(&["rollback", &second.id()]).ok();
    assert_eq!(current(&second), "2.0");
}

#[test]
fn rollback_to_an_unknown_generation_changes_nothing() {
    let (world, _, second) = world();
    world.pyfast(&["rollback", "0123456789abcdef0123"]).refused(EITHER, &["0123456789"]);
    assert_eq!(current(&second), "2.0");
}

#[test]
fn sync_after_a_rollback_follows_the_requirements_again() {
    let (world, _, second) = world();
    world.pyfast(&["rollback"]).ok();
    let third = world.sync(&[]);
    assert!(third.changed());
    assert_eq!(third.id(), second.id());
    assert_eq!(current(&second), "2.0");
}

#[test]
fn verify_finds_nothing_in_a_sound_store() {
    let (world, ..) = world();
    world.pyfast(&["verify"]).ok();
}

/// `verify` fails, and its result names the package and the file.
#[track_caller]
fn check_found(world: &World, file: &str) {
    let ran = world.pyfast(&["verify"]).refused(MENDABLE, &[]);
    let named = |line: &str| line.contains("b 1.5") && line.contains(file);
    assert!(ran.stdout.lines().any(named), "no {file} of b; {ran}");
}

#[test]
fn verify_names_an_altered_file() {
    let (world, ..) = world();
    damage(&stored_module(&world));
    check_found(&world, "__init__.py");
}

#[test]
fn verify_names_a_missing_file() {
    let (world, ..) = world();
    fs_err::remove_file(stored_module(&world)).unwrap();
    check_found(&world, "__init__.py");
}

#[test]
fn verify_names_a_file_that_does_not_belong() {
    let (world, ..) = world();
    fs_err::write(stored_module(&world).with_file_name("extra.py"), "").unwrap();
    check_found(&world, "extra.py");
}

#[test]
fn repair_and_sync_heal_an_altered_file() {
    let (world, _, second) = world();
    damage(&stored_module(&world));
    world.pyfast(&["verify", "--repair"]);
    world.sync(&[]);
    let script = "import b; print(b.__version__)";
    assert_eq!(evaluate(&second.bin("python"), script), "1.5\n");
    world.pyfast(&["verify"]).ok();
}

#[test]
fn cache_directory_is_printed() {
    let (world, ..) = world();
    let dir = |args: &[&str]| PathBuf::from(world.pyfast(args).ok().stdout.trim());
    let usual = dir(&["cache", "dir"]);
    assert_eq!(usual, world.path("home/.cache/pyfast"));
    let mode = fs_err::metadata(&usual).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "it is nobody else's business");
    let elsewhere = world.path("elsewhere");
    assert_eq!(dir(&["cache", "dir", "--cache-dir", elsewhere.to_str().unwrap()]), elsewhere);
    assert!(!world.root.join("cache").exists(), "nothing is remembered in the root");
}

#[test]
fn cleaned_cache_leaves_environments_alone() {
    let (world, _, second) = world();
    world.pyfast(&["cache", "clean"]).ok();
    assert_eq!(current(&second), "2.0");
    assert!(!world.sync(&[]).changed());
}
