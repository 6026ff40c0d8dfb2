//! A volume that many containers use at once, and one whose writer is killed.

use std::process::Output;

use crate::world::{SLIM, World, text};

/// `run -r requirements.txt` in a container that may write the volume, with the project and its wheels mounted.
fn install_and_run(world: &World, name: &str) -> Output {
    let mount = format!("{}:/pyfast:nocopy", world.volume);
    let project = format!("{}:/app:ro", world.project().display());
    let wheels = format!("{}:/wheels:ro", world.project().with_file_name("wheels").display());
    world.docker(&[
        "run",
        "--rm",
        "--name",
        name,
        "--network",
        "none",
        "-v",
        &mount,
        "-v",
        &project,
        "-v",
        &wheels,
        "-w",
        "/app",
        "-e",
        "PYFAST_NO_INDEX=true",
        "-e",
        "PYFAST_FIND_LINKS=/wheels",
        "--entrypoint",
        "/pyfast/bin/pyfast",
        SLIM,
        "run",
        "-r",
        "/app/requirements.txt",
        "--",
        "python",
        "-c",
        "import beta; print(beta.__version__)",
    ])
}

#[test]
fn ten_containers_that_start_at_once_make_one_install() {
    let Some(world) = World::new("ten") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    // The volume holds the program now, and nothing that the ten need.
    world.package("beta", "1.0");
    world.requirements("beta\n");
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let (world, run) = (&world, install_and_run);
        let name = |number| format!("{}-{number}", world.volume);
        let all: Vec<_> =
            (0..10).map(|number| scope.spawn(move || run(world, &name(number)))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for output in &outputs {
        assert_eq!(text(&output.stdout), "1.0\n", "{}", text(&output.stderr));
    }
    let installs = outputs.iter().filter(|output| text(&output.stderr).contains("beta")).count();
    assert_eq!(installs, 1, "one says what it added, the others find it there");
}
