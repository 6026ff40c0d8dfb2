//! Volumes in which a container planted something, or whose files it locks. Nothing of the host changes, nothing of it
//! gets into the volume, and no command hangs. Owns the attacks; `outside` owns what of the host is looked at.

mod outside;

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use self::outside::Outside;
use crate::project::{Project, TWO};
use crate::world::{SLIM, World, text};

/// No command takes longer, unless it hangs: those with an engine make containers.
const LIMIT: Duration = Duration::from_mins(10);

/// Runs it to its end; it has to end by itself, with a code that says that it worked or that the user can mend it.
#[track_caller]
fn ended(mut command: Command) -> Output {
    let [mut out, mut err] = [(); 2].map(|()| tempfile::tempfile().unwrap());
    let copy = |file: &std::fs::File| Stdio::from(file.try_clone().unwrap());
    let mut child = command.stdout(copy(&out)).stderr(copy(&err)).spawn().unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let [stdout, stderr] = [&mut out, &mut err].map(|file| {
        let mut bytes = Vec::new();
        std::io::Seek::rewind(file).unwrap();
        std::io::Read::read_to_end(file, &mut bytes).unwrap();
        bytes
    });
    let said = format!("{}{}", text(&stdout), text(&stderr));
    let status = status.unwrap_or_else(|| panic!("{command:?} HANGS: {LIMIT:?} are over; {said}"));
    assert!(matches!(status.code(), Some(0..=2)), "{command:?} ends with {status}; {said}");
    assert!(!said.contains("panicked"), "{command:?}: {said}");
    Output { status, stdout, stderr }
}

#[track_caller]
fn succeeded(command: Command) -> Output {
    let shown = format!("{command:?}");
    let output = ended(command);
    assert!(output.status.success(), "{shown}: {}", text(&output.stderr));
    output
}

/// The program on the host, with the volume, the image and the local wheels.
fn command(world: &World, args: &[&str]) -> Command {
    let wheels = world.project().with_file_name("wheels");
    let links = ["--no-index", "--find-links", wheels.to_str().unwrap()];
    let place = ["--volume", &world.volume, "--image", SLIM];
    world.command(&[args, &place, &links].concat())
}

const SYNC: &[&str] = &["sync", "-r", "requirements.txt"];

/// What the host does with a volume, each of it as root.
const COMMANDS: &[&[&str]] = &[
    SYNC,
    &["verify", "--all"],
    &["sync", "-r", "requirements.txt", "--reinstall"],
    &["rollback"],
    &["verify", "--all", "--repair"],
    &["gc", "--keep", "0", "--recent", "0", "--max-size", "0"],
    &["list"],
    &["history"],
];

/// A volume with two generations of one project, and something of the host beside it.
fn world(purpose: &str) -> Option<(World, Outside)> {
    let world = World::new(&format!("hostile-{purpose}"))?;
    for version in ["1.0", "2.0"] {
        world.package("alpha", version);
        world.requirements(&format!("alpha=={version}\n"));
        world.synced();
    }
    let outside = Outside::new();
    Some((world, outside))
}

/// Runs a shell script in a container that may write the volume, as a service with the volume writable could.
#[track_caller]
fn planted(world: &World, script: &str) {
    let mount = format!("{}:/pyfast:nocopy", world.volume);
    let run = ["run", "--rm", "--network", "none", "-w", "/pyfast", "-v", &mount];
    let shell = ["--entrypoint", "/bin/sh", SLIM, "-ec", script];
    let output = world.docker(&[&run[..], &shell].concat());
    assert!(output.status.success(), "{script}: {}", text(&output.stderr));
}

/// Plants before each command; whatever the command does, the host stays as it is.
#[track_caller]
fn check(world: &World, outside: &Outside, script: &str) {
    let script = script.replace("<host>", outside.path().to_str().unwrap());
    for args in COMMANDS {
        planted(world, &script);
        let output = ended(command(world, args));
        outside.check(&format!("{args:?} after `{script}`"), &output, &world.root());
    }
}

#[test]
fn lock_of_a_generation_that_links_to_the_host_is_not_copied() {
    let Some((world, outside)) = world("lock") else { return };
    let script = "for one in envs/v1/*; do ln -sf <host>/shadow \"$one/pylock.toml\"; done
                  rm -f projects/*/default/state.json";
    check(&world, &outside, script);
}

#[test]
fn tmp_that_links_to_the_host_loses_nothing_there() {
    let Some((world, outside)) = world("tmp") else { return };
    check(&world, &outside, "rm -rf tmp; ln -s <host> tmp");
}

#[test]
fn bin_that_links_to_the_host_opens_and_gets_nothing_there() {
    let Some((world, outside)) = world("bin") else { return };
    check(&world, &outside, "rm -rf bin; ln -s <host>/private bin");
}

#[test]
fn directories_that_link_to_the_host_get_nothing_there() {
    let Some((world, outside)) = world("folders") else { return };
    for place in ["locks", "projects", "envs/v1", "store/v1/wheels", "store/v1/built", "store"] {
        check(
            &world,
            &outside,
            &format!("rm -rf {place}; mkdir -p $(dirname {place}); ln -s <host> {place}"),
        );
    }
}

#[test]
fn files_that_link_to_the_host_are_neither_read_nor_written() {
    let Some((world, outside)) = world("files") else { return };
    let script = "for one in projects/*/default; do
                      for name in history.jsonl state.json looks.json pylock.toml; do ln -sf <host>/shadow \"$one/$name\"; done
                  done
                  ln -sf <host>/new locks/store; ln -sf <host>/new-2 locks/other";
    check(&world, &outside, script);
    check(&world, &outside, "rm -f layout; ln -s <host>/shadow layout");
}

#[test]
fn start_on_a_volume_with_links_to_the_host_changes_nothing_there() {
    let Some(project) = Project::new("hostile", TWO) else { return };
    project.up();
    let outside = Outside::new();
    for script in ["rm -rf bin; ln -s <host>/private bin", "rm -rf tmp; ln -s <host> tmp"] {
        let script = script.replace("<host>", outside.path().to_str().unwrap());
        planted(&project.world, &script);
        for args in [&["up", "--json"][..], &["ps"], &["restart", "web"], &["doctor"]] {
            let output = ended(project.command(args));
            outside.check(&format!("{args:?} after `{script}`"), &output, &project.world.root());
        }
    }
}

#[test]
fn pipes_in_a_volume_let_nobody_wait() {
    let Some((world, outside)) = world("pipes") else { return };
    for place in [
        "tmp/x",
        "locks/store",
        "locks/*",
        "projects/*/default/history.jsonl",
        "projects/*/default/state.json",
        "projects/*/default/looks.json",
        "projects/*/default/pylock.toml",
        "envs/v1/*/pylock.toml",
        "envs/v1/*/env.json",
        "layout",
    ] {
        let script = format!("for one in {place}; do rm -rf \"$one\"; mkfifo \"$one\"; done");
        check(&world, &outside, &script);
        let mut run = Command::new("docker");
        let mount = format!("{}:/pyfast:ro,nocopy", world.volume);
        run.args(["run", "--rm", "--user", "65534", "--network", "none", "-v", &mount]);
        run.args(["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "--wait", "2", "--", "true"]);
        let output = ended({
            run.env("DOCKER_HOST", &world.client_host);
            run
        });
        outside.check(&format!("a start after `{script}`"), &output, &world.root());
    }
}

/// A service that may only read holds all locks that it can take; the container's id.
#[track_caller]
fn holder(world: &World, user: &str, kind: &str) -> String {
    let mount = format!("{}:/pyfast:ro,nocopy", world.volume);
    let confined = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only"];
    let run = ["run", "-d", "-i", "--network", "none", "--user", user, "-v", &mount];
    let script = include_str!("../data/holder.py");
    let python = ["--entrypoint", "python3", SLIM, "-c", script, "/pyfast", kind, "same"];
    let output = world.docker(&[&run[..], &confined, &python].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let id = text(&output.stdout).trim().to_owned();
    let begun = Instant::now();
    loop {
        let said = text(&world.docker(&["logs", &id]).stdout);
        if let Ok(held) = said.trim().parse::<usize>() {
            assert!(held > 10, "it holds only {held} locks: the test would show nothing");
            return id;
        }
        assert!(begun.elapsed() < LIMIT, "the holder does not tell how many locks it has: {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Services start and the host writes beside a service that holds such locks.
#[track_caller]
fn check_locks(purpose: &str, user: &str) {
    let Some((world, _)) = world(purpose) else { return };
    for kind in ["flock-exclusive", "flock-shared", "open-file"] {
        let id = holder(&world, user, kind);
        let mut start = Command::new("docker");
        let mount = format!("{}:/pyfast:ro,nocopy", world.volume);
        start.env("DOCKER_HOST", &world.client_host);
        start.args(["run", "--rm", "--user", "1000", "--network", "none", "-v", &mount]);
        start.args(["--entrypoint", "/pyfast/bin/pyfast", SLIM, "run", "--", "true"]);
        succeeded(start);
        world.requirements("alpha==2.0\n");
        succeeded(command(&world, SYNC));
        world.requirements("alpha==1.0\n");
        succeeded(command(&world, SYNC));
        succeeded(command(&world, &["gc", "--keep", "0", "--recent", "0"]));
        world.docker(&["rm", "-f", &id]);
    }
}

#[test]
fn locks_of_a_service_that_may_only_read_stop_nobody() {
    check_locks("locks", "65534");
}

#[test]
fn locks_of_root_on_a_mount_that_may_only_be_read_stop_nobody() {
    check_locks("rootlocks", "0");
}

#[test]
fn project_name_of_another_directory_does_not_take_over_a_volume() {
    let Some((world, _)) = world("name") else { return };
    let configuration = format!(
        "[project]\nname = \"shop\"\nroot = \"volume:{}\"\n[env.default]\nimage = \"{SLIM}\"\n",
        world.volume
    );
    let wheels = world.project().with_file_name("wheels");
    let other = world.project().with_file_name("clone");
    let sync = |folder: &std::path::Path, version: &str, more: &[&str]| {
        fs_err::create_dir_all(folder).unwrap();
        fs_err::write(folder.join("pyfast.toml"), &configuration).unwrap();
        fs_err::write(folder.join("requirements.txt"), format!("alpha=={version}\n")).unwrap();
        let project = ["sync", "--json", "--project", folder.to_str().unwrap()];
        let links = ["--no-index", "--find-links", wheels.to_str().unwrap()];
        let mut command = world.command(&[&project[..], &links, more].concat());
        command.current_dir(folder);
        ended(command)
    };
    let first = sync(&world.project(), "2.0", &[]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let current = world.root().join("projects/shop/default/current");
    let before = fs_err::read_link(&current).unwrap();
    let refused = sync(&other, "1.0", &[]);
    assert_eq!(fs_err::read_link(&current).unwrap(), before, "the other's environment is replaced");
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("--project-name"), "{}", text(&refused.stderr));
    let taken = sync(&other, "1.0", &["--project-name", "shop"]);
    assert!(taken.status.success(), "{}", text(&taken.stderr));
    assert_ne!(fs_err::read_link(&current).unwrap(), before);
    fs_err::remove_dir_all(&other).unwrap();
    let back = sync(&world.project(), "2.0", &[]);
    assert!(back.status.success(), "its directory is gone: {}", text(&back.stderr));
}
