//! Whether a lock is current, and what would change in it.

use crate::support::ran::{MENDABLE, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0")).add(&Wheel::new("b", "1.0"));
    world.require(&["a"]);
    world
}

#[test]
fn a_lock_is_checked_without_being_written() {
    let world = world();
    world.lock(&["--check"]).refused(MENDABLE, &["pylock.toml", "is missing"]);
    world.lock(&[]).ok();
    let before = world.read("pylock.toml");
    world.index.forget();
    let ran = world.lock(&["--check"]).ok();
    assert!(ran.stderr.contains("answers the requirements"), "{ran}");
    assert!(world.index.seen().is_empty(), "nothing has to be asked for that");
    world.require(&["a", "b"]);
    let ran = world.lock(&["--check"]).refused(MENDABLE, &["does not answer the requirements"]);
    assert!(ran.stderr.contains("+ b==1.0"), "{ran}");
    assert_eq!(world.read("pylock.toml"), before);
}

#[test]
fn what_changes_is_said() {
    let world = world();
    world.lock(&[]).ok();
    world.index.add(&Wheel::new("a", "2.0"));
    let before = world.read("pylock.toml");
    let ran = world.lock(&["-U", "--dry-run"]).ok();
    assert!(ran.stderr.contains("stays as it is") && ran.stderr.contains("~ a 1.0"), "{ran}");
    assert_eq!(world.read("pylock.toml"), before);
    let ran = world.lock(&["-P", "a"]).ok();
    assert!(ran.stderr.contains("~ a 1.0 → 2.0"), "{ran}");
    let ran = world.lock(&["-U", "--json"]).ok();
    assert!(ran.stderr.contains("No version changed"), "{ran}");
    assert_eq!(ran.json()["updated"].as_array().unwrap().len(), 0);
}

#[test]
fn what_is_not_in_the_lock_is_not_upgraded() {
    let world = world();
    world.lock(&[]).ok();
    world.lock(&["-P", "c"]).refused(MENDABLE, &["`c` is not in the lock", "was `a` meant?"]);
    world.lock(&["-P", "a"]).ok();
}

#[test]
fn a_name_that_no_reader_takes_for_a_lock_is_refused() {
    let world = world();
    world.lock(&["-o", "o.toml"]).refused(USAGE, &["o.toml", "pylock.NAME.toml"]);
    world.lock(&["-o", "pylock.o.toml"]).ok();
    world.lock(&["-o", "o.txt", "--format", "requirements"]).ok();
    let export = ["export", "--lock", "pylock.o.toml", "--format", "pylock", "-o", "x.toml"];
    world.pyfast(&export).refused(USAGE, &["x.toml", "pylock.NAME.toml"]);
}

#[test]
fn results_on_standard_output_are_json_where_that_is_asked_for() {
    let world = world();
    let lock = world.lock(&["-o", "-", "--json"]).ok().json();
    assert_eq!(lock["packages"][0]["name"], "a");
    world.lock(&[]).ok();
    let export = world.pyfast(&["export", "--json"]).ok().json();
    assert_eq!(export["packages"][0]["version"], "1.0");
}
