//! A directory of a project belongs to it.

use fs_err as fs;

use crate::support::ran::{Ran, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    let world = World::new();
    world.index.add(&Wheel::new("app", "1.0"));
    fs::create_dir_all(world.project.join("tests/unit")).unwrap();
    world
}

fn within(world: &World, directory: &str, args: &[&str]) -> Ran {
    let (name, rest) = args.split_first().unwrap();
    let mut command = world.bare(&[name]);
    command.arg("--root").arg(&world.root).args(&world.index_flags).args(rest);
    command.current_dir(world.project.join(directory));
    Ran::of(command)
}

#[test]
fn commands_work_in_every_directory_of_a_repository() {
    let world = world();
    fs::create_dir(world.project.join(".git")).unwrap();
    world.require(&["app"]);
    within(&world, "tests/unit", &["sync"]).ok();
    let list = within(&world, "", &["list"]).ok().stdout;
    assert_eq!(list, "app==1.0\n");
    within(&world, "tests", &["run", "python", "-c", "import app"]).ok();
    assert!(world.project.join(".venv").is_symlink());
    assert!(!world.project.join("tests/.venv").exists());
}

#[test]
fn nearest_project_counts() {
    let world = world();
    fs::create_dir(world.project.join(".git")).unwrap();
    world.require(&["app"]);
    for file in ["requirements.txt", "compose.yaml"] {
        let file = world.write(&format!("tests/{file}"), "");
        let ran = within(&world, "tests/unit", &["list"]);
        ran.refused(&[1, 2], &["tests-"]);
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn requirements_outside_of_a_repository_are_nobodys_project_below_but_a_pyproject_is() {
    let world = world();
    world.require(&["app"]);
    within(&world, "tests", &["sync"]).refused(USAGE, &["cannot find a requirements file"]);
    world.write("pyproject.toml", "[project]\nname = \"p\"\nversion = \"1\"\n");
    within(&world, "tests", &["sync"]).ok();
}

#[test]
fn repository_ends_the_search() {
    let world = world();
    world.write("pyproject.toml", "[build-system]\nrequires = []\n");
    world.require(&["app"]);
    fs::create_dir(world.project.join("tests/.git")).unwrap();
    within(&world, "tests/unit", &["sync"])
        .refused(USAGE, &["cannot find a requirements file", "tests/unit"]);
}

#[test]
fn file_of_another_user_makes_no_project() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let world = world();
    fs::create_dir(world.project.join(".git")).unwrap();
    world.require(&["app"]);
    std::os::unix::fs::chown(world.project.join("requirements.txt"), Some(65534), None).unwrap();
    within(&world, "tests", &["sync"]).refused(USAGE, &["cannot find a requirements file"]);
}
