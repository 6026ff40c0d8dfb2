//! Environments of hosts: real directories and files, which one owner's tools may change.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::volumes::check_shared;
use crate::support::python::{check as run, tool};
use crate::support::stock::{check, stock};
use crate::support::synced::{Synced, snapshot};
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    stock(World::new())
}

/// Syncs `requirements` in a project of its own, in the same root.
fn project(world: &mut World, name: &str, requirements: &[&str]) -> Synced {
    world.project = world.path(name);
    fs_err::create_dir_all(&world.project).unwrap();
    world.require(requirements).sync(&[])
}

#[test]
fn an_environment_is_made_of_real_directories_and_hard_links() {
    let world = world();
    let synced = world.require(&["a"]).sync(&["--link-mode", "hardlink"]);
    let package = synced.site_packages().join("b");
    assert!(fs_err::symlink_metadata(&package).unwrap().is_dir());
    let module = fs_err::symlink_metadata(package.join("__init__.py")).unwrap();
    let stored = world.stored(&Wheel::new("b", "2.0").build()).join("root/b/__init__.py");
    assert_eq!(module.ino(), fs_err::symlink_metadata(stored).unwrap().ino());
}

#[test]
fn nothing_in_an_environment_leads_out_of_it_but_its_interpreter() {
    let world = world();
    let wheel = Wheel::new("c", "1.0").file("c/data.txt", "x").data("data/share/c/x", "x");
    world.index.add(&wheel.data("scripts/tool", "#!/bin/sh\n").data("headers/c.h", ""));
    let synced = check(&world, &["a", "c"], &["a==2.0", "b==2.0", "c==1.0"]);
    let environment = synced.environment();
    let links: Vec<PathBuf> = snapshot(&environment)
        .into_iter()
        .filter(|(_, content)| content.starts_with("-> "))
        .map(|(path, _)| path.strip_prefix(&environment).unwrap().to_owned())
        .collect();
    let expected = |link: &PathBuf| link.starts_with("bin") || link == Path::new("lib64");
    assert!(links.len() >= 3 && links.iter().all(expected), "{links:?}");
}

#[test]
fn an_interpreter_caches_bytecode_beside_the_modules_and_not_in_the_store() {
    let world = world();
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let store = snapshot(&world.root.join("store"));
    let mut python = Command::new(synced.bin("python"));
    // No setting of the tests' own keeps it from caching.
    let cached = run(python.args(["-c", "import b; print(b.__cached__)"]).env_clear());
    let cached = Path::new(cached.trim());
    assert!(cached.is_file(), "{}", cached.display());
    assert!(cached.starts_with(synced.current()), "{}", cached.display());
    assert_eq!(snapshot(&world.root.join("store")), store);
}

/// A tool that changes the environment of one project leaves the store, another project with the same
/// requirements, and the environments that are made afterwards as they are.
fn check_apart(change: impl Fn(&World, &Synced)) {
    let mut world = world();
    world.index.add(&Wheel::new("extra", "1.0"));
    let other = project(&mut world, "other", &["b==1.0"]);
    let mine = project(&mut world, "mine", &["b==1.0"]);
    let (store, theirs) = (snapshot(&world.root.join("store")), snapshot(&other.environment()));
    change(&world, &mine);
    let script = "import b, extra; print(b.__version__)";
    assert_eq!(mine.evaluate(script), "2.0\n", "it was changed");
    assert_eq!(snapshot(&world.root.join("store")), store);
    assert_eq!(snapshot(&other.environment()), theirs);
    let third = project(&mut world, "third", &["b==1.0"]);
    let script = "import b; print(b.__version__)";
    assert_eq!(third.evaluate(script), "1.0\n");
}

#[test]
fn what_pip_does_in_one_project_changes_nothing_else() {
    check_apart(|world, mine| {
        let mut pip = tool("pip", &world.path("home"));
        pip.arg("--python").arg(mine.bin("python")).args(["install", "--no-cache-dir"]);
        run(pip.args(["--index-url", &world.index.url(), "b==2.0", "extra"]));
    });
}

#[test]
fn what_uv_does_in_one_project_changes_nothing_else() {
    check_apart(|world, mine| {
        let mut uv = tool("uv", &world.path("home"));
        uv.args(["pip", "install", "--no-cache", "--python"]).arg(mine.bin("python"));
        run(uv.args(["--default-index", &world.index.url(), "b==2.0", "extra"]));
    });
}

#[test]
fn a_dry_run_says_how_files_come_in() {
    let world = world();
    for (mode, words) in [
        ("tree", "of links to directories"),
        ("hardlink", "of hard links"),
        ("copy", "of copies"),
        ("clone", "of clones"),
    ] {
        let planned = world.require(&["a"]).pyfast(&[
            "sync",
            "-r",
            "requirements.txt",
            "--dry-run",
            "--link-mode",
            mode,
        ]);
        assert!(planned.ok().stdout.contains(words), "{mode}");
    }
}

#[test]
fn another_link_mode_is_another_environment_and_the_first_is_kept() {
    let world = world();
    let first = world.require(&["a"]).sync(&["--link-mode", "hardlink"]);
    let second = world.sync(&["--link-mode", "copy"]);
    assert!(second.changed());
    assert_ne!(second.id(), first.id());
    let module = second.site_packages().join("b/__init__.py");
    assert_eq!(fs_err::metadata(module).unwrap().nlink(), 1);
    let third = world.sync(&["--link-mode", "hardlink"]);
    assert_eq!(third.id(), first.id());
}

#[test]
fn bytecode_that_the_store_has_is_linked_in() {
    let world = world();
    let synced = world.require(&["a"]).sync(&["--compile", "--link-mode", "hardlink"]);
    let cached = synced.evaluate("import b; print(b.__cached__)");
    let cached = fs_err::symlink_metadata(cached.trim()).unwrap();
    let stored = world.stored(&Wheel::new("b", "2.0").build()).join("root/b/__pycache__");
    let mut stored = fs_err::read_dir(stored).unwrap().map(Result::unwrap);
    assert!(stored.any(|entry| entry.metadata().unwrap().ino() == cached.ino()));
}

#[test]
fn an_edit_of_a_compiled_module_takes_effect() {
    for mode in ["hardlink", "copy"] {
        let world = world();
        let synced = world.require(&["a"]).sync(&["--compile", "--link-mode", mode]);
        let file = synced.evaluate("import b; print(b.__file__)");
        let file = Path::new(file.trim());
        let times = fs_err::metadata(file).unwrap().modified().unwrap();
        // As an editor saves: a new file in its place; and with the old time, as some tools leave it.
        let other = file.with_extension("new");
        fs_err::write(&other, "edited = True\n").unwrap();
        fs_err::File::open(&other).unwrap().file().set_modified(times).unwrap();
        fs_err::rename(&other, file).unwrap();
        for _ in 0..2 {
            assert_eq!(synced.evaluate("import b; print(b.edited)"), "True\n", "{mode}");
        }
    }
}

#[test]
fn what_several_wheels_provide_is_real_all_the_way_down_on_hosts_too() {
    check_shared(&World::new());
}

#[test]
fn equal_environments_of_two_projects_are_two() {
    let mut world = world();
    let first = project(&mut world, "one", &["a"]);
    let second = project(&mut world, "two", &["a"]);
    assert_ne!(second.id(), first.id(), "whoever may write to an environment has it alone");
}
