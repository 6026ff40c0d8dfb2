//! `pyfast outdated`: what has a newer version than the lock.

use crate::support::index::Freshness;
use crate::support::page::File;
use crate::support::ran::{EITHER, MENDABLE};
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A lock of `a` 1.0, which needs `long-name` 1.0, and of `c` 1.0; `a` 2.0, a pre-release of `c` and
/// `long-name` 1.10 come later.
fn world() -> World {
    let world = World::new();
    world.index.set(|options| options.freshness = Freshness::Etag);
    world.index.add(&Wheel::new("a", "1.0").requires("long-name"));
    world.index.add(&Wheel::new("long-name", "1.0")).add(&Wheel::new("c", "1.0"));
    world.require(&["a<2", "c"]).lock(&[]).ok();
    world.index.publish(File::new(Wheel::new("a", "2.0").build()).uploaded("2025-06-01T00:00:00Z"));
    world.index.add(&Wheel::new("c", "2.0rc1")).add(&Wheel::new("long-name", "1.10"));
    world
}

/// What `outdated` shows: below the titles a line a package, with one blank between the columns.
#[track_caller]
fn shown(world: &World, args: &[&str]) -> Vec<String> {
    let ran = world.pyfast(&[&["outdated"], args].concat()).ok();
    let lines = ran.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut lines = lines.map(|words| words.join(" "));
    if let Some(titles) = lines.next() {
        assert_eq!(titles, "Package Locked Wanted Newest", "{ran}");
    }
    lines.skip(1).collect()
}

#[track_caller]
fn check(args: &[&str], expected: &[&str]) {
    assert_eq!(shown(&world(), args), expected);
}

#[test]
fn newer_versions_stand_beside_the_locked_ones() {
    check(&[], &["a 1.0 1.0 2.0", "long-name 1.0 1.10 1.10"]);
    let table = world().pyfast(&["outdated"]).ok().stdout;
    let expected = "Package    Locked  Wanted  Newest\n---------  ------  ------  ------\n";
    assert!(table.starts_with(expected), "{table}");
}

#[test]
fn a_file_that_the_configuration_names_and_is_not_there_is_told() {
    let world = world();
    world.write("pyfast.toml", "[env.default]\nrequirements = [\"gone.txt\"]\n");
    let ran = world.pyfast(&["outdated", "--lock", "pylock.toml"]);
    ran.refused(EITHER, &["gone.txt", "default"]);
    // Without any a lock can be looked at all the same.
    for file in ["pyfast.toml", "requirements.txt"] {
        fs_err::remove_file(world.project.join(file)).unwrap();
    }
    let shown = shown(&world, &["--lock", "pylock.toml"]);
    assert!(shown.contains(&"a 1.0 - 2.0".to_owned()), "{shown:?}");
}

#[test]
fn wanted_is_what_all_requirements_together_allow() {
    let world = World::new();
    world.index.set(|options| options.freshness = Freshness::Etag);
    world.index.add(&Wheel::new("a", "1.0").requires("b<3"));
    for package in [("b", "1.0"), ("c", "1.0"), ("d", "1.0")] {
        world.index.add(&Wheel::new(package.0, package.1));
    }
    world.require(&["a", "b", "c", "d"]).lock(&[]).ok();
    for (name, version) in [("b", "2.0"), ("b", "3.0"), ("c", "2.0"), ("c", "3.0"), ("d", "2.0")] {
        world.index.add(&Wheel::new(name, version));
    }
    world.write("limits.txt", "c<3\n");
    world.require(&["-c limits.txt", "a", "b", "c"]);
    assert_eq!(shown(&world, &[]), ["b 1.0 2.0 3.0", "c 1.0 2.0 3.0", "d 1.0 - 2.0"]);
    world.require(&["a", "b>=9"]);
    let ran = world.pyfast(&["outdated"]).ok();
    assert!(ran.stderr.contains("not known") && ran.stderr.contains("b>=9"), "{ran}");
    assert!(ran.stdout.contains("3.0"), "{ran}");
}

#[test]
fn nothing_is_built_to_find_what_is_wanted() {
    let world = World::new();
    world.index.set(|options| options.freshness = Freshness::Etag);
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]).lock(&[]).ok();
    Sdist::new("a", "2.0").doing("raise SystemExit('it ran')").publish(&world);
    let ran = world.pyfast(&["outdated"]).ok();
    assert!(!format!("{ran}").contains("it ran"), "{ran}");
    assert_eq!(shown(&world, &[]), ["a 1.0 - 2.0"]);
}

#[test]
fn only_what_was_asked_for() {
    check(&["--requested"], &["a 1.0 1.0 2.0"]);
}

#[test]
fn pre_releases_count_where_they_are_wanted() {
    let args = ["--requested", "--prerelease", "allow"];
    check(&args, &["a 1.0 1.0 2.0", "c 1.0 2.0rc1 2.0rc1"]);
}

#[test]
fn what_came_too_late_does_not_count() {
    check(&["--exclude-newer", "2025-01-01"], &["long-name 1.0 1.10 1.10"]);
}

#[test]
fn versions_that_do_not_fit_do_not_count() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]).lock(&[]).ok();
    world.index.add(&Wheel::new("a", "2.0").requires_python(">=3.99"));
    world.index.publish(File::new(Wheel::new("a", "3.0").build()).yanked("bad"));
    world.index.add(&Wheel::new("a", "4.0").tag("cp27-cp27m-win32"));
    assert_eq!(world.pyfast(&["outdated"]).ok().stdout, "");
}

#[test]
fn json_says_the_same() {
    let json = world().pyfast(&["outdated", "--json", "--requested"]).ok().json();
    let a = serde_json::json!({
        "name": "a", "version": "1.0", "wanted": "1.0", "newest": "2.0", "requested": true,
    });
    assert_eq!(json, serde_json::json!({ "outdated": [a] }));
}

#[test]
fn a_lock_is_enough() {
    let world = world();
    fs_err::remove_file(world.project.join("requirements.txt")).unwrap();
    let args = ["--lock", "pylock.toml", "--requested"];
    assert_eq!(shown(&world, &args), ["a 1.0 - 2.0"], "what it answers is not known");
}

#[test]
fn an_index_that_cannot_be_asked_is_an_error() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]).lock(&[]).ok();
    let other = ["outdated", "--index-url", "http://127.0.0.1:9/simple"];
    let mut command = world.bare(&[]);
    command.arg(other[0]).arg("--project").arg(&world.project).arg("--root").arg(&world.root);
    command.args(["--python", &world.python]).args(&other[1..]);
    crate::support::ran::Ran::of(command).refused(MENDABLE, &["127.0.0.1:9"]);
}
