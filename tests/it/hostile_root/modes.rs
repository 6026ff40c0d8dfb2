//! The cache is the user's alone, whatever the mask; environments can be read by others, whatever the mask.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::outcome::Outcome;
use crate::support::repository::Repository;
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world whose project needs a wheel, a source distribution and a repository.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    Sdist::new("s", "1.0").publish(&world);
    let repository = Repository::new(&world, "r");
    repository.commit("", &Sdist::new("g", "1.0").project(""));
    world.require(&["a", "s", &format!("g @ {}", repository.url("@main"))]);
    world
}

fn cache(world: &World) -> PathBuf {
    world.path("home/.cache/pyfast")
}

/// Paths below `folder` with their modes, links left out.
fn modes(folder: &Path) -> Vec<(PathBuf, u32, bool)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let metadata = fs_err::symlink_metadata(&path).unwrap();
        if metadata.is_symlink() {
            continue;
        }
        if metadata.is_dir() {
            open.extend(fs_err::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.push((path, metadata.mode() & 0o7777, metadata.is_dir()));
    }
    found
}

#[track_caller]
fn check_private(folder: &Path) {
    assert!(folder.is_dir(), "the cache is not at {}", folder.display());
    let found = modes(folder);
    assert!(found.iter().any(|(_, _, is_dir)| !is_dir), "{} holds nothing", folder.display());
    // Nobody else gets below a directory that is shut; clones and stores of builds have modes of their own there.
    let whole = ["git-", "builds-"].map(|name| folder.join(name).display().to_string());
    let open: Vec<String> = found
        .iter()
        .filter(|(path, ..)| !whole.iter().any(|name| path.display().to_string().starts_with(name)))
        .filter(|(_, mode, _)| mode & 0o077 != 0)
        .map(|(path, mode, _)| format!("{} {mode:o}", path.display()))
        .collect();
    assert!(open.is_empty(), "others may use {open:#?}");
}

/// Whoever is on the machine can start Python in the environment, and cannot change it.
#[track_caller]
fn check_readable(root: &Path) {
    let mut shut = Vec::new();
    for folder in ["envs", "store/v1/wheels", "projects"] {
        let list = modes(&root.join(folder));
        shut.extend(list.into_iter().filter(|(_, mode, is_dir)| {
            let needed = if *is_dir { 0o055 } else { 0o044 };
            mode & needed != needed || mode & 0o022 != 0
        }));
    }
    let root = fs_err::metadata(root).unwrap().mode();
    assert!(root & 0o055 == 0o055 && root & 0o022 == 0, "the root itself has {root:o}");
    // States and histories are the writer's own business.
    shut.retain(|(path, ..)| {
        path.file_name().is_none_or(|name| name == "pylock.toml" || name == "env.json")
            || !path.to_string_lossy().contains("/projects/")
    });
    assert!(shut.is_empty(), "{shut:#?}");
}

#[track_caller]
fn check(mask: &str) {
    let world = world();
    for args in [
        &["lock", "-r", "requirements.txt", "-o", "pylock.other.toml"][..],
        &["sync", "-r", "requirements.txt", "--compile"],
    ] {
        let command = world.command(args);
        let outcome = Outcome::of(&mut world.limited(&format!("umask {mask}"), &command));
        outcome.ok();
        check_private(&cache(&world));
    }
    check_readable(&world.root);
}

#[test]
fn strict_mask_shuts_the_cache_and_no_environment() {
    check("077");
}

#[test]
fn usual_mask_leaves_the_cache_shut() {
    check("022");
}

#[test]
fn missing_mask_leaves_the_cache_shut_and_environments_unwritable() {
    check("000");
}

#[test]
fn cache_is_where_the_variable_says() {
    let mut world = world();
    let folder = world.path("xdg");
    world.env.insert("XDG_CACHE_HOME".to_owned(), folder.display().to_string());
    world.sync(&[]);
    check_private(&folder.join("pyfast"));
    assert!(!world.path("home/.cache").exists(), "it is not in the home directory");
    let told = world.pyfast(&["cache", "dir"]).ok().stdout;
    assert!(told.starts_with(folder.join("pyfast").to_str().unwrap()), "{told}");
}

#[test]
fn root_holds_no_cache() {
    let world = world();
    world.sync(&[]);
    world.pyfast(&["gc", "--max-size", "0"]).ok();
    assert!(!world.root.join("cache").exists());
    let told = world.pyfast(&["cache", "dir"]).ok().stdout;
    assert!(told.starts_with(cache(&world).to_str().unwrap()), "{told}");
}
