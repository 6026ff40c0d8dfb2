//! Several syncs on one root at the same moment.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};

use crate::place;
use crate::support::python::check as run;
use crate::support::ran::Ran;
use crate::support::synced::Synced;
use crate::support::until;
use crate::support::wheel::Wheel;
use crate::support::world::World;

const PACKAGES: usize = 6;

/// Packages of some size behind an index that takes its time, so that the syncs meet.
fn world() -> Option<World> {
    place::world().map(stock)
}

pub(super) fn stock(world: World) -> World {
    for number in 0..PACKAGES {
        world.index.add(&Wheel::new(&format!("p{number}"), "1.0").padded(200_000));
    }
    world.index.delay("/files/", 30);
    let names: Vec<String> = (0..PACKAGES).map(|number| format!("p{number}")).collect();
    let lines: Vec<&str> = names.iter().map(String::as_str).collect();
    world.require(&lines);
    world
}

pub(super) fn start(world: &World) -> Child {
    let mut command = world.command(&["sync", "--json", "-r", "requirements.txt"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// All runs succeed with so many generations, and each wheel was sent once.
fn check(world: &World, children: Vec<Child>, generations: usize) {
    let synced: Vec<Synced> =
        children.into_iter().map(|child| world.synced(Ran::wait(child))).collect();
    for one in &synced {
        assert_eq!(one.installed().len(), PACKAGES);
    }
    let ids: BTreeSet<String> = synced.iter().map(Synced::id).collect();
    assert_eq!(ids.len(), generations);
    for number in 0..PACKAGES {
        let name = format!("p{number}-1.0-py3-none-any.whl");
        assert_eq!(world.index.asked(&name).len(), 1, "{name} is downloaded once");
    }
}

#[test]
fn syncs_at_once_of_one_project_all_succeed_with_one_download_a_wheel() {
    let Some(world) = world() else { return };
    world.lock(&[]).ok();
    world.index.forget();
    let children = (0..world.place.times(8)).map(|_| start(&world)).collect();
    check(&world, children, 1);
}

#[test]
fn syncs_at_once_without_a_lock_all_succeed() {
    let Some(world) = world() else { return };
    let children = (0..world.place.times(8)).map(|_| start(&world)).collect();
    check(&world, children, 1);
}

#[test]
fn projects_at_once_share_the_downloads() {
    let Some(mut world) = world() else { return };
    let text = world.read("requirements.txt");
    let (mut children, projects) = (Vec::new(), world.place.times(8));
    for number in 0..projects {
        world.project = world.path(&format!("project-{number}"));
        world.write("requirements.txt", &text);
        children.push(start(&world));
    }
    let generations = if world.place.shared() { 1 } else { projects };
    check(&world, children, usize::try_from(generations).unwrap());
}

#[test]
fn readers_see_whole_environments_while_syncs_go_on() {
    let Some(world) = place::world() else { return };
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("x", version)).add(&Wheel::new("y", version));
    }
    let synced = world.require(&["x==1.0", "y==1.0"]).sync(&[]);
    let script = "import x, y; print(x.__version__, y.__version__)";
    for round in 0..world.place.times(6) {
        let pin = if round % 2 == 0 { "2.0" } else { "1.0" };
        world.require(&[&format!("x=={pin}"), &format!("y=={pin}")]);
        let mut child = start(&world);
        while child.try_wait().unwrap().is_none() {
            // As `pyfast run` does: the link is followed once, before the start.
            let python = fs_err::canonicalize(synced.current()).unwrap().join("bin/python");
            let seen = run(world.place.program(&python).args(["-c", script]));
            assert!(["1.0 1.0\n", "2.0 2.0\n"].contains(&seen.as_str()), "a mixture: {seen}");
        }
        world.synced(Ran::wait(child));
    }
}

/// Two wheels whose digests begin with the same byte: the store keeps them in one directory.
fn of_one_shelf() -> [Wheel; 2] {
    let first = Wheel::new("first", "1.0");
    let shelf = first.build().sha256[..2].to_owned();
    let others =
        (0..).map(|n| Wheel::new("second", "1.0").file("second/n.py", format!("n = {n}\n")));
    let mut fitting = others.filter(|wheel| wheel.build().sha256.starts_with(&shelf));
    [first, fitting.next().expect("one of 256 or so fits")]
}

#[test]
fn wheels_of_one_shelf_are_fetched_at_once() {
    let Some(world) = place::world() else { return };
    for wheel in of_one_shelf() {
        world.index.add(&wheel);
    }
    world.require(&["first", "second"]).lock(&[]).ok();
    world.index.forget();
    world.index.hold(".whl");
    let mut child = start(&world);
    let asked = |name: &str| !world.index.asked(&format!("{name}-1.0-py3-none-any.whl")).is_empty();
    // One after the other, the second is asked for when the first has come, which it never does.
    until("both are asked for", || asked("first") && asked("second"));
    child.kill().unwrap();
    child.wait().unwrap();
}
