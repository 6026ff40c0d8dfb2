//! `kill -9` in the middle of a sync.

use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::place;
use crate::support::python::check as run;
use crate::support::wheel::Wheel;
use crate::support::world::World;

const PACKAGES: usize = 8;

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
fn whole(world: &World, python: &Path) -> String {
    let script = format!(
        "import importlib, importlib.metadata as m\nfound = set()\nfor n in range({PACKAGES}):\n\
         \x20   p = importlib.import_module(f'p{{n}}')\n    found.add(p.__version__)\n\
         \x20   found.add(m.version(f'p{{n}}'))\n    for k in range(20):\n\
         \x20       found.add('1.%d' % importlib.import_module(f'p{{n}}.m{{k}}').round)\n\
         print(*found)"
    );
    let text = run(world.place.program(python).args(["-c", &script]));
    assert_eq!(text.split_whitespace().count(), 1, "a mixture of versions: {text}");
    text.trim().to_owned()
}

/// Starts a sync and kills it after this time; whether it was still at work.
fn kill_after(world: &World, time: Duration) -> bool {
    let mut child = start(world);
    sleep(time);
    let hit = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    hit
}

/// How long a sync is taken to be at work after one was killed or had ended before: then the machine does less than it did.
fn aimed(usual: Duration, is_hit: bool, hits: &mut u32) -> Duration {
    *hits += u32::from(is_hit);
    if is_hit { usual } else { usual * 3 / 4 }
}

/// The sync that was measured may have been a slow one; some must be hit all the same.
#[track_caller]
fn check_hits(hits: u32, rounds: u32) {
    assert!(
        hits > 0 && hits * 8 >= rounds,
        "only {hits} of {rounds} syncs were killed in the middle"
    );
}

#[test]
fn killed_sync_leaves_the_old_or_the_new_environment_and_the_next_one_heals() {
    let Some(world) = place::world() else { return };
    publish(&world, 0);
    let python = world.sync(&[]).bin("python");
    assert_eq!(whole(&world, &python), version(0));
    // The first sync also asks the interpreter; how long the others take is seen at the second.
    publish(&world, 1);
    let begun = Instant::now();
    world.sync(&[]);
    let mut usual = begun.elapsed();
    let (mut hits, rounds) = (0, world.place.times(24));
    for round in 1..=rounds {
        publish(&world, round + 1);
        usual = aimed(usual, kill_after(&world, usual * round / rounds), &mut hits);
        let found = whole(&world, &python);
        let possible = [version(round), version(round + 1)];
        assert!(possible.contains(&found), "round {round}: {found}");
        world.sync(&[]);
        assert_eq!(whole(&world, &python), version(round + 1), "round {round} is healed");
    }
    check_hits(hits, rounds);
}

#[test]
fn first_sync_that_is_killed_leaves_no_environment_or_a_whole_one() {
    let Some(mut world) = place::world() else { return };
    publish(&world, 0);
    let begun = Instant::now();
    let current = world.sync(&[]).current().strip_prefix(&world.root).unwrap().to_owned();
    let mut usual = begun.elapsed();
    let (mut hits, rounds) = (0, world.place.times(8));
    for round in 1..=rounds {
        world.move_on();
        usual = aimed(usual, kill_after(&world, usual * round / rounds), &mut hits);
        let python = world.root.join(&current).join("bin/python");
        if fs_err::symlink_metadata(world.root.join(&current)).is_ok() {
            assert_eq!(whole(&world, &python), version(0), "round {round}");
        }
        world.sync(&[]);
        assert_eq!(whole(&world, &python), version(0), "round {round} is healed");
    }
    check_hits(hits, rounds);
}
