//! Locks with source distributions: what they state is believed, and nothing of them runs then.

use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

#[test]
fn stated_metadata_is_enough_and_no_code_runs() {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0"));
    let stated = Sdist::new("a", "1.0").doing("raise SystemExit('it ran')");
    let built = stated.stated("Requires-Dist: b\n").publish(&world);
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"]);
    let text = world.read("pylock.toml");
    assert!(text.contains("sdist = {") && text.contains(&built.sha256), "{text}");
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"], "the lock is read again");
}

#[test]
fn a_source_that_states_nothing_is_asked() {
    let world = World::new();
    world.index.add(&Wheel::new("b", "1.0"));
    Sdist::new("a", "1.0").requires("b").publish(&world);
    world.require(&["a"]);
    assert_eq!(world.locked(&[]), ["a==1.0", "b==1.0"]);
}

#[test]
fn a_build_that_needs_itself_is_refused() {
    let world = World::new();
    Sdist::new("a", "1.0").build_requires("a").publish(&world);
    world.require(&["a"]).lock(&[]).refused(&[1], &["a==1.0", "needed to build itself"]);
}

#[test]
fn no_build_refuses_what_is_only_source() {
    let world = World::new();
    Sdist::new("a", "1.0").publish(&world);
    world.require(&["a"]).lock(&["--no-build"]).refused(&[1], &["a", "source"]);
}
