//! Several syncs on one root at the same moment.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use super::installed;
use crate::support::ran::{Ran, Synced};
use crate::support::wheel::Wheel;
use crate::support::world::World;

const PACKAGES: usize = 6;

/// Packages of some size behind an index that takes its time, so that the syncs meet.
fn world() -> World {
    let world = World::new();
    for number in 0..PACKAGES {
        world.index.add(&Wheel::new(&format!("p{number}"), "1.0").padded(200_000));
    }
    world.index.delay("/files/", 30);
    let names: Vec<String> = (0..PACKAGES).map(|number| format!("p{number}")).collect();
    let lines: Vec<&str> = names.iter().map(String::as_str).collect();
    world.require(&lines);
    world
}

fn start(world: &World) -> Child {
    let mut command = world.command(&["sync", "--json", "-r", "requirements.txt"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// All runs succeed with so many generations, and each wheel was sent once.
fn check(world: &World, children: Vec<Child>, generations: usize) {
    let synced: Vec<Synced> =
        children.into_iter().map(|child| Synced::of(Ran::wait(child))).collect();
    for one in &synced {
        assert_eq!(installed(&one.bin("python")).len(), PACKAGES);
    }
    let ids: BTreeSet<String> = synced.iter().map(Synced::id).collect();
    assert_eq!(ids.len(), generations);
    for number in 0..PACKAGES {
        let name = format!("p{number}-1.0-py3-none-any.whl");
        assert_eq!(world.index.asked(&name).len(), 1, "{name} is downloaded once");
    }
}

#[test]
fn eight_syncs_of_one_project_all_succeed_with_one_download_a_wheel() {
    let world = world();
    world.lock(&[]).ok();
    world.index.forget();
    let children = (0..8).map(|_| start(&world)).collect();
    check(&world, children, 1);
}

#[test]
fn eight_syncs_without_a_lock_all_succeed() {
    let world = world();
    let children = (0..8).map(|_| start(&world)).collect();
    check(&world, children, 1);
}

#[test]
fn eight_projects_share_the_downloads() {
    let mut world = world();
    let text = world.read("requirements.txt");
    let mut children = Vec::new();
    for number in 0..8 {
        world.project = world.path(&format!("project-{number}"));
        world.write("requirements.txt", &text);
        children.push(start(&world));
    }
    check(&world, children, 8);
}

#[test]
fn readers_see_whole_environments_while_syncs_go_on() {
    let world = World::new();
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("x", version)).add(&Wheel::new("y", version));
    }
    let synced = world.require(&["x==1.0", "y==1.0"]).sync(&[]);
    let script = "import x, y; print(x.__version__, y.__version__)";
    for round in 0..6 {
        let pin = if round % 2 == 0 { "2.0" } else { "1.0" };
        world.require(&[&format!("x=={pin}"), &format!("y=={pin}")]);
        let mut child = start(&world);
        while child.try_wait().unwrap().is_none() {
            // As `pyfast run` does: the link is followed once, before the start.
            let python = fs_err::canonicalize(synced.current()).unwrap().join("bin/python");
            let seen = crate::support::python::evaluate(&python, script);
            assert!(["1.0 1.0\n", "2.0 2.0\n"].contains(&seen.as_str()), "a mixture: {seen}");
        }
        Synced::of(Ran::wait(child));
    }
}

#[test]
fn who_works_on_an_environment_is_named_and_waited_for() {
    let world = world();
    world.index.delay("/files/", 6_000);
    let first = start(&world);
    let pid = first.id();
    let locks = world.root.join("locks");
    let is_taken = || {
        let entries = fs_err::read_dir(&locks).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().ends_with(".x"))
    };
    while !is_taken() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(1_100));
    let second = Synced::of(Ran::wait(start(&world)));
    Synced::of(Ran::wait(first));
    let told = &second.ran.stderr;
    let expected = format!("waiting for process {pid} (`pyfast sync`) on ");
    assert_eq!(told.matches("waiting for").count(), 1, "{}", second.ran);
    assert!(told.contains(&expected) && told.contains(" s, as long as it works"), "{told}");
}
