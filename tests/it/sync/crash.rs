//! `kill -9` in the middle of a sync.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::python::evaluate;
use crate::support::wheel::Wheel;
use crate::support::world::World;

const PACKAGES: usize = 8;
const ROUNDS: u32 = 24;

fn version(round: u32) -> String {
    format!("1.{round}")
}

/// Lists a version of each package whose bytes no earlier round had, and asks for it.
fn publish(world: &World, round: u32) {
    let mut lines = Vec::new();
    for number in 0..PACKAGES {
        let name = format!("p{number}");
        let mut wheel = Wheel::new(&name, &version(round)).padded(20_000);
        for file in 0..20 {
            wheel = wheel.file(&format!("{name}/m{file}.py"), format!("round = {round}\n"));
        }
        world.index.add(&wheel);
        lines.push(format!("{name}=={}", version(round)));
    }
    world.require(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

fn start(world: &World) -> Child {
    let mut command = world.command(&["sync", "--json", "-r", "requirements.txt"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The one version that every package and module of the environment has.
#[track_caller]
fn whole(python: &Path) -> String {
    let script = format!(
        "import importlib, importlib.metadata as m\nfound = set()\nfor n in range({PACKAGES}):\n\
         \x20   p = importlib.import_module(f'p{{n}}')\n    found.add(p.__version__)\n\
         \x20   found.add(m.version(f'p{{n}}'))\n    for k in range(20):\n\
         \x20       found.add('1.%d' % importlib.import_module(f'p{{n}}.m{{k}}').round)\n\
         print(*found)"
    );
    let text = evaluate(python, &script);
    assert_eq!(text.split_whitespace().count(), 1, "a mixture of versions: {text}");
    text.trim().to_owned()
}

#[test]
fn killed_sync_leaves_the_old_or_the_new_environment_and_the_next_one_heals() {
    let world = World::new();
    publish(&world, 0);
    let python = world.sync(&[]).bin("python");
    assert_eq!(whole(&python), version(0));
    // The first sync also asks the interpreter; how long the others take is seen at the second.
    publish(&world, 1);
    let begun = Instant::now();
    world.sync(&[]);
    let usual = begun.elapsed();
    let mut killed = 0;
    for round in 2..=ROUNDS {
        publish(&world, round);
        let mut child = start(&world);
        sleep(usual * round / ROUNDS);
        killed += u32::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        let found = whole(&python);
        let possible = [version(round - 1), version(round)];
        assert!(possible.contains(&found), "round {round}: {found}");
        world.sync(&[]);
        assert_eq!(whole(&python), version(round), "round {round} is healed");
    }
    // On a busy machine the measured sync may have been a slow one; some must be hit all the same.
    assert!(killed >= 3, "only {killed} of {ROUNDS} syncs were killed in the middle");
}

#[test]
fn first_sync_that_is_killed_leaves_no_environment_or_a_whole_one() {
    let mut world = World::new();
    publish(&world, 0);
    let begun = Instant::now();
    let current = world.sync(&[]).current().strip_prefix(&world.root).unwrap().to_owned();
    let usual = begun.elapsed();
    for round in 1..=8 {
        world.root = world.path(&format!("root-{round}"));
        let mut child = start(&world);
        sleep(usual * round / 8);
        let _ = child.kill();
        child.wait().unwrap();
        let python = world.root.join(&current).join("bin/python");
        if fs_err::symlink_metadata(world.root.join(&current)).is_ok() {
            assert_eq!(whole(&python), version(0), "round {round}");
        }
        world.sync(&[]);
        assert_eq!(whole(&python), version(0), "round {round} is healed");
    }
}

#[test]
fn leftovers_of_killed_syncs_are_removed() {
    let world = World::new();
    publish(&world, 0);
    let mut child = start(&world);
    sleep(Duration::from_millis(30));
    let _ = child.kill();
    child.wait().unwrap();
    world.sync(&[]);
    for folder in ["tmp", "locks"] {
        let size: u64 = super::snapshot(&world.root.join(folder))
            .keys()
            .filter_map(|path| fs_err::symlink_metadata(path).ok())
            .filter(std::fs::Metadata::is_file)
            .map(|metadata| metadata.len())
            .sum();
        assert!(size < 100_000, "{folder} holds {size} bytes");
    }
}
