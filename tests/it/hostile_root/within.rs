//! `root` of a `pyfast.toml` is a word of somebody else: it names a place below the project, or a volume.

use std::os::unix::fs::symlink;

use super::outcome::Outcome;
use super::snapshot::{Tree, differences, tree};
use crate::support::world::World;

/// A world whose project's file names this root, with directories outside that it could mean.
fn world(root: &str) -> World {
    let world = World::new();
    world.require(&[]);
    for folder in ["outside/tmp/work", "project/inside", "empty"] {
        fs_err::create_dir_all(world.path(folder)).unwrap();
    }
    fs_err::write(world.path("outside/tmp/work/thesis.txt"), "mine\n").unwrap();
    symlink("../outside", world.project.join("link")).unwrap();
    symlink("../empty", world.project.join("to-empty")).unwrap();
    symlink("inside", world.project.join("to-inside")).unwrap();
    let root = root.replace("<world>", world.path("").to_str().unwrap());
    world.write("pyfast.toml", &format!("[project]\nroot = {root:?}\n"));
    world
}

/// Everything of the world but what a user's own directories get in any case.
fn seen(world: &World) -> Tree {
    tree(&world.path(""), &["home", "tmp"].map(|name| world.path(name)))
}

fn run(world: &World, args: &[&str]) -> Outcome {
    let mut command = world.bare(args);
    command.env("PYFAST_PYTHON", &world.python).env("PYFAST_NO_INDEX", "true");
    Outcome::of(&mut command)
}

#[track_caller]
fn check_refused(root: &str) {
    let world = world(root);
    let before = seen(&world);
    for args in [&["sync", "-r", "requirements.txt"][..], &["gc"], &["verify"], &["list"]] {
        let outcome = run(&world, args);
        let words = differences(&before, &seen(&world));
        assert!(words.is_empty(), "root = {root:?}, {args:?}: {words:?}; {outcome}");
        assert_eq!(outcome.code(), Some(2), "root = {root:?}, {args:?}: {outcome}");
    }
}

#[test]
fn root_above_the_project_is_refused() {
    for root in ["..", "../new", "../..", "inside/../../new", "./../empty"] {
        check_refused(root);
    }
}

#[test]
fn absolute_root_is_refused() {
    for root in ["<world>/new", "<world>/empty", "<world>/project/new", "<world>/outside"] {
        check_refused(root);
    }
}

#[test]
fn root_through_a_link_is_refused() {
    for root in ["link", "link/new", "to-empty", "to-empty/new", "inside/../to-empty", "to-inside"]
    {
        check_refused(root);
    }
}

#[test]
fn root_in_the_users_home_is_refused() {
    for root in ["~", "~/new", "$HOME/new"] {
        let world = world(root);
        run(&world, &["sync", "-r", "requirements.txt"]);
        assert!(!world.path("home/new").exists() && !world.path("home/layout").exists());
    }
}

#[test]
fn root_below_the_project_is_taken() {
    for root in ["r", "./r", "inside", "new/deeper"] {
        let world = world(root);
        run(&world, &["sync", "-r", "requirements.txt"]).ok();
        assert!(world.project.join(root).join("layout").is_file(), "{root}");
    }
}

#[test]
fn root_that_the_user_names_may_be_anywhere() {
    let world = world("..");
    let folder = world.path("elsewhere");
    let folder = folder.to_str().unwrap();
    run(&world, &["sync", "-r", "requirements.txt", "--root", folder]).ok();
    assert!(world.path("elsewhere/layout").is_file());
    let mut command = world.bare(&["sync", "-r", "requirements.txt"]);
    command.env("PYFAST_PYTHON", &world.python).env("PYFAST_NO_INDEX", "true");
    command.env("PYFAST_ROOT", world.path("by-variable"));
    Outcome::of(&mut command).ok();
    assert!(world.path("by-variable/layout").is_file());
}
