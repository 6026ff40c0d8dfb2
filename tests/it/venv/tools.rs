//! Other tools in an environment, by the project's `.venv` as people have them.

use std::path::Path;
use std::process::Command;

use super::world;
use crate::support::python::{check, evaluate, python, tool};
use crate::support::ran::Ran;
use crate::support::world::World;

/// A command with an activated environment.
fn activated(world: &World, mut command: Command) -> Command {
    let venv = world.project.join(".venv");
    command.env("VIRTUAL_ENV", &venv).current_dir(&world.project);
    command.env("PATH", format!("{}:/usr/bin:/bin", venv.join("bin").display()));
    command
}

fn uv(world: &World, arguments: &[&str]) -> String {
    let mut uv = activated(world, tool("uv", &world.path("home")));
    check(uv.args(arguments).args(["--no-cache", "--default-index", &world.index.url()]))
}

/// A sync says that somebody else has changed the environment, or that nothing was to do.
fn check_noticed(world: &World, noticed: bool) {
    let ran: Ran = world.pyfast(&["sync", "-r", "requirements.txt"]).ok();
    assert_eq!(ran.stderr.contains("changed from outside"), noticed, "{ran}");
    assert!(ran.stderr.contains("nothing to do"), "{ran}");
}

#[test]
fn uv_installs_into_an_activated_environment_and_the_next_sync_takes_it_back() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    uv(&world, &["pip", "install", "--quiet", "a==2.0"]);
    let python = world.project.join(".venv/bin/python");
    assert_eq!(evaluate(&python, "import a; print(a.__version__)"), "2.0\n");
    check_noticed(&world, true);
    assert_eq!(evaluate(&python, "import a; print(a.__version__)"), "1.0\n");
    assert!(world.pyfast(&["verify"]).ok().stderr.contains("as it was installed"));
}

#[test]
fn uv_that_finds_everything_there_changes_nothing() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    uv(&world, &["pip", "install", "--quiet", "a==1.0"]);
    check_noticed(&world, false);
    world.pyfast(&["verify"]).ok();
}

#[test]
fn venv_and_uv_that_empty_the_environment_through_the_link_are_undone() {
    for tool_name in ["venv", "uv"] {
        let world = world();
        let synced = world.require(&["a==1.0"]).sync(&[]);
        let mut command = if tool_name == "uv" {
            let mut uv = tool("uv", &world.path("home"));
            uv.args(["venv", "--quiet", "--clear", "--no-cache", "--python", &world.python]);
            uv
        } else {
            let mut venv = Command::new(python());
            venv.args(["-m", "venv", "--clear", "--without-pip"]);
            venv
        };
        // Python's own fails, after it has removed everything.
        let _ = command.arg(".venv").current_dir(&world.project).output().unwrap();
        world.sync(&[]);
        let say = |bin: &Path| check(&mut Command::new(bin.join("say-a")));
        assert_eq!(say(&synced.current().join("bin")), "a 1.0\n", "{tool_name}");
        assert_eq!(say(&world.project.join(".venv/bin")), "a 1.0\n", "{tool_name}");
    }
}

#[test]
fn python_takes_it_for_a_virtual_environment() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    let venv = world.project.join(".venv");
    let code = "import site, sys, sysconfig; print(sys.prefix, sys.prefix != sys.base_prefix, \
        site.ENABLE_USER_SITE, site.getsitepackages() == [sysconfig.get_path('purelib')], \
        sysconfig.get_path('scripts'), sysconfig.get_path('purelib').startswith(sys.prefix))";
    let said = evaluate(&venv.join("bin/python"), code);
    assert_eq!(said, format!("{0} True False True {0}/bin True\n", venv.display()));
    let config = world.read(".venv/pyvenv.cfg");
    let keys: Vec<&str> =
        config.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    let expected = [
        "home",
        "implementation",
        "version",
        "version_info",
        "pyfast",
        "include-system-site-packages",
        "prompt",
    ];
    assert_eq!(keys, expected, "{config}");
}

#[test]
fn a_virtual_environment_is_made_of_its_interpreter() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    let (python, inner) = (world.project.join(".venv/bin/python"), world.path("inner"));
    check(Command::new(&python).args(["-m", "venv", "--without-pip"]).arg(&inner));
    let code = "import sys, importlib.util; print(sys.prefix, importlib.util.find_spec('a'))";
    let said = evaluate(&inner.join("bin/python"), code);
    assert_eq!(said, format!("{} None\n", inner.display()));
}
