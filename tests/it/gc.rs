//! `pyfast gc`.

use std::process::Stdio;
use std::time::Duration;

use crate::place;
use crate::support::ran::{MENDABLE, Ran, USAGE};
use crate::support::synced::Synced;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Four versions of `a`, synced one after the other.
fn world() -> Option<(World, Vec<Synced>)> {
    let world = place::world()?;
    let synced = ["1.0", "2.0", "3.0", "4.0"].map(|version| {
        world.index.add(&Wheel::new("a", version));
        world.require(&[&format!("a=={version}")]).sync(&[])
    });
    Some((world, synced.into()))
}

#[test]
fn old_environments_go_with_their_wheels_and_the_rest_works() {
    let Some((world, synced)) = world() else { return };
    let plan = world.pyfast(&["gc", "--keep", "2", "--recent", "0", "--dry-run"]).ok();
    assert!(plan.stdout.contains(&format!("remove environment {}", synced[0].id())), "{plan}");
    assert!(plan.stdout.contains("remove wheel a 1.0"), "{plan}");
    assert!(synced[0].environment().exists(), "nothing was removed yet");
    let json = world.pyfast(&["gc", "--keep", "2", "--recent", "0", "--json"]).ok().json();
    assert!(json["bytes"].as_u64().unwrap() > 0, "{json}");
    let there: Vec<bool> = synced.iter().map(|one| one.environment().exists()).collect();
    assert_eq!(there, [false, false, true, true]);
    assert_eq!(synced[3].evaluate("import a; print(a.__version__)").trim(), "4.0");
    world.pyfast(&["verify", "--all"]).ok();
    world.pyfast(&["rollback", "-1"]).ok();
    world.pyfast(&["rollback", &synced[0].id()]).refused(MENDABLE, &[&synced[0].id(), "history"]);
    world.require(&["a==1.0"]).sync(&[]);
    assert_eq!(synced[0].evaluate("import a; print(a.__version__)").trim(), "1.0");
}

#[test]
fn nothing_recent_goes_unless_that_is_asked_for() {
    let Some((world, synced)) = world() else { return };
    let json = world.pyfast(&["gc", "--keep", "1", "--json"]).ok().json();
    assert_eq!(json["removed"].as_array().unwrap().len(), 0, "{json}");
    let ran = world.pyfast(&["gc", "--keep", "1"]).ok();
    assert!(ran.stderr.contains("--recent 0 takes them too"), "{ran}");
    assert!(synced.iter().all(|one| one.environment().exists()));
}

#[test]
fn a_collection_that_is_killed_leaves_whole_things_only() {
    let Some((world, synced)) = world() else { return };
    for round in 0..world.place.times(12) {
        let version = ["1.0", "2.0", "3.0"][round as usize % 3];
        world.require(&[&format!("a=={version}")]).sync(&[]);
        world.require(&["a==4.0"]).sync(&[]);
        let mut command = world.command(&["gc", "--keep", "0", "--recent", "0"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(u64::from(round) * 2));
        let _ = child.kill();
        child.wait().unwrap();
        world.pyfast(&["verify", "--all"]).ok();
        assert_eq!(synced[3].evaluate("import a; print(a.__version__)").trim(), "4.0");
    }
}

#[test]
fn syncs_and_collections_at_the_same_time_disturb_nobody() {
    let Some((world, synced)) = world() else { return };
    for round in 0..world.place.times(6) {
        let version = ["1.0", "2.0"][round as usize % 2];
        world.require(&[&format!("a=={version}")]);
        let start = |args: &[&str]| {
            let mut command = world.command(args);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let collect = ["gc", "--keep", "0", "--recent", "0"];
        let children = [
            start(&collect),
            start(&["sync", "--json", "-r", "requirements.txt"]),
            start(&collect),
        ];
        for child in children {
            Ran::wait(child).ok();
        }
        assert_eq!(synced[0].evaluate("import a; print(a.__version__)").trim(), version);
        world.pyfast(&["verify"]).ok();
    }
}

#[test]
fn a_size_that_is_none_is_usage() {
    let Some(world) = place::world() else { return };
    world.pyfast(&["gc", "--max-size", "much"]).refused(USAGE, &["much", "200MB"]);
}
