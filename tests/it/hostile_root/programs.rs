//! Nothing that lies in a root makes pyfast start a program: caches there are not even read.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::plant::{Kind, plant, put};
use super::{Planted, READERS, WRITERS};
use crate::support::repository::Repository;
use crate::support::source::Sdist;
use crate::support::world::World;

/// What the program remembers in directories whose name begins so, in the user's cache or the root's.
#[track_caller]
pub(super) fn memories(world: &World, prefix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![world.path("home"), world.root.clone()];
    while let Some(folder) = open.pop() {
        let named =
            folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
        for entry in fs_err::read_dir(&folder).into_iter().flatten().flatten() {
            if named {
                found.push(entry.path());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "the program keeps something in a directory `{prefix}…`");
    found
}

/// Where a root's cache was, and where it could be looked for.
fn planted_at(root: &Path, folder: &str) -> [PathBuf; 3] {
    ["cache/v1", "cache", ""].map(|base| root.join(base).join(folder))
}

fn forget(world: &World) {
    put(&world.path("home"), &Kind::Empty);
}

#[test]
fn interpreter_that_a_root_remembers_is_not_started() {
    let planted = Planted::new();
    let executable = planted.synced[0].json["python"]["executable"].as_str().unwrap().to_owned();
    let program = planted.decoy.path("program").display().to_string();
    for memory in memories(&planted.world, "interpreters-") {
        let text = fs_err::read_to_string(&memory).unwrap();
        assert!(text.contains(&executable), "the memory names the interpreter: {text}");
        let name = memory.file_name().unwrap();
        for folder in planted_at(&planted.world.root, "interpreters-1") {
            fs_err::create_dir_all(&folder).unwrap();
            fs_err::write(folder.join(name), text.replace(&executable, &program)).unwrap();
        }
    }
    let marks = fs_err::read_dir(planted.at("<wheel>")).unwrap().flatten();
    for mark in marks.filter(|one| one.file_name().as_encoded_bytes().starts_with(b"compiled-")) {
        fs_err::remove_file(mark.path()).unwrap();
    }
    planted.world.require(&["b==1.0"]);
    for args in WRITERS.iter().chain(READERS) {
        forget(&planted.world);
        planted.run(args);
    }
    planted.run(&["sync", "-r", "requirements.txt", "--compile"]).ok();
    let outcome = planted.run(&["run", "--no-sync", "--", "python", "-c", "print('own')"]);
    assert_eq!(outcome.ok().stdout, "own\n", "{outcome}");
}

#[test]
fn interpreter_that_a_generation_names_is_not_started_by_a_sync() {
    let planted = Planted::new();
    let executable = planted.synced[0].json["python"]["executable"].as_str().unwrap().to_owned();
    let program = planted.decoy.path("program").display().to_string();
    for place in
        ["envs/v1/<id>/env.json", "envs/v1/<old>/env.json", "projects/p/default/state.json"]
    {
        let path = planted.at(place);
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(text.contains(&executable), "{place} names the interpreter");
        put(&path, &Kind::Text(text.replace(&executable, &program)));
        for generation in ["<id>", "<old>"] {
            let python = format!("envs/v1/{generation}/bin/python");
            let link = Kind::Link(planted.decoy.path("program"));
            plant(&planted.world.root, planted.place(&python).as_ref(), &link);
        }
    }
    for args in WRITERS.iter().chain(READERS) {
        planted.run(args);
    }
}

/// A repository whose clone is planted below the root with a configuration that names a program.
fn planted_clone() -> (Planted, Repository) {
    let mut planted = Planted::new();
    let world = &mut planted.world;
    let repository = Repository::new(world, "r");
    repository.commit("", &Sdist::new("g", "1.0").project("").stated(""));
    // As a cloned repository has it that carries a root.
    world.root = world.project.join("r");
    world.write("r/layout", "pyfast 1\n");
    world.write("pyfast.toml", "[project]\nroot = \"r\"\n");
    world.require(&[&format!("g @ {}", repository.url("@main"))]);
    world.lock(&["--no-build"]).ok();
    let program = planted.decoy.path("program");
    for clone in memories(&planted.world, "git-").into_iter().filter(|path| path.is_dir()) {
        for folder in planted_at(&planted.world.root, "git-1") {
            let place = folder.join(clone.file_name().unwrap());
            if place != clone {
                copy(&clone, &place);
            }
            let mut config = fs_err::OpenOptions::new();
            let mut config = config.append(true).open(place.join("config")).unwrap();
            let text = format!(
                "[core]\n\tsshCommand = {0}\n\tfsmonitor = {0}\n[credential]\n\thelper = {0}\n\
                 [url \"ssh://git@localhost/\"]\n\tinsteadOf = file:///\n",
                program.display()
            );
            config.write_all(text.as_bytes()).unwrap();
        }
    }
    repository.commit("", &Sdist::new("g", "1.1").project("").stated(""));
    (planted, repository)
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs_err::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn clone_that_a_root_carries_is_not_read() {
    let (planted, _repository) = planted_clone();
    for args in [
        &["lock", "-r", "requirements.txt", "--no-build"][..],
        &["lock", "-r", "requirements.txt", "--no-build", "--upgrade"],
        &["sync", "-r", "requirements.txt", "--dry-run"],
        &["sync", "-r", "requirements.txt"],
    ] {
        forget(&planted.world);
        let _ = fs_err::remove_file(planted.world.project.join("pylock.toml"));
        planted.run(args).ok();
    }
}
