//! A volume that many containers use at once, and one whose writer is killed, and the least that a command needs to start from it.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::it::support::copy_program;
use crate::wheels::Wheel;
use crate::world::{NONE, PYFAST, SLIM, World, text};

/// The program in a container that may write the volume, with the project and its wheels mounted.
fn in_volume(world: &World, options: &[&str], arguments: &[&str]) -> Output {
    let mount = format!("{}:/pyfast:nocopy", world.volume);
    let project = format!("{}:/app:ro", world.project().display());
    let wheels = format!("{}:/wheels:ro", world.project().with_file_name("wheels").display());
    let common = ["run", "--network", "none", "-w", "/app", "-v", &mount, "-v", &project];
    let settings = ["-e", "PYFAST_NO_INDEX=true", "-e", "PYFAST_FIND_LINKS=/wheels", "-v", &wheels];
    let program = ["--entrypoint", "/pyfast/bin/pyfast", SLIM];
    world.docker(&[&common[..], &settings[..], options, &program[..], arguments].concat())
}

const RUN_BETA: [&str; 7] = [
    "run",
    "-r",
    "/app/requirements.txt",
    "--",
    "python",
    "-c",
    "import beta; print(beta.__version__)",
];

/// A volume that holds the program, as it is injected, and nothing else.
fn inject_only(world: &World) {
    world.docker(&["volume", "create", &world.volume]);
    let bin = world.root().join("bin");
    fs_err::create_dir(&bin).unwrap();
    copy_program(Path::new(PYFAST), &bin.join("pyfast-0123456789ab"));
    std::os::unix::fs::symlink("pyfast-0123456789ab", bin.join("pyfast")).unwrap();
}

#[test]
fn ten_containers_that_start_at_once_make_one_install() {
    let Some(world) = World::new("ten") else { return };
    inject_only(&world);
    world.package("beta", "1.0");
    world.requirements("beta\n");
    let outputs: Vec<Output> = std::thread::scope(|scope| {
        let run = || in_volume(&world, &["--rm"], &RUN_BETA);
        let all: Vec<_> = (0..10).map(|_| scope.spawn(run)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for output in &outputs {
        assert_eq!(text(&output.stdout), "1.0\n", "{}", text(&output.stderr));
    }
    let installs = outputs.iter().filter(|output| text(&output.stderr).contains("beta")).count();
    assert_eq!(installs, 1, "one says what it added, the others find it there");
}

/// Whether anything lies below the directory.
fn holds_something(directory: &Path) -> bool {
    fs_err::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
}

#[test]
fn a_container_killed_in_the_middle_of_a_sync_leaves_a_volume_that_the_next_heals() {
    let Some(world) = World::new("killed") else { return };
    inject_only(&world);
    let names: Vec<String> = (0..4000).map(|number| format!("beta/m{number}.py")).collect();
    let mut files: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "X = 1\n")).collect();
    files.push(("beta/__init__.py", "__version__ = '1.0'\n"));
    world.wheel(&Wheel {
        name: "beta",
        version: "1.0",
        requires: &[],
        files: &files,
        scripts: &[],
    });
    world.requirements("beta\n");
    let id = text(&in_volume(&world, &["-d"], &RUN_BETA).stdout).trim().to_owned();
    let (wheels, begun) = (world.root().join("store/v1/wheels"), Instant::now());
    while !holds_something(&wheels) {
        assert!(begun.elapsed() < Duration::from_mins(10), "nothing was unpacked");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(world.docker(&["kill", &id]).status.success());
    let code = text(&world.docker(&["wait", &id]).stdout);
    assert_eq!(code, "137\n");
    assert!(!holds_something(&world.root().join("envs/v1")), "it was killed before its end");
    let healed = in_volume(&world, &["--rm"], &RUN_BETA);
    assert_eq!(text(&healed.stdout), "1.0\n", "{}", text(&healed.stderr));
    let verified = in_volume(&world, &["--rm"], &["verify", "--all"]);
    assert!(verified.status.success(), "{}{}", text(&verified.stdout), text(&verified.stderr));
}

/// `run --` with nothing that a container could do without.
fn barest(world: &World, image: &str, command: &[&str]) -> Output {
    let mount = format!("{}:/pyfast:ro,nocopy", world.volume);
    let locked = ["run", "--rm", "--read-only", "--user", "65534", "--cap-drop", "ALL"];
    let without = ["--network", "none", "-e", "HOME=", "-e", "PATH=", "-v", &mount];
    let program = ["--entrypoint", "/pyfast/bin/pyfast", image, "run", "--"];
    world.docker(&[&locked[..], &without[..], &program[..], command].concat())
}

#[test]
fn a_command_starts_without_rights_home_path_or_shell() {
    let Some(world) = World::new("barest") else { return };
    world.package("alpha", "1.0");
    world.requirements("alpha\n");
    world.synced();
    let probe = "import alpha, os; print(alpha.__version__, os.getpid(), os.getuid())";
    let output = barest(&world, SLIM, &["python", "-c", probe]);
    assert_eq!(text(&output.stdout), "1.0 1 65534\n", "{}", text(&output.stderr));
    // An image with no file at all: whatever starts there was started by no shell.
    let output = barest(&world, NONE, &["/pyfast/bin/pyfast", "--version"]);
    assert!(text(&output.stdout).starts_with("pyfast "), "{}", text(&output.stderr));
}

#[test]
fn a_prune_of_volumes_spares_the_environments() {
    let Some(world) = World::new("prune") else { return };
    world.package("beta", "1.0");
    world.requirements("beta\n");
    world.synced();
    let there = || world.docker(&["volume", "inspect", &world.volume]).status.success();
    // Volumes of other tests have other labels.
    let label = "{{index .Labels \"io.pyfast.id\"}}";
    let id = text(&world.docker(&["volume", "inspect", "--format", label, &world.volume]).stdout);
    let filter = format!("label=io.pyfast.id={}", id.trim());
    assert!(id.trim().len() > 8, "{id}");
    world.docker(&["volume", "prune", "--force", "--filter", &filter]);
    assert!(there());

    let keepers = world.keepers();
    let [keeper] = &keepers[..] else {
        assert!(keepers.is_empty(), "{keepers:?}");
        // This engine spares named volumes.
        return;
    };
    world.docker(&["rm", keeper]);
    world.docker(&["volume", "prune", "--force", "--filter", &filter]);
    assert!(!there(), "without the keeper this engine takes it");
}
