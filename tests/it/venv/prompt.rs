//! What a shell's prompt shows of an activated environment.

use std::path::Path;
use std::process::Command;

use super::world;
use crate::support::python::check;
use crate::support::world::World;

/// What bash would show as its prompt after these lines, with everything in it expanded.
fn prompt(world: &World, variables: &[(&str, &str)], lines: &str) -> String {
    let mut bash = Command::new("/bin/bash");
    let script = format!("PS1='$ '; {lines}; printf '%s' \"${{PS1@P}}\"");
    bash.args(["--norc", "-euc", &script]).current_dir(&world.project).env_clear();
    bash.env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").envs(variables.iter().copied());
    check(&mut bash)
}

#[test]
fn a_prompt_shows_the_project_until_the_environment_is_left() {
    let world = world();
    world.require(&["a==1.0"]).sync(&[]);
    assert_eq!(prompt(&world, &[], ". .venv/bin/activate"), "(project) $ ");
    assert_eq!(prompt(&world, &[], ". .venv/bin/activate; deactivate"), "$ ");
    let disabled = [("VIRTUAL_ENV_DISABLE_PROMPT", "1")];
    assert_eq!(prompt(&world, &disabled, ". .venv/bin/activate"), "$ ");
    assert_eq!(prompt(&world, &disabled, ". .venv/bin/activate; deactivate"), "$ ");
}

#[test]
fn a_prompt_shows_configured_names_and_that_of_the_environment() {
    let world = world();
    world.write(
        "pyfast.toml",
        "[project]\nname = \"shop\"\n[env.tools]\nrequirements = [\"r.txt\"]\n",
    );
    world.write("r.txt", "a==1.0\n");
    world.pyfast(&["sync", "--env", "tools"]).ok();
    assert_eq!(prompt(&world, &[], ". .venv/bin/activate"), "(shop-tools) $ ");
    let config = world.read(".venv/pyvenv.cfg");
    assert!(config.contains("\nprompt = shop-tools\n"), "{config}");
}

#[test]
fn nothing_in_the_name_of_a_directory_is_run_by_a_prompt() {
    let mut world = world();
    let trap = world.path("trap");
    world.project = world.path("$(touch trap)`touch trap`\\$(touch trap)");
    fs_err::create_dir(&world.project).unwrap();
    world.require(&["a==1.0"]).sync(&[]);
    let script =
        format!("cd {}; . \"$OLDPWD/.venv/bin/activate\"", trap.parent().unwrap().display());
    let shown = prompt(&world, &[], &script);
    assert!(shown.starts_with("(--touch trap-"), "{shown}");
    assert!(!trap.exists() && !Path::new(&world.project).join("trap").exists());
}
