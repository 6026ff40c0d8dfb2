//! Bytecode that comes after a sync, in volumes that the program writes and in those that only containers write. What
//! compiles waits for a lock that the test holds.

use std::path::Path;
use std::process::Output;

use pyfast_root::{Lock, LockName, Root, Share};

use crate::remote::forward;
use crate::support::until;
use crate::support::wheel::sha256;
use crate::world::{SLIM, World, text};

/// Whether the module has bytecode, which a container that may not write finds or does not.
const PROBE: &str = "import alpha, os; print(os.path.exists(alpha.__spec__.cached))";

/// A volume that has an environment without `alpha`, which is wanted now. Far away only containers write it.
fn world(purpose: &str, far: bool) -> Option<World> {
    let mut world = World::new(purpose)?;
    if far {
        world.host = forward(&world.client_host);
    }
    world.package("alpha", "1.0");
    world.package("beta", "1.0");
    world.requirements("beta\n");
    // What is asked for once is asked for again by who says nothing: here nobody has ever said anything.
    sync(&world);
    until("the first bytecode is there", || is_done(&world) && world.containers().is_empty());
    world.requirements("alpha\n");
    Some(world)
}

/// A sync that says nothing of bytecode; its result.
fn sync(world: &World) -> serde_json::Value {
    let wheels = world.project().with_file_name("wheels");
    let arguments = ["sync", "-r", "requirements.txt", "--volume", &world.volume, "--image", SLIM];
    let links = ["--no-index", "--find-links", wheels.to_str().unwrap(), "--json"];
    let mut command = world.command(&[&arguments[..], &links[..]].concat());
    let Output { status, stdout, stderr } = command.env_remove("PYFAST_COMPILE").output().unwrap();
    assert!(status.success(), "{}", text(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

/// Has whoever compiles wait for `alpha`.
fn hold(world: &World) -> Lock {
    let root = Root::create(&world.root(), Path::new("/pyfast")).unwrap();
    let wheels = world.project().with_file_name("wheels");
    let wheel = fs_err::read(wheels.join("alpha-1.0-py3-none-any.whl")).unwrap();
    let lock = root.queue(&LockName::bytecode(&sha256(&wheel)), Share::Alone).unwrap();
    assert!(lock.is_held().unwrap());
    lock
}

fn is_done(world: &World) -> bool {
    fs_err::read_dir(world.root().join("store/v1/uncompiled"))
        .is_ok_and(|mut waiting| waiting.next().is_none())
}

fn check(purpose: &str, far: bool) {
    let Some(world) = world(purpose, far) else { return };
    let held = hold(&world);
    assert_eq!(sync(&world)["compiling"], true);
    assert_eq!(world.printed(&["python", "-c", PROBE]), "False\n", "it starts without");
    drop(held);
    until("the bytecode is there", || is_done(&world));
    assert_eq!(world.printed(&["python", "-c", PROBE]), "True\n");
    until("no container is left behind", || world.containers().is_empty());
    let again = sync(&world);
    assert_eq!((&again["changed"], &again["compiling"]), (&false.into(), &false.into()));
}

#[test]
fn a_container_starts_before_the_bytecode_of_its_volume_is_there() {
    check("bytecode-near", false);
}

#[test]
fn a_container_starts_before_the_bytecode_of_a_volume_is_there_that_only_containers_write() {
    check("bytecode-far", true);
}

#[test]
fn a_killed_container_that_compiles_is_followed_by_another_one() {
    let Some(world) = world("bytecode-killed", true) else { return };
    let held = hold(&world);
    sync(&world);
    until("one compiles", || !world.containers().is_empty());
    let one = world.containers();
    // One that is not started yet cannot be killed.
    let kill = ["kill", "-s", "KILL", one.trim()];
    until("it is killed", || world.docker(&kill).status.success());
    until("the killed one is removed", || !world.containers().contains(one.trim()));
    drop(held);
    assert!(!is_done(&world));
    assert_eq!(sync(&world)["compiling"], true);
    until("the bytecode is there", || is_done(&world));
    assert_eq!(world.printed(&["python", "-c", PROBE]), "True\n");
}

#[test]
fn a_volume_is_removed_while_a_container_compiles_in_it() {
    let Some(world) = world("bytecode-removed", true) else { return };
    let _held = hold(&world);
    sync(&world);
    until("one compiles", || !world.containers().is_empty());
    let removed = world.pyfast(&["env", "rm", "--all", "--volume", &world.volume]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    assert!(!world.docker(&["volume", "inspect", &world.volume]).status.success());
    assert_eq!(world.containers(), "");
}

#[test]
fn a_sync_that_is_a_containers_own_command_waits_for_its_bytecode() {
    let Some(world) = world("bytecode-own", false) else { return };
    let (project, wheels) = (world.project(), world.project().with_file_name("wheels"));
    let mount = |from: &str, to: &str| ["-v".to_owned(), format!("{from}:{to}")];
    let mounts = [
        mount(&world.volume, "/pyfast"),
        mount(project.to_str().unwrap(), "/shop"),
        mount(wheels.to_str().unwrap(), "/wheels"),
    ];
    // A shell that does not become its last command, as those of image builds.
    let script =
        "/pyfast/bin/pyfast sync --project /shop --no-index --find-links /wheels --json; true";
    let mut command = vec![
        "run",
        "--rm",
        "--network",
        "none",
        "-e",
        "HOME=/tmp",
        "-e",
        "PYFAST_PROJECT_NAME=inside",
    ];
    command.extend(mounts.iter().flatten().map(String::as_str));
    command.extend([SLIM, "/bin/sh", "-c", script]);
    let ran = world.docker(&command);
    let told: serde_json::Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&ran.stderr)));
    assert_eq!(told["compiling"], false, "{}", text(&ran.stderr));
    let seen = world.docker(&[
        "run",
        "--rm",
        "-v",
        &mounts[0][1],
        SLIM,
        "/bin/sh",
        "-c",
        "find -L /pyfast/envs -path '*alpha/__pycache__/*.pyc' | grep -c .",
    ]);
    assert_ne!(text(&seen.stdout).trim(), "0");
}
