//! What is removed from `tmp`: only what pyfast named itself and this user owns.

use std::os::unix::fs::{MetadataExt as _, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::decoy::{Decoy, set_mode};
use super::outcome::Outcome;
use super::plant::{Kind, NOBODY, put};
use super::readers::changes;
use super::snapshot::{differences, tree};
use super::{Planted, READERS, WRITERS};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A cloned repository: a configuration that names a root in it, which is one, and whose `tmp` leads outside.
#[test]
fn cloned_repository_empties_no_other_directory() {
    let world = World::new();
    let decoy = Decoy::new(&world.path("decoy"));
    world.write("pyfast.toml", "[project]\nroot = \"r\"\n");
    world.write("r/layout", "pyfast 1\n");
    world.require(&[]);
    symlink("../../decoy/private", world.project.join("r/tmp")).unwrap();
    let sync = ["sync", "-r", "requirements.txt"];
    for args in [
        &sync[..],
        &[&sync[..], &["--frozen"]].concat(),
        &[&sync[..], &["--locked"]].concat(),
        &["gc"],
        &["verify"],
        &["verify", "--repair", "--all"],
        &["run", "-r", "requirements.txt", "--", "true"],
    ] {
        let mut command = world.bare(args);
        // `run` has a command of its own behind `--`.
        command.env("PYFAST_PYTHON", &world.python).env("PYFAST_NO_INDEX", "true");
        let outcome = Outcome::of(&mut command);
        let kept = outcome.is_orderly().and_then(|()| decoy.is_untouched());
        kept.unwrap_or_else(|fault| panic!("{args:?}: {fault}; {outcome}"));
    }
}

#[test]
fn foreign_names_in_tmp_stay() {
    let planted = Planted::new();
    let tmp = planted.at("tmp");
    let foreign = tmp.join("work");
    put(&foreign, &Kind::Full);
    put(&tmp.join("notes.txt"), &Kind::Text("mine\n".to_owned()));
    set_mode(&tmp.join("notes.txt"), 0o600);
    put(&tmp.join(".hidden"), &Kind::Empty);
    put(&tmp.join("-rf"), &Kind::Empty);
    put(&tmp.join("link"), &Kind::Link("notes.txt".into()));
    put(&tmp.join("pipe"), &Kind::Fifo);
    put(&tmp.join("socket"), &Kind::Socket);
    let before = contents(&tmp);
    for args in WRITERS {
        planted.run(args).ok();
        let words = differences(&before, &contents(&tmp));
        assert!(words.is_empty(), "{args:?}: {words:?}");
    }
}

/// What is below `tmp`; the directory itself changes with every process that works in it.
fn contents(tmp: &Path) -> super::snapshot::Tree {
    let mut found = tree(tmp, &[]);
    found.remove(tmp);
    found
}

/// A world whose sync was killed in the middle, and what it left in `tmp`.
fn killed() -> (World, Vec<PathBuf>) {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").padded(200_000));
    world.index.add(&Wheel::new("b", "1.0"));
    world.require(&["b"]).sync(&[]);
    world.require(&["a", "b"]);
    world.index.delay("/files/", 3000);
    let mut command = world.command(&["sync", "-r", "requirements.txt"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let left = || -> Vec<PathBuf> {
        let entries = fs_err::read_dir(world.root.join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    while left().is_empty() {
        assert!(begun.elapsed() < Duration::from_mins(3), "a sync works in `tmp`");
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.index.set(|options| options.delays.clear());
    let paths = left();
    (world, paths)
}

#[test]
fn leftover_of_a_killed_process_goes() {
    let (world, left) = killed();
    world.sync(&[]);
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
}

#[test]
fn leftover_of_a_killed_process_goes_where_nothing_is_to_be_done() {
    let (world, left) = killed();
    world.require(&["b"]);
    let ran = world.pyfast(&["sync", "-r", "requirements.txt"]).ok();
    assert!(ran.stderr.contains("Up to date"), "{ran}");
    assert!(left.iter().all(|path| !path.exists()), "{left:?}");
}

#[test]
fn leftover_of_another_user_stays() {
    let (world, left) = killed();
    if !rustix::process::geteuid().is_root() {
        // An ordinary user cannot give a directory away, and could not remove it either.
        world.sync(&[]);
        assert!(left.iter().all(|path| !path.exists()), "{left:?}");
        return;
    }
    for path in &left {
        lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    world.sync(&[]);
    world.pyfast(&["gc", "--keep", "0", "--recent", "0"]).ok();
    for path in &left {
        let metadata = fs_err::symlink_metadata(path)
            .unwrap_or_else(|error| panic!("another user's directory was removed: {error}"));
        assert_eq!(metadata.uid(), NOBODY);
    }
}

#[test]
fn link_or_file_with_the_name_of_a_leftover_stays() {
    let (world, left) = killed();
    let decoy = Decoy::new(&world.path("decoy"));
    let name = left[0].clone();
    for kind in [
        Kind::Link(decoy.path("private")),
        Kind::Link(decoy.path("shadow")),
        Kind::Fifo,
        Kind::Socket,
        Kind::Text("mine\n".to_owned()),
    ] {
        put(&name, &kind);
        let before = tree(&name, &[]);
        let outcome =
            Outcome::of(&mut world.command(&["sync", "-r", "requirements.txt", "--reinstall"]));
        let kept = outcome.is_orderly().and_then(|()| decoy.is_untouched());
        kept.unwrap_or_else(|fault| panic!("{kind:?}: {fault}; {outcome}"));
        outcome.ok();
        let words = differences(&before, &tree(&name, &[]));
        assert!(words.is_empty(), "{kind:?}: {words:?}");
    }
}

#[test]
fn commands_that_read_sweep_nothing() {
    let (world, left) = killed();
    world.write("pyfast.toml", "");
    let before = tree(&world.root, &[]);
    for args in READERS {
        let outcome = Outcome::of(&mut world.command(args));
        let words = changes(args, &before, &tree(&world.root, &[]));
        assert!(words.is_empty(), "{args:?}: {words:?}; {outcome}");
    }
    assert!(!left.is_empty());
}
