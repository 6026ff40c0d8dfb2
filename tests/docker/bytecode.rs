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
    // Also where the tests are the command of a container.
    command.env("PYFAST_COMPILE", "later");
    let Output { status, stdout, stderr } = command.output().unwrap();
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

/// A container whose process 1 runs this script, with the volume, the project and the wheels.
fn contained(world: &World, options: &[&str], script: &str) -> Output {
    let wheels = world.project().with_file_name("wheels");
    let mounts = [
        format!("{}:/pyfast", world.volume),
        format!("{}:/shop", world.project().display()),
        format!("{}:/wheels", wheels.display()),
    ];
    let mut command = vec!["run", "--rm", "--network", "none", "-e", "HOME=/tmp"];
    command.extend(["-e", "PYFAST_PROJECT_NAME=inside"]);
    command.extend(mounts.iter().flat_map(|mount| ["-v", mount.as_str()]));
    command.extend(options);
    command.extend([SLIM, "/bin/sh", "-c", script]);
    world.docker(&command)
}

/// A sync inside, and what it answers.
const INSIDE: &str =
    "/pyfast/bin/pyfast sync --project /shop --no-index --find-links /wheels --json";

fn is_compiling(ran: &Output) -> bool {
    let told: serde_json::Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&ran.stderr)));
    told["compiling"].as_bool().unwrap()
}

#[test]
fn a_sync_that_is_a_containers_own_command_waits_for_its_bytecode() {
    let Some(world) = world("bytecode-own", false) else { return };
    // A shell that does not become its last command, as those of image builds.
    assert!(!is_compiling(&contained(&world, &[], &format!("{INSIDE}; true"))));
    let find = "find -L /pyfast/envs -path '*alpha/__pycache__/*.pyc' | grep -c .";
    assert_ne!(text(&contained(&world, &[], find).stdout).trim(), "0");
}

#[test]
fn a_sync_that_is_called_into_a_running_container_does_not_wait() {
    let Some(world) = world("bytecode-called", false) else { return };
    let container = contained(&world, &["-d"], "sleep 600; true");
    let container = text(&container.stdout).trim().to_owned();
    let held = hold(&world);
    let called = world.docker(&["exec", &container, "/bin/sh", "-c", &format!("{INSIDE}; true")]);
    drop(held);
    let is_told = is_compiling(&called);
    until("the bytecode is there", || is_done(&world));
    assert!(world.docker(&["rm", "-f", &container]).status.success());
    assert!(is_told);
}
