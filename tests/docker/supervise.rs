//! `pyfast run --supervise` as process 1 of a slim container.

use std::time::{Duration, Instant};

use crate::world::{SLIM, World, text};

/// Starts the command supervised, with nothing that a container could do without.
fn start(world: &World, program: &str) -> String {
    let mount = format!("{}:/pyfast:ro,nocopy", world.volume);
    let output = world.docker(&[
        "run",
        "-d",
        "--read-only",
        "--user",
        "65534",
        "--cap-drop",
        "ALL",
        "--network",
        "none",
        "--env",
        "HOME=",
        "-v",
        &mount,
        "--entrypoint",
        "/pyfast/bin/pyfast",
        SLIM,
        "run",
        "--supervise",
        "--",
        "python",
        "-c",
        program,
    ]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).trim().to_owned()
}

fn logs_with(world: &World, id: &str, word: &str) -> String {
    let begun = Instant::now();
    loop {
        let output = world.docker(&["logs", id]);
        let logs = text(&output.stdout);
        if logs.contains(word) {
            return logs;
        }
        let said = text(&output.stderr);
        assert!(begun.elapsed() < Duration::from_mins(10), "no `{word}` in {logs}{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_sync_restarts_the_command_in_the_same_container_and_stopping_is_quick() {
    let Some(world) = World::new("supervise") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let program = "import alpha, os, signal, sys\n\
                   signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n\
                   print(alpha.__version__, os.getppid(), flush=True)\n\
                   while True: signal.pause()";
    let id = start(&world, program);
    logs_with(&world, &id, "1.0 1\n");
    world.package("alpha", "2.0");
    world.requirements("alpha>1\n");
    world.synced();
    assert_eq!(logs_with(&world, &id, "2.0"), "1.0 1\n2.0 1\n");
    let state = "{{.RestartCount}} {{.State.Running}}";
    let state = world.docker(&["inspect", "--format", state, &id]);
    assert_eq!(text(&state.stdout), "0 true\n", "the engine took no part in it");
    world.docker(&["stop", "-t", "600", &id]);
    let code = world.docker(&["inspect", "--format", "{{.State.ExitCode}}", &id]);
    assert_eq!(text(&code.stdout), "7\n", "it was asked, and not killed when its time was up");
}
