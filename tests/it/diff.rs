//! `pyfast diff`.

use crate::support::ran::MENDABLE;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// `a` 1.0 and `b`, then `a` 2.0 and `c`.
fn world() -> (World, Synced, Synced) {
    let world = World::new();
    for (name, version) in [("a", "1.0"), ("a", "2.0"), ("b", "1.0"), ("c", "3.0")] {
        world.index.add(&Wheel::new(name, version));
    }
    let first = world.require(&["a==1.0", "b"]).sync(&[]);
    let second = world.require(&["a==2.0", "c"]).sync(&[]);
    (world, first, second)
}

const FORWARD: &str = "~ a 1.0 → 2.0\n- b==1.0\n+ c==3.0\n";

#[test]
fn generations_are_named_as_for_a_rollback() {
    let (world, first, second) = world();
    let (old, new) = (&first.id()[..8], &second.id()[..8]);
    for args in [&["diff", "-1"][..], &["diff", old], &["diff", old, new], &["diff", "-1", "-0"]] {
        assert_eq!(world.pyfast(args).ok().stdout, FORWARD, "{args:?}");
    }
    let back = world.pyfast(&["diff", new, old]).ok().stdout;
    assert_eq!(back, "~ a 2.0 → 1.0\n+ b==1.0\n- c==3.0\n");
    assert_eq!(world.pyfast(&["diff", new]).ok().stdout, "");
}

#[test]
fn lock_files_are_compared_with_each_other_and_with_environments() {
    let (world, first, _) = world();
    let lock = first.environment().join("pylock.toml");
    let lock = lock.to_str().unwrap();
    assert_eq!(world.pyfast(&["diff", lock]).ok().stdout, FORWARD);
    assert_eq!(world.pyfast(&["diff", lock, lock]).ok().stdout, "");
}

#[test]
fn the_difference_is_available_as_json() {
    let (world, ..) = world();
    let json = world.pyfast(&["diff", "-1", "--json"]).ok().json();
    assert_eq!(json["updated"][0]["to"], "2.0");
    assert_eq!(
        (&json["added"][0]["name"], &json["removed"][0]["name"]),
        (&"c".into(), &"b".into())
    );
}

#[test]
fn what_is_not_there_is_named() {
    let (world, ..) = world();
    world.pyfast(&["diff", "ffff"]).refused(MENDABLE, &["ffff", "history"]);
    world.pyfast(&["diff", "no/such.toml"]).refused(MENDABLE, &["no/such.toml"]);
}
