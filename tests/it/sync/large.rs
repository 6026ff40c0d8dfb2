//! Wheels larger than the memory that a small container has.

use std::process::Command;

use crate::support::python::{check, python};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Runs a command and prints the most memory that it took, in kilobytes.
const MEASURE: &str = "import resource, subprocess, sys\n\
    subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// The most memory that a sync of some projects takes, in bytes.
fn taken(world: &World, projects: &[&str]) -> usize {
    world.require(projects);
    let sync = world.command(&["sync", "-r", "requirements.txt"]);
    let mut measure = Command::new(python());
    measure.args(["-c", MEASURE]).arg(sync.get_program()).args(sync.get_args());
    let text = check(&mut world.limited("true", &measure));
    let kilobytes: usize = text.trim().parse().unwrap();
    kilobytes << 10
}

#[test]
fn large_wheel_is_never_in_memory_whole_and_stops_no_other() {
    const SIZE: usize = 160 << 20;
    let world = World::new();
    world.index.add(&Wheel::new("large", "1.0").padded(SIZE));
    world.index.add(&Wheel::new("small", "1.0"));
    let taken = taken(&world, &["large", "small"]);
    assert!(taken < SIZE * 3 / 4, "{taken} bytes for a wheel of {SIZE}");
    world.pyfast(&["verify"]).ok();
}

#[test]
fn wheels_that_come_whole_for_their_metadata_are_in_no_memory_and_come_once() {
    const SIZE: usize = 60 << 20;
    let world = World::new();
    world.index.set(|options| {
        options.metadata_files = false;
        options.ranges = false;
    });
    let names = ["large_a", "large_b", "large_c", "large_d"];
    for name in names {
        world.index.add(&Wheel::new(name, "1.0").padded(SIZE));
    }
    let taken = taken(&world, &names);
    assert!(taken < 2 * SIZE, "{taken} bytes for four wheels of {SIZE}");
    for name in names {
        let asked = world.index.asked(&format!("{name}-1.0-py3-none-any.whl"));
        assert_eq!(asked.len(), 1, "{asked:?}");
    }
    world.pyfast(&["verify"]).ok();
}
