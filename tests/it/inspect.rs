//! Looking at environments and the store, and going back.

use std::path::PathBuf;

use crate::place;
use crate::support::ran::{EITHER, MENDABLE};
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with `a` synced in 1.0 and then in 2.0, both needing `b`.
fn world() -> Option<(World, Synced, Synced)> {
    let world = place::world()?;
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("a", version).requires("b"));
    }
    world.index.add(&Wheel::new("b", "1.5"));
    let first = world.require(&["a==1.0"]).sync(&[]);
    let second = world.require(&["a==2.0"]).sync(&[]);
    Some((world, first, second))
}

/// The version of `a` that the current environment has.
fn current(synced: &Synced) -> String {
    synced.evaluate("import a; print(a.__version__)").trim().to_owned()
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
    let Some((world, ..)) = world() else { return };
    let ran = world.pyfast(&["list"]).ok();
    for (name, version) in [("a", "2.0"), ("b", "1.5")] {
        let named = |line: &str| line.contains(name) && line.contains(version);
        assert!(ran.stdout.lines().any(named), "no {name} {version}; {ran}");
    }
}

#[test]
fn list_is_available_as_json() {
    let Some((world, ..)) = world() else { return };
    let text = world.pyfast(&["list", "--json"]).ok().json().to_string();
    assert!(text.contains("\"a\"") && text.contains("\"2.0\""), "{text}");
}

#[test]
fn list_without_an_environment_says_so() {
    let Some(world) = place::world() else { return };
    world.require(&["a"]).pyfast(&["list"]).refused(EITHER, &["sync"]);
}

#[test]
fn history_names_the_generations() {
    let Some((world, first, second)) = world() else { return };
    let ran = world.pyfast(&["history"]).ok();
    for id in [first.id(), second.id()] {
        assert!(ran.stdout.contains(&id[..8]), "no {id}; {ran}");
    }
}

#[test]
fn history_says_which_command_made_an_environment_current_and_when() {
    let world = World::new();
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("a", version));
    }
    world.index.add(&Wheel::new("b", "1.0"));
    world.require(&["a==1.0"]);
    for args in [&["sync"][..], &["add", "b"], &["remove", "b"]] {
        world.pyfast(args).ok();
    }
    world.require(&["a==2.0"]);
    for args in [&["run", "true"][..], &["rollback"]] {
        world.pyfast(args).ok();
    }
    let told = world.pyfast(&["history", "--json"]).ok().json();
    let causes: Vec<_> = told.as_array().unwrap().iter().map(|one| one["cause"].clone()).collect();
    assert_eq!(causes, ["sync", "add", "remove", "run", "rollback"], "{told}");
    let shown = world.pyfast(&["history"]).ok();
    let last = shown.stdout.lines().last().expect("it has lines");
    let words: Vec<&str> = last.split_whitespace().collect();
    assert_eq!((words[0], words[5]), ("*", "rollback"), "{last}");
    let is_date = words[3].len() == 10 && words[4].len() == 5;
    assert!(is_date && words[3].starts_with("20"), "{last}");
    // What an earlier version noted has no cause, and is read all the same.
    let project = fs_err::read_dir(world.root.join("projects")).unwrap().next().unwrap().unwrap();
    let file = project.path().join("default/history.jsonl");
    let text = fs_err::read_to_string(&file).unwrap();
    fs_err::write(&file, text.replace(",\"cause\":\"sync\"", "")).unwrap();
    let told = world.pyfast(&["history", "--json"]).ok().json();
    assert_eq!((told[0].get("cause"), &told[1]["cause"]), (None, &"add".into()), "{told}");
    world.pyfast(&["history"]).ok();
    world.pyfast(&["rollback", "-1"]).ok();
}

#[test]
fn rollback_goes_to_the_generation_before() {
    let Some((world, _, second)) = world() else { return };
    assert_eq!(current(&second), "2.0");
    world.index.stop();
    world.pyfast(&["rollback"]).ok();
    assert_eq!(current(&second), "1.0");
}

#[test]
fn rollback_says_what_changes_and_what_comes_next() {
    let Some((world, ..)) = world() else { return };
    let services = "[env.default]\nservices = ['web', 'beat']\nsupervised = ['web']\n";
    world.write("pyfast.toml", services);
    let ran = world.pyfast(&["rollback"]).ok();
    assert!(ran.stderr.contains("keep theirs until `pyfast restart beat`"), "{ran}");
    assert!(ran.stderr.contains(" ~ a 2.0 → 1.0"), "{ran}");
    assert!(ran.stderr.contains("goes forward again"), "{ran}");
    world.pyfast(&["rollback", "-9"]).refused(MENDABLE, &["only 2 came before the current one"]);
}

#[test]
fn rollback_goes_to_a_named_generation() {
    let Some((world, first, second)) = world() else { return };
    world.pyfast(&["rollback", &first.id()]).ok();
    assert_eq!(current(&second), "1.0");
    world.pyfast(&["rollback", &second.id()]).ok();
    assert_eq!(current(&second), "2.0");
}

#[test]
fn rollback_to_an_unknown_generation_changes_nothing() {
    let Some((world, _, second)) = world() else { return };
    world.pyfast(&["rollback", "0123456789abcdef0123"]).refused(EITHER, &["0123456789"]);
    assert_eq!(current(&second), "2.0");
}

#[test]
fn sync_after_a_rollback_follows_the_requirements_again() {
    let Some((world, _, second)) = world() else { return };
    world.pyfast(&["rollback"]).ok();
    let third = world.sync(&[]);
    assert!(third.changed());
    assert_eq!(third.id(), second.id());
    assert_eq!(current(&second), "2.0");
}

#[test]
fn verify_finds_nothing_in_a_sound_store() {
    let Some((world, ..)) = world() else { return };
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
    let Some((world, ..)) = world() else { return };
    damage(&stored_module(&world));
    check_found(&world, "__init__.py");
}

#[test]
fn verify_names_a_missing_file() {
    let Some((world, ..)) = world() else { return };
    fs_err::remove_file(stored_module(&world)).unwrap();
    check_found(&world, "__init__.py");
}

#[test]
fn verify_names_a_file_that_does_not_belong() {
    let Some((world, ..)) = world() else { return };
    fs_err::write(stored_module(&world).with_file_name("extra.py"), "").unwrap();
    check_found(&world, "extra.py");
}

#[test]
fn repair_and_sync_heal_an_altered_file() {
    let Some((world, _, second)) = world() else { return };
    damage(&stored_module(&world));
    world.pyfast(&["verify", "--repair"]);
    let ran = world.pyfast(&["sync", "-r", "requirements.txt"]).ok();
    assert!(
        ran.stderr.contains("Restored 1 wheel") && !ran.stderr.contains("nothing to do"),
        "{ran}"
    );
    let script = "import b; print(b.__version__)";
    assert_eq!(second.evaluate(script), "1.5\n");
    world.pyfast(&["verify"]).ok();
}
