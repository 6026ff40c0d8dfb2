//! The main road: a volume filled by `sync`, and slim containers that use it.

use crate::wheels::Wheel;
use crate::world::{NONE, SLIM, World, text};

#[test]
fn a_slim_read_only_container_of_any_user_runs_what_was_synced() {
    let Some(world) = World::new("main") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    let result = world.synced();
    assert_eq!(result["changed"], true);
    assert_eq!(result["packages"][0]["name"], "alpha");
    let probe = "import alpha, os, sys; print(alpha.__version__, os.getpid(), sys.prefix, os.environ['VIRTUAL_ENV'])";
    let printed = world.printed(&["python", "-c", probe]);
    let generation = format!("/pyfast/envs/v1/{}", result["id"].as_str().unwrap());
    assert_eq!(
        printed,
        format!("1.0 1 {generation} {generation}\n"),
        "the concrete generation, as process 1"
    );
    assert_eq!(
        world.printed(&["alpha-tool"]),
        "alpha 1.0\n",
        "console scripts run by the path containers see"
    );
}

#[test]
fn a_dependency_change_needs_no_image_and_a_second_sync_nothing() {
    let Some(world) = World::new("change") else { return };
    world.package("alpha", "1.0");
    world.package("beta", "2.0");
    world.requirements("alpha\n");
    let image = world.image_id();
    let first = world.synced();
    assert_eq!(world.run(&["--rm"], &["python", "-c", "import beta"]).status.code(), Some(1));
    world.requirements("alpha\nbeta\n");
    let second = world.synced();
    assert_eq!(second["added"].as_array().unwrap().len(), 1, "{second}");
    assert_eq!(
        world.printed(&["python", "-c", "import alpha, beta; print(beta.__version__)"]),
        "2.0\n"
    );
    assert_eq!(world.image_id(), image);
    let again = world.synced();
    assert_eq!((&again["changed"], &again["id"]), (&false.into(), &second["id"]));
    world.requirements("alpha\n");
    assert_eq!(world.synced()["id"], first["id"], "going back is the same generation");
    assert_eq!(world.containers(), "", "no container is left behind");
}

#[test]
fn a_running_container_keeps_its_generation() {
    let Some(world) = World::new("keep") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let program = "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n\
                   import alpha\nprint('ready', flush=True)\nsignal.sigwait([signal.SIGUSR1])\n\
                   from alpha import late\nprint(alpha.__version__, late.VERSION)";
    let started = world.run(&["-d"], &["python", "-c", program]);
    let id = text(&started.stdout).trim().to_owned();
    let logs = || text(&world.docker(&["logs", &id]).stdout);
    for _ in 0..500 {
        if logs().contains("ready") {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    world.package("alpha", "2.0");
    world.synced();
    world.docker(&["kill", "-s", "USR1", &id]);
    world.docker(&["wait", &id]);
    assert_eq!(logs(), "ready\n1.0 1.0\n", "imports after the switch come from the old generation");
    assert_eq!(
        world.printed(&["python", "-c", "from alpha import late; print(late.VERSION)"]),
        "2.0\n"
    );
}

#[test]
fn bytecode_is_in_the_volume_because_containers_cannot_write_it() {
    let Some(world) = World::new("bytecode") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let probe = "import alpha, os; print(os.path.exists(alpha.__spec__.cached), alpha.__spec__.cached.startswith('/pyfast/'))";
    assert_eq!(world.printed(&["python", "-c", probe]), "True True\n");
}

#[test]
fn the_commands_code_and_arguments_pass_through() {
    let Some(world) = World::new("codes") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let code = |command: &[&str]| world.run(&["--rm"], command).status.code();
    assert_eq!(code(&["python", "-c", "raise SystemExit(7)"]), Some(7));
    assert_eq!(code(&["no-such-command"]), Some(127));
    assert_eq!(code(&["/etc/passwd"]), Some(126));
    let echoed = world.printed(&[
        "python",
        "-c",
        "import sys; print(sys.argv[1:])",
        "--",
        "-v",
        "--env",
        "a b",
    ]);
    assert_eq!(echoed, "['--', '-v', '--env', 'a b']\n");
}

#[test]
fn dependencies_are_resolved_for_the_image_and_not_for_this_machine() {
    let Some(world) = World::new("markers") else { return };
    world.package("alpha", "1.0");
    world.wheel(&Wheel {
        name: "gamma",
        version: "1.0",
        requires: &[
            "alpha; python_version == '3.11' and sys_platform == 'linux'",
            "missing; python_version < '3.11'",
        ],
        files: &[("gamma.py", "")],
        scripts: &[],
    });
    world.requirements("gamma\n");
    world.synced();
    assert_eq!(
        world.printed(&["python", "-c", "import gamma, alpha; print(alpha.__version__)"]),
        "1.0\n"
    );
}

#[test]
fn the_injected_binary_runs_in_an_image_without_a_c_library() {
    let Some(world) = World::new("bare") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let mount = format!("{}:/pyfast:ro,nocopy", world.volume);
    let bare = [
        "run",
        "--rm",
        "--network",
        "none",
        "-v",
        &mount,
        "--entrypoint",
        "/pyfast/bin/pyfast",
        NONE,
    ];
    let output = world.docker(&[&bare[..], &["--version"]].concat());
    assert!(text(&output.stdout).starts_with("pyfast "), "{}", text(&output.stderr));
    let output = world.docker(&[&bare[..], &["run", "--", "python", "-c", ""]].concat());
    assert_eq!(output.status.code(), Some(127), "the interpreter of {SLIM} is not in {NONE}");
}
