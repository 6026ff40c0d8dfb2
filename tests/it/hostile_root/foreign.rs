//! What may be a root: an empty or new directory, or one whose `layout` says so. Anything else is somebody's.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::decoy::set_mode;
use super::outcome::Outcome;
use super::snapshot::{differences, tree};
use crate::support::copy_program;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world whose project asks for `a`, with nothing synced.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]);
    world
}

/// A directory as people have them: work in `tmp`, a secret key.
fn inhabit(folder: &Path) {
    for (name, mode) in [
        ("tmp/work/thesis.txt", 0o644),
        ("tmp/key", 0o600),
        ("bin/mine", 0o755),
        (".ssh/id", 0o600),
    ] {
        let path = folder.join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, "mine\n").unwrap();
        set_mode(&path, mode);
    }
}

/// Every command that would write refuses the directory as root, and changes nothing in it.
#[track_caller]
fn check_refused(world: &World, folder: &Path) {
    let before = tree(folder, &[]);
    for args in [
        &["sync", "--json", "-r", "requirements.txt"][..],
        &["gc", "--json", "--keep", "0", "--recent", "0", "--max-size", "0"],
        &["verify", "--all", "--repair", "--json"],
        &["rollback", "--json"],
        &["run", "-r", "requirements.txt", "--", "true"],
        &["sync", "--dry-run", "--json", "-r", "requirements.txt"],
        &["list", "--json"],
        &["history", "--json"],
    ] {
        let outcome = Outcome::of(&mut world.command(args));
        let words = differences(&before, &tree(folder, &[]));
        assert!(words.is_empty(), "{args:?} changes {words:?}; {outcome}");
        let writes = ["sync", "gc", "verify", "run"].contains(&args[0]);
        if writes && !args.contains(&"--dry-run") {
            outcome.refused_with_hint("");
        } else {
            outcome.is_orderly().unwrap_or_else(|fault| panic!("{fault}; {outcome}"));
        }
    }
}

#[test]
fn directory_with_files_of_its_own_is_no_root() {
    let mut world = world();
    world.root = world.path("work");
    inhabit(&world.root);
    check_refused(&world, &world.root.clone());
}

#[test]
fn project_itself_is_no_root() {
    let mut world = world();
    world.root = world.project.clone();
    inhabit(&world.project);
    check_refused(&world, &world.project.clone());
}

#[test]
fn project_named_by_a_dot_is_no_root() {
    let world = world();
    inhabit(&world.project);
    let before = tree(&world.project, &[]);
    let mut command = world.bare(&["sync", "-r", "requirements.txt", "--root", "."]);
    command.args(["--python", &world.python]).args(&world.index_flags);
    let outcome = Outcome::of(&mut command);
    let words = differences(&before, &tree(&world.project, &[]));
    assert!(words.is_empty(), "{words:?}; {outcome}");
    outcome.refused_with_hint("");
}

#[test]
fn home_directory_is_no_root() {
    let mut world = world();
    world.root = world.path("home");
    inhabit(&world.root);
    fs_err::write(world.root.join(".bashrc"), "x\n").unwrap();
    // What a user's cache gets is no change of the root.
    let cache = world.path("cache").display().to_string();
    world.env.insert("XDG_CACHE_HOME".to_owned(), cache);
    check_refused(&world, &world.root.clone());
}

#[test]
fn directory_with_one_hidden_file_is_no_root() {
    let mut world = world();
    world.root = world.path("work");
    fs_err::create_dir(&world.root).unwrap();
    fs_err::write(world.root.join(".keep"), "").unwrap();
    check_refused(&world, &world.root.clone());
}

#[test]
fn directory_that_a_link_names_is_asked_the_same() {
    let mut world = world();
    let folder = world.path("work");
    inhabit(&folder);
    world.root = world.path("link");
    symlink(&folder, &world.root).unwrap();
    check_refused(&world, &folder);
}

#[test]
fn layout_that_is_none_makes_no_root() {
    for text in ["", "pyfast", "pyfast 10\n", "pyfast 1 or so\n", "python 1\n"] {
        let mut world = world();
        world.root = world.path("work");
        inhabit(&world.root);
        fs_err::write(world.root.join("layout"), text).unwrap();
        let before = tree(&world.root, &[]);
        let outcome = Outcome::of(&mut world.command(&["sync", "-r", "requirements.txt"]));
        let words = differences(&before, &tree(&world.root, &[]));
        assert!(words.is_empty(), "{text:?}: {words:?}; {outcome}");
        assert_eq!(outcome.code(), Some(2), "{text:?}: {outcome}");
    }
}

#[test]
fn file_is_no_root() {
    let mut world = world();
    world.root = world.path("work");
    fs_err::write(&world.root, "mine\n").unwrap();
    for args in [&["sync", "-r", "requirements.txt"][..], &["gc"], &["verify"]] {
        let outcome = Outcome::of(&mut world.command(args));
        assert!(matches!(outcome.code(), Some(1 | 2)), "{args:?}: {outcome}");
        assert_eq!(fs_err::read_to_string(&world.root).unwrap(), "mine\n");
    }
}

#[test]
fn root_of_the_machine_is_no_root() {
    let mut world = world();
    let jail = world.path("jail");
    inhabit(&jail);
    fs_err::create_dir_all(jail.join("project")).unwrap();
    // Without a jail the test itself would be the disaster, should it fail.
    copy_program(Path::new(env!("CARGO_BIN_EXE_pyfast")), &jail.join("bin/pyfast"));
    let before = tree(&jail, &[]);
    for args in [&["gc", "--json"][..], &["verify", "--all", "--repair", "--json"]] {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("/usr/sbin/chroot");
            command.arg(&jail).args(["/bin/pyfast", args[0], "--root", "/"]).args(&args[1..]);
            command.args(["--project", "/project"]).env_clear().env("HOME", "/project");
            command
        } else {
            // A directory that looks the same; an ordinary user has nothing to fear of `/` itself.
            world.root.clone_from(&jail);
            world.command(args)
        };
        let outcome = Outcome::of(&mut command);
        let words = differences(&before, &tree(&jail, &[]));
        assert!(words.is_empty(), "{args:?} changes {words:?}; {outcome}");
        outcome.refused_with_hint("");
    }
}

#[test]
fn empty_and_new_directories_become_roots() {
    let mut world = world();
    world.root = world.path("new/and/deeper");
    world.sync(&[]);
    world.root = world.path("empty");
    fs_err::create_dir(&world.root).unwrap();
    world.sync(&[]);
    assert_eq!(fs_err::read_to_string(world.root.join("layout")).unwrap(), "pyfast 1\n");
}

#[test]
fn file_system_with_nothing_but_lost_and_found_becomes_a_root() {
    let mut world = world();
    world.root = world.path("mounted");
    let lost = world.root.join("lost+found");
    fs_err::create_dir_all(&lost).unwrap();
    set_mode(&lost, 0o700);
    let before = tree(&lost, &[]);
    world.sync(&[]);
    world.pyfast(&["gc", "--keep", "0", "--recent", "0"]).ok();
    assert!(differences(&before, &tree(&lost, &[])).is_empty(), "it is the file system's own");
}

#[test]
fn lost_and_found_that_is_no_directory_makes_no_root() {
    let mut world = world();
    world.root = world.path("mounted");
    fs_err::create_dir_all(&world.root).unwrap();
    fs_err::write(world.root.join("lost+found"), "mine\n").unwrap();
    check_refused(&world, &world.root.clone());
}

#[test]
fn root_that_also_holds_other_things_leaves_them() {
    let mut world = world();
    world.root = world.path("root");
    world.sync(&[]);
    let mine = world.root.join("mine");
    inhabit(&mine);
    let before = tree(&mine, &[]);
    world.sync(&["--reinstall"]);
    world.pyfast(&["gc", "--keep", "0", "--recent", "0", "--max-size", "0"]).ok();
    world.pyfast(&["verify", "--all", "--repair"]).ok();
    assert!(differences(&before, &tree(&mine, &[])).is_empty());
}
