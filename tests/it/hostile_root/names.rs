//! A project's name that a file gives is bound to the directory that first synced it.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::outcome::Outcome;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world with two directories whose files give the same name; the first is synced.
fn world() -> (World, Synced) {
    let mut world = World::new();
    world.index.add(&Wheel::new("mine", "1.0")).add(&Wheel::new("evil", "1.0"));
    enter(&mut world, "second", "evil");
    enter(&mut world, "first", "mine");
    let synced = world.sync(&[]);
    (world, synced)
}

/// Goes to a project's directory, which is made where it is not there.
fn enter(world: &mut World, name: &str, package: &str) {
    world.project = world.path(name);
    world.write("pyfast.toml", "[project]\nname = \"shop\"\n");
    world.require(&[package]);
}

fn target(synced: &Synced) -> PathBuf {
    fs_err::read_link(synced.current()).unwrap()
}

#[test]
fn name_of_another_projects_file_is_refused() {
    let (mut world, synced) = world();
    let before = target(&synced);
    enter(&mut world, "second", "evil");
    for args in [
        &["sync", "-r", "requirements.txt"][..],
        &["sync", "-r", "requirements.txt", "--json"],
        &["run", "-r", "requirements.txt", "--", "true"],
    ] {
        let outcome = Outcome::of(&mut world.command(args));
        assert_eq!(target(&synced), before, "{args:?} replaces the other's environment; {outcome}");
        outcome.refused_with_hint("--project-name");
        assert!(!world.project.join(".venv").is_symlink(), "{outcome}");
    }
    enter(&mut world, "first", "mine");
    assert!(!world.sync(&[]).changed(), "the first project goes on");
}

#[test]
fn rollback_in_another_project_of_the_name_is_refused_or_changes_nothing() {
    let (mut world, _) = world();
    world.require(&["mine", "evil"]);
    let synced = world.sync(&[]);
    let before = target(&synced);
    enter(&mut world, "second", "evil");
    let outcome = Outcome::of(&mut world.command(&["rollback"]));
    assert_eq!(target(&synced), before, "it changes the other's environment; {outcome}");
}

#[test]
fn name_on_the_command_line_takes_over() {
    let (mut world, synced) = world();
    enter(&mut world, "second", "evil");
    let taken = world.sync(&["--project-name", "shop"]);
    assert_eq!(taken.packages(), ["evil==1.0"]);
    assert_eq!(taken.current(), synced.current());
}

#[test]
fn name_in_a_variable_takes_over() {
    let (mut world, synced) = world();
    enter(&mut world, "second", "evil");
    world.env.insert("PYFAST_PROJECT_NAME".to_owned(), "shop".to_owned());
    assert_eq!(world.sync(&[]).current(), synced.current());
}

#[test]
fn another_name_needs_nobodys_leave() {
    let (mut world, synced) = world();
    let before = target(&synced);
    enter(&mut world, "second", "evil");
    let other = world.sync(&["--project-name", "other"]);
    assert_ne!(other.current(), synced.current());
    assert_eq!(target(&synced), before);
}

#[test]
fn name_of_a_project_that_is_gone_may_be_taken() {
    let (mut world, synced) = world();
    fs_err::remove_dir_all(world.path("first")).unwrap();
    enter(&mut world, "second", "evil");
    assert_eq!(world.sync(&[]).current(), synced.current());
}

#[test]
fn project_that_was_moved_keeps_its_name() {
    let (mut world, synced) = world();
    fs_err::rename(world.path("first"), world.path("moved")).unwrap();
    enter(&mut world, "moved", "mine");
    assert_eq!(world.sync(&[]).current(), synced.current());
}

#[test]
fn project_reached_through_a_link_is_the_same() {
    let (mut world, synced) = world();
    symlink("first", world.path("link")).unwrap();
    enter(&mut world, "link", "mine");
    assert_eq!(world.sync(&[]).current(), synced.current());
}

#[test]
fn directories_that_give_no_name_share_none() {
    let (mut world, _) = world();
    let mut currents = Vec::new();
    for folder in ["x/same", "y/same"] {
        enter(&mut world, folder, "mine");
        world.write("pyfast.toml", "");
        currents.push(world.sync(&[]).current());
    }
    assert_ne!(currents[0], currents[1]);
}

#[test]
fn binding_that_is_garbage_is_told_or_passed_over() {
    let (mut world, synced) = world();
    let folder = synced.current().parent().unwrap().to_owned();
    for folder in [folder.clone(), folder.parent().unwrap().to_owned()] {
        for entry in fs_err::read_dir(&folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_file() {
                fs_err::write(entry.path(), [0xff, 0, b'\n', b'{', b'/']).unwrap();
            }
        }
    }
    for (folder, package) in [("first", "mine"), ("second", "evil")] {
        enter(&mut world, folder, package);
        let outcome = Outcome::of(&mut world.command(&["sync", "-r", "requirements.txt"]));
        outcome.is_orderly().unwrap_or_else(|fault| panic!("{folder}: {fault}; {outcome}"));
    }
}
