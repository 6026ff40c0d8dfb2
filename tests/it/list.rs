//! `pyfast list` over environments and locks.

use crate::support::ran::MENDABLE;
use crate::support::repository::{Repository, file_url};
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// `a` 1.0 that needs `long-name` 1.0, and a directory `local`; locked and synced.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("long-name"));
    world.index.add(&Wheel::new("long-name", "1.0"));
    Sdist::new("local", "3.0").project("").write(&world.project.join("local"));
    world.require(&["a", "./local"]).lock(&[]).ok();
    world.sync(&[]);
    world
}

#[track_caller]
fn check(world: &World, args: &[&str], expected: &str) {
    let ran = world.pyfast(&[&["list"], args].concat()).ok();
    assert_eq!(ran.stdout, expected, "{ran}");
}

#[test]
fn a_lock_is_listed_as_an_environment_is() {
    let world = world();
    let place = file_url(&world.project.join("local"));
    let lines = format!("a==1.0\nlocal @ {place}\nlong-name==1.0\n");
    check(&world, &[], &lines);
    check(&world, &["--lock"], &lines);
    check(&world, &["--format", "freeze", "--lock", "pylock.toml"], &lines);
    world.index.add(&Wheel::new("a", "2.0"));
    world.require(&["a>1", "./local"]).lock(&[]).ok();
    check(&world, &[], &lines);
    check(&world, &["--lock"], &format!("a==2.0\nlocal @ {place}\n"));
}

#[test]
fn columns_are_a_table_with_places_where_there_are_any() {
    let world = world();
    let place = file_url(&world.project.join("local"));
    let rule = "-".repeat(place.len());
    let table = |version: &str| {
        format!(
            "Package    Version  Location\n---------  -------  {rule}\na          1.0\n\
             local      {version:7}  {place}\nlong-name  1.0\n"
        )
    };
    check(&world, &["--format", "columns"], &table("3.0"));
    check(&world, &["--format", "columns", "--lock"], &table("-"));
    world.require(&["a"]).lock(&[]).ok();
    let plain = "Package    Version\n---------  -------\na          1.0\nlong-name  1.0\n";
    check(&world, &["--format", "columns", "--lock"], plain);
}

#[test]
fn json_has_two_spellings_and_tells_what_was_requested() {
    let world = world();
    let json = world.pyfast(&["list", "--format", "json", "--lock"]).ok().json();
    assert_eq!(json, world.pyfast(&["list", "--json", "--lock"]).ok().json());
    let first = serde_json::json!({"name": "a", "version": "1.0", "requested": true});
    assert_eq!(json[0], first);
    assert_eq!(json[1]["version"], serde_json::Value::Null, "only a build tells it");
    assert_eq!(json[1]["direct_url"]["dir_info"], serde_json::json!({}));
    assert_eq!(json[2]["requested"], false);
    assert_eq!(world.pyfast(&["list", "--format", "json"]).ok().json()[1]["version"], "3.0");
}

#[test]
fn a_repository_is_listed_with_its_commit() {
    let world = World::new();
    let repository = Repository::new(&world, "many");
    let commit = repository.commit("x/c", &Sdist::new("c", "1.0").project(""));
    world.require(&[&repository.url("@main#subdirectory=x/c")]).lock(&[]).ok();
    let url = file_url(&repository.folder);
    check(&world, &["--lock"], &format!("c @ git+{url}@{commit}#subdirectory=x/c\n"));
}

#[test]
fn a_lock_that_is_not_there_is_named() {
    let world = World::new();
    world.require(&["a"]).pyfast(&["list", "--lock", "no.toml"]).refused(MENDABLE, &["no.toml"]);
}

#[test]
fn readers_make_nothing_where_nothing_was_synced() {
    let mut world = World::new();
    let home = world.path("absent");
    world.env.insert("HOME".to_owned(), home.display().to_string());
    world.require(&["a"]);
    for command in ["list", "history", "verify", "tree", "why", "gc"] {
        let arguments = if command == "why" { vec![command, "a"] } else { vec![command] };
        let ran = crate::support::ran::Ran::of(world.bare(&arguments));
        assert!(!home.exists(), "{command}: {ran}");
    }
}
