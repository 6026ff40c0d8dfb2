//! Dependencies from `pyproject.toml`, dependency groups and scripts.

use crate::support::ran::{EITHER, USAGE};
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

const PROJECT: &str = r#"[project]
name = "shop"
dependencies = ["a"]

[project.optional-dependencies]
fast = ["b"]
all = ["shop[fast]", "c"]

[dependency-groups]
dev = ["d", { include-group = "lint" }]
lint = ["e>=2"]
"#;

fn world() -> World {
    let world = World::new();
    for name in ["a", "b", "c", "d", "e"] {
        world.index.add(&Wheel::new(name, "1.0")).add(&Wheel::new(name, "2.0"));
    }
    world.write("pyproject.toml", PROJECT);
    world
}

/// Locks with the arguments and compares the names in the lock.
#[track_caller]
fn check(args: &[&str], expected: &[&str]) {
    let world = world();
    world.pyfast(&[&["lock"], args].concat()).ok();
    let names: Vec<String> =
        world.lock_packages().iter().map(|one| one.replace("==2.0", "")).collect();
    assert_eq!(names, expected);
}

#[test]
fn a_project_file_is_read_where_nothing_else_is_named() {
    check(&[], &["a"]);
    check(&["-r", "pyproject.toml"], &["a"]);
}

#[test]
fn extras_and_groups_are_included_on_demand() {
    check(&["-r", "pyproject.toml", "--extra", "fast"], &["a", "b"]);
    check(&["-r", "pyproject.toml", "--extra", "ALL"], &["a", "b", "c"]);
    check(&["-r", "pyproject.toml", "--all-extras", "--group", "lint"], &["a", "b", "c", "e"]);
    check(&["--group", "dev"], &["a", "d", "e"]);
    check(&["--group", "pyproject.toml:lint"], &["a", "e"]);
    check(&["--extra", "fast", "--group", "lint"], &["a", "b", "e"]);
    check(&["--all-extras", "--group", "lint"], &["a", "b", "c", "e"]);
}

#[test]
fn groups_alone_leave_the_project_out() {
    check(&["--only-group", "dev"], &["d", "e"]);
    check(&["--only-group", "lint", "-r", "pyproject.toml"], &["a", "e"]);
    // Where the project depends on nothing that could be left out, groups are alone anyway.
    let world = world();
    let groups = PROJECT.split_once("[dependency-groups]").unwrap().1;
    world.write("pyproject.toml", &format!("[dependency-groups]{groups}"));
    world.pyfast(&["lock", "--group", "dev"]).ok();
    assert_eq!(world.lock_packages(), ["d==2.0", "e==2.0"]);
    world.pyfast(&["lock", "--group", "dev", "--extra", "x"]).refused(USAGE, &["[project]"]);
}

#[test]
fn an_unknown_extra_or_group_names_those_that_there_are() {
    let world = world();
    world
        .pyfast(&["lock", "-r", "pyproject.toml", "--extra", "quick"])
        .refused(USAGE, &["quick", "all, fast"]);
    world.pyfast(&["lock", "--group", "test"]).refused(USAGE, &["test", "dev, lint"]);
}

#[test]
fn an_environment_may_name_extras_and_groups() {
    let world = world();
    let toml = "[env.default]\nrequirements = [\"pyproject.toml\"]\nextras = [\"fast\"]\ngroups = [\"lint\"]\n";
    world.write("pyfast.toml", toml);
    let synced = Synced::of(world.pyfast(&["sync", "--json"]));
    assert_eq!(synced.packages(), ["a==2.0", "b==2.0", "e==2.0"]);
    let again = Synced::of(world.pyfast(&["sync", "--json"]));
    assert!(!again.changed());
    world.write("pyfast.toml", &toml.replace("[\"fast\"]", "[]"));
    let synced = Synced::of(world.pyfast(&["sync", "--json"]));
    assert_eq!(synced.packages(), ["a==2.0", "e==2.0"]);
}

#[test]
fn a_changed_project_file_is_noticed() {
    let world = world();
    let sync = || Synced::of(world.pyfast(&["sync", "--json"]));
    sync();
    assert!(!sync().changed());
    world.write("pyproject.toml", &PROJECT.replace("[\"a\"]", "[\"a\", \"c\"]"));
    assert_eq!(sync().packages(), ["a==2.0", "c==2.0"]);
}

#[test]
fn a_script_brings_what_its_header_names() {
    let world = world();
    let header =
        "# /// script\n# requires-python = \">=3.8\"\n# dependencies = [\"a<2\", \"b\"]\n# ///\n";
    world.write("job.py", &format!("{header}print('hello')\n"));
    world.pyfast(&["lock", "-r", "job.py"]).ok();
    assert_eq!(world.lock_packages(), ["a==1.0", "b==2.0"]);
}

#[test]
fn an_interpreter_that_a_project_excludes_is_refused() {
    let world = world();
    let limited = PROJECT.replace("name = \"shop\"", "name = \"shop\"\nrequires-python = \">=4\"");
    world.write("pyproject.toml", &limited);
    let said = ["pyproject.toml:3", "requires Python >=4", "--python"];
    world.pyfast(&["lock"]).refused(EITHER, &said);
}

#[test]
fn a_lock_that_is_named_as_requirements_is_used_as_it_is() {
    let world = world();
    world.require(&["a<2"]).lock(&["-o", "pylock.dev.toml"]).ok();
    world.require(&["b"]);
    let synced = Synced::of(world.pyfast(&["sync", "--json", "-r", "pylock.dev.toml"]));
    assert_eq!(synced.packages(), ["a==1.0"]);
}

#[test]
fn the_lock_of_an_environment_of_groups_alone_is_found_again() {
    let world = world();
    world.write("pyfast.toml", "[env.default]\ngroups = [\"lint\"]\n");
    world.pyfast(&["lock"]).ok();
    assert_eq!(world.lock_packages(), ["e==2.0"]);
    let tree = world.pyfast(&["tree"]).ok();
    assert_eq!(tree.stdout, "e==2.0\n");
}
