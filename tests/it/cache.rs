//! `pyfast cache`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::support::wheel::Wheel;
use crate::support::world::World;

#[test]
fn cache_directory_is_printed() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]).sync(&[]);
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
    let world = World::new();
    world.index.add(&Wheel::new("a", "2.0"));
    let synced = world.require(&["a"]).sync(&[]);
    world.pyfast(&["cache", "clean"]).ok();
    assert_eq!(synced.evaluate("import a; print(a.__version__)"), "2.0\n");
    assert!(!world.sync(&[]).changed());
}
