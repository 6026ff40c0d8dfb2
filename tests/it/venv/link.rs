//! The project's `.venv`: when it is made, when it follows, and what is said of what is in its way.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use super::world;
use crate::support::python::check;
use crate::support::ran::Ran;
use crate::support::synced::Synced;
use crate::support::world::World;

/// Where the project's link leads.
fn target(world: &World) -> PathBuf {
    fs_err::read_link(world.project.join(".venv")).unwrap()
}

/// A sync that says what it does.
fn sync(world: &World) -> Ran {
    world.pyfast(&["sync", "-r", "requirements.txt"]).ok()
}

#[test]
fn a_link_that_is_gone_is_made_again_where_nothing_else_is_to_do() {
    let world = world();
    let synced = world.require(&["a==1.0"]).sync(&[]);
    fs_err::remove_file(world.project.join(".venv")).unwrap();
    assert!(!world.sync(&[]).changed());
    assert_eq!(target(&world), synced.current());
}

#[test]
fn a_link_follows_a_project_that_was_copied_or_moved() {
    let mut world = world();
    let first = world.require(&["a==1.0"]).sync(&[]);
    let (original, copy, moved) = (world.project.clone(), world.path("copy"), world.path("moved"));
    check(Command::new("cp").arg("-a").arg(&original).arg(&copy));
    world.project.clone_from(&copy);
    let second = world.require(&["a==2.0"]).sync(&[]);
    assert_ne!(second.current(), first.current());
    assert_eq!(target(&world), second.current());
    assert_eq!(fs_err::read_link(original.join(".venv")).unwrap(), first.current());
    fs_err::rename(&copy, &moved).unwrap();
    world.project = moved;
    let third = world.sync(&[]);
    assert_eq!(target(&world), third.current());
}

#[test]
fn a_link_follows_to_another_root() {
    let mut world = world();
    world.require(&["a==1.0"]).sync(&[]);
    world.root = world.path("another-root");
    let synced = world.sync(&[]);
    assert_eq!(target(&world), synced.current());
}

#[test]
fn a_second_environment_of_the_project_does_not_take_the_link() {
    let world = world();
    let first = world.require(&["a==1.0"]).sync(&[]);
    world.write("tools.txt", "a==2.0\n");
    let tools = Synced::of(world.pyfast(&["sync", "--json", "--env", "tools", "-r", "tools.txt"]));
    assert_ne!(tools.current(), first.current());
    assert_eq!(target(&world), first.current());
}

/// Something that is in the way stays, and the sync says so when it changes the environment, and only then.
fn check_taken(prepare: impl Fn(&World), said: &str) {
    let world = world();
    prepare(&world);
    let before = fs_err::symlink_metadata(world.project.join(".venv")).unwrap().file_type();
    for (version, changes) in [("1.0", true), ("1.0", false), ("2.0", true)] {
        let ran = sync(world.require(&[&format!("a=={version}")]));
        assert_eq!(ran.stderr.contains(said), changes, "{ran}");
        assert_eq!(ran.stderr.matches(".venv").count(), usize::from(changes), "{ran}");
    }
    let after = fs_err::symlink_metadata(world.project.join(".venv")).unwrap().file_type();
    assert_eq!(after, before);
}

#[test]
fn what_is_not_pyfasts_stays_and_is_told() {
    check_taken(
        |world| {
            world.write(".venv/pyvenv.cfg", "home = /usr/bin\n");
        },
        "`.venv` is a virtual environment of another tool, and stays",
    );
    check_taken(
        |world| symlink("../shared", world.project.join(".venv")).unwrap(),
        "`.venv` leads to ../shared, and stays",
    );
    check_taken(
        |world| {
            world.write(".venv", "");
        },
        "`.venv` is not pyfast's, and stays",
    );
}

/// A world whose project is in a repository of git.
fn repository() -> World {
    let world = world();
    check(Command::new("git").args(["init", "-q"]).current_dir(&world.project));
    world.require(&["a==1.0"]);
    world
}

fn status(world: &World) -> String {
    let mut git = Command::new("git");
    check(git.args(["status", "--porcelain"]).current_dir(&world.project))
}

#[test]
fn a_link_is_kept_out_of_git_and_it_is_said_once() {
    let world = repository();
    world.write(".gitignore", ".venv/\n");
    let exclude = world.project.join(".git/info/exclude");
    let said = format!("`.venv` is kept out of git by {}", exclude.display());
    assert!(sync(&world).stderr.contains(&said));
    assert_eq!(status(&world), "?? .gitignore\n?? requirements.txt\n");
    let again = sync(world.require(&["a==2.0"]));
    assert!(!again.stderr.contains("git"), "{again}");
    fs_err::remove_file(world.project.join(".venv")).unwrap();
    let again = sync(&world);
    assert!(!again.stderr.contains("git"), "{again}");
    assert!(fs_err::read_to_string(exclude).unwrap().ends_with("\n/.venv\n"));
}

#[test]
fn a_repository_that_ignores_the_link_is_left_as_it_is() {
    let world = repository();
    world.write(".gitignore", ".venv\n");
    let exclude = fs_err::read_to_string(world.project.join(".git/info/exclude")).unwrap();
    let ran = sync(&world);
    assert!(!ran.stderr.contains("git"), "{ran}");
    assert_eq!(fs_err::read_to_string(world.project.join(".git/info/exclude")).unwrap(), exclude);
}

#[test]
fn a_repository_that_cannot_be_written_is_no_error() {
    let world = repository();
    let exclude = world.project.join(".git/info/exclude");
    fs_err::remove_file(&exclude).unwrap();
    fs_err::create_dir(&exclude).unwrap();
    let ran = sync(&world);
    assert!(!ran.stderr.contains("git"), "{ran}");
    let told = world.require(&["a==2.0"]).pyfast(&["sync", "-v", "-r", "requirements.txt"]).ok();
    assert!(told.stderr.contains("cannot keep `.venv` out of git"), "{told}");
}
