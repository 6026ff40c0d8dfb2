//! Projects as they are: those of other tools are told apart from none, and a project itself is installed where it is
//! asked for.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::support::ran::{Ran, USAGE};
use crate::support::source::Sdist;
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A project with a command and a group, which depends on `a`.
fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1")).add(&Wheel::new("b", "1"));
    let table = "dependencies = [\"a\"]\n[project.scripts]\nshop = \"shop:main\"\n[dependency-groups]\ndev = [\"b\"]\n";
    Sdist::new("shop", "3").requires("a").project(table).write(&world.project);
    world
}

fn sync(world: &World, args: &[&str]) -> Synced {
    Synced::of(world.pyfast(&[&["sync", "--json"], args].concat()))
}

#[test]
fn projects_of_other_tools_are_told_apart_from_none() {
    let world = World::new();
    for (table, needles) in [
        ("[tool.poetry]\nname = \"x\"\n", &["Poetry's", "poetry export"][..]),
        ("[tool.pdm]\n", &["PDM's", "pdm export"]),
        ("[build-system]\nrequires = []\n", &["there is a pyproject.toml", "no [project] table"]),
    ] {
        world.write("pyproject.toml", table);
        let ran = world.pyfast(&["sync"]).refused(USAGE, needles);
        assert!(!ran.stderr.contains("looked for"), "{ran}");
        world.pyfast(&["lock", "-r", "pyproject.toml"]).refused(&[1, 2], &["no [project] table"]);
    }
    fs_err::remove_file(world.project.join("pyproject.toml")).unwrap();
    world.pyfast(&["sync"]).refused(USAGE, &["looked for requirements.txt"]);
}

#[test]
fn init_takes_a_project_file() {
    let world = world();
    world.pyfast(&["init"]).ok();
    let written = world.read("pyfast.toml");
    assert!(written.contains("requirements = [\"pyproject.toml\"]"), "{written}");
    assert_eq!(sync(&world, &[]).packages(), ["a==1"]);
    // A requirements file is what `sync` takes first.
    world.require(&["b"]);
    fs_err::remove_file(world.project.join("pyfast.toml")).unwrap();
    world.pyfast(&["init"]).ok();
    assert!(world.read("pyfast.toml").contains("requirements = [\"requirements.txt\"]"));
}

#[test]
fn commands_of_a_project_that_is_not_installed_are_missed_by_name() {
    let world = world();
    let ran = world.pyfast(&["sync"]).ok();
    for needle in ["pyproject.toml", "shop", "project = true"] {
        assert!(ran.stderr.contains(needle), "{needle}: {ran}");
    }
    let again = world.pyfast(&["sync"]).ok();
    assert!(!again.stderr.contains("project = true"), "once is enough: {again}");
    let ran = world.pyfast(&["sync", "--group", "dev"]).ok();
    assert!(ran.stderr.contains("pyproject.toml, group dev"), "{ran}");
    assert!(!ran.stderr.contains("project = true"), "once is enough: {ran}");
    let another = world.read("pyproject.toml").replace("shop = ", "kiosk = ");
    assert!(another.contains("kiosk = "), "{another}");
    world.write("pyproject.toml", &another);
    // What is only tried is told of again, and so is what nobody heard.
    for args in [&["sync", "--dry-run"][..], &["sync", "-q"], &["sync", "--reinstall"]] {
        let ran = world.pyfast(args).ok();
        assert_eq!(ran.stderr.contains("kiosk"), !args.contains(&"-q"), "{ran}");
    }
    world.pyfast(&["env", "rm", "default"]).ok();
    let ran = world.pyfast(&["sync"]).ok();
    assert!(ran.stderr.contains("kiosk"), "a new environment: {ran}");
}

#[test]
fn the_project_itself_is_installed_where_the_configuration_says_so() {
    let world = world();
    world.write("pyfast.toml", "[env.default]\nproject = \"editable\"\n");
    let synced = sync(&world, &[]);
    assert_eq!(synced.packages(), ["a==1", "shop==3"]);
    let listed = world.pyfast(&["list"]).ok();
    assert!(listed.stdout.contains("-e "), "{listed}");
    assert!(!sync(&world, &[]).changed());
    world.write("pyfast.toml", "[env.default]\nproject = true\n");
    assert!(sync(&world, &[]).changed());
    let listed = world.pyfast(&["list"]).ok();
    assert!(listed.stdout.contains("shop") && !listed.stdout.contains("-e "), "{listed}");
    // Groups add to it, and alone they leave it out.
    assert_eq!(sync(&world, &["--group", "dev"]).packages(), ["a==1", "b==1", "shop==3"]);
    assert_eq!(sync(&world, &["--only-group", "dev"]).packages(), ["b==1"]);
    world.write("pyfast.toml", "[env.default]\nproject = \"yes\"\n");
    world.pyfast(&["sync"]).refused(USAGE, &["pyfast.toml:2", "true, false or \"editable\""]);
}

#[test]
fn a_path_that_is_no_text_is_refused_with_what_to_do() {
    let world = world();
    let strange = world.path("tmp").join(OsStr::from_bytes(b"p\xff"));
    fs_err::create_dir_all(&strange).unwrap();
    fs_err::write(strange.join("requirements.txt"), "a\n").unwrap();
    let root = world.path("tmp").join(OsStr::from_bytes(b"r\xff"));
    let sync = |project: &Path, root: &Path| {
        let mut command = world.bare(&["sync"]);
        command.arg("--project").arg(project).arg("--root").arg(root);
        command.arg("--python").arg(&world.python).args(&world.index_flags);
        Ran::of(command)
    };
    sync(&strange, &world.root).refused(USAGE, &["a project", "not UTF-8", "rename it"]);
    sync(&world.project, &root).refused(USAGE, &["a root", "not UTF-8", "--root"]);
    assert!(!root.exists(), "nothing is made in a place that is refused");
}
