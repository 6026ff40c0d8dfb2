//! `pyfast tree`: the packages of a lock, and what stands below each.

use crate::support::ran::MENDABLE;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// `app` needs `b` and `c`, both need `d`; `d` and `e` need each other.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("app", "1.0").requires("b").requires("c"));
    world.index.add(&Wheel::new("b", "1.5").requires("d"));
    world.index.add(&Wheel::new("c", "2.0").requires("d"));
    world
        .index
        .add(&Wheel::new("d", "3.0").requires("e"))
        .add(&Wheel::new("e", "4.0").requires("d"));
    world.require(&["app", "c"]).lock(&[]).ok();
    world
}

#[track_caller]
fn check(args: &[&str], expected: &str) {
    let ran = world().pyfast(&[&["tree"], args].concat()).ok();
    assert_eq!(ran.stdout, expected.trim_start_matches('\n'), "{ran}");
}

#[test]
fn what_was_shown_is_not_shown_again() {
    check(
        &[],
        "
app==1.0
├── b==1.5
│   └── d==3.0
│       └── e==4.0
│           └── d==3.0 (*)
└── c==2.0
    └── d==3.0 (*)
c==2.0 (*)
",
    );
}

#[test]
fn the_lock_of_the_last_sync_stands_in_for_one_beside_the_requirements() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b")).add(&Wheel::new("b", "1.0"));
    world.require(&["a"]);
    world.pyfast(&["tree"]).refused(MENDABLE, &["pylock.toml", "pyfast sync"]);
    world.sync(&[]);
    assert!(!world.project.join("pylock.toml").exists());
    assert_eq!(world.pyfast(&["tree"]).ok().stdout, "a==1.0\n└── b==1.0\n");
    assert!(world.pyfast(&["why", "b"]).ok().stdout.contains('a'));
    assert_eq!(world.pyfast(&["export"]).ok().stdout, "a==1.0\nb==1.0\n");
    world.index.add(&Wheel::new("b", "2.0"));
    let outdated = world.pyfast(&["outdated"]).ok().stdout;
    assert!(outdated.contains('b') && outdated.contains("2.0"), "{outdated}");
    world
        .pyfast(&["why", "c"])
        .refused(MENDABLE, &["not in the lock of the environment `default`"]);
}

#[test]
fn depth_ends_the_tree() {
    check(&["--depth", "1"], "\napp==1.0\n├── b==1.5\n└── c==2.0\nc==2.0\n└── d==3.0\n");
    check(&["--depth", "0"], "\napp==1.0\nc==2.0\n");
}

#[test]
fn a_tree_begins_where_it_is_told() {
    check(&["E"], "\ne==4.0\n└── d==3.0\n    └── e==4.0 (*)\n");
}

#[test]
fn inverted_it_shows_who_needs_a_package() {
    check(
        &["--invert", "d"],
        "
d==3.0
├── b==1.5
│   └── app==1.0
├── c==2.0
│   └── app==1.0
└── e==4.0
    └── d==3.0 (*)
",
    );
}

#[test]
fn inverted_it_begins_at_what_needs_nothing_or_at_a_circle() {
    let ran = world().pyfast(&["tree", "--invert", "--depth", "0"]).ok();
    assert_eq!(ran.stdout, "d==3.0\n", "{ran}");
}

#[test]
fn json_gives_the_edges() {
    let json = world().pyfast(&["tree", "--json"]).ok().json();
    assert_eq!(json["roots"], serde_json::json!(["app", "c"]));
    let app = serde_json::json!(
        {"name": "app", "version": "1.0", "requested": true, "dependencies": ["b", "c"]}
    );
    assert_eq!(json["packages"][0], app);
}

#[test]
fn a_package_that_is_not_locked_is_named() {
    world().pyfast(&["tree", "ghost"]).refused(MENDABLE, &["`ghost` is not in the lock"]);
}

#[test]
fn without_a_lock_it_is_said_how_to_make_one() {
    World::new().require(&["a"]).pyfast(&["tree"]).refused(MENDABLE, &["pyfast lock"]);
}
