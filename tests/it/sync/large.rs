//! Wheels larger than the memory that a small container has.

use std::process::Command;

use crate::support::python::{check, python};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Runs a command and prints the most memory that it took, in kilobytes.
const MEASURE: &str = "import resource, subprocess, sys\n\
    subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

#[test]
fn large_wheel_is_never_in_memory_whole_and_stops_no_other() {
    const SIZE: usize = 160 << 20;
    let world = World::new();
    world.index.add(&Wheel::new("large", "1.0").padded(SIZE));
    world.index.add(&Wheel::new("small", "1.0"));
    world.require(&["large", "small"]);
    let sync = world.command(&["sync", "-r", "requirements.txt"]);
    let mut measure = Command::new(python());
    measure.args(["-c", MEASURE]).arg(sync.get_program()).args(sync.get_args());
    let text = check(&mut world.limited("true", &measure));
    let taken: usize = text.trim().parse().unwrap();
    assert!(taken << 10 < SIZE * 3 / 4, "{taken} kB for a wheel of {} kB", SIZE >> 10);
    world.pyfast(&["verify"]).ok();
}
