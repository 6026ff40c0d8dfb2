//! `pyfast export`: the lock in another form, without a word to any index.

use crate::support::ran::MENDABLE;
use crate::support::wheel::{Built, Wheel};
use crate::support::world::World;

/// `a` 1.0 that needs `b` 1.0 in a lock, while a newer `a` is there.
fn world() -> (World, Built) {
    let world = World::new();
    let wheel = Wheel::new("a", "1.0").requires("b");
    world.index.add(&wheel).add(&Wheel::new("b", "1.0"));
    world.require(&["a"]).lock(&[]).ok();
    world.index.add(&Wheel::new("a", "2.0"));
    (world, wheel.build())
}

#[test]
fn pins_go_to_standard_output_and_nothing_is_asked() {
    let (world, _) = world();
    world.index.stop();
    assert_eq!(world.pyfast(&["export"]).ok().stdout, "a==1.0\nb==1.0\n");
    let annotated = world.pyfast(&["export", "--annotate", "-o", "-"]).ok().stdout;
    assert_eq!(annotated, "a==1.0\n    # via your requirements\nb==1.0\n    # via a\n");
}

#[test]
fn hashes_make_requirements_that_lock_to_the_same() {
    let (world, a) = world();
    world.pyfast(&["export", "--hashes", "-o", "pinned.txt"]).ok();
    assert!(world.read("pinned.txt").contains(&a.sha256));
    let before = world.read("pylock.toml");
    world.pyfast(&["lock", "-r", "pinned.txt", "-o", "pylock.again.toml"]).ok();
    let wheels = |text: &str| {
        text.lines().filter(|l| l.starts_with("wheels")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(wheels(&world.read("pylock.again.toml")), wheels(&before));
}

#[test]
fn a_lock_is_exported_as_a_lock() {
    let (world, _) = world();
    let ran =
        world.pyfast(&["export", "--format", "pylock", "-o", "pylock.copy.toml", "--json"]).ok();
    assert_eq!(world.read("pylock.copy.toml"), world.read("pylock.toml"));
    assert_eq!(ran.json()["packages"][0]["name"], "a");
}

#[test]
fn without_a_lock_it_is_said_how_to_make_one() {
    World::new().require(&["a"]).pyfast(&["export"]).refused(MENDABLE, &["pyfast lock"]);
}
