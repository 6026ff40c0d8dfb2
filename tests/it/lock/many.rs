//! Much of one thing: what it takes grows with how much there is, and not with its square.

use std::time::{Duration, Instant};

use super::check;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// What a build with checks may take, on a machine that does other things; with the square it is minutes.
const LONG: Duration = Duration::from_mins(3);

#[test]
fn exclusions_of_one_project_on_a_line_each() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    let lines: Vec<String> = (0..20_000).map(|n| format!("a!=0.{n}")).collect();
    let started = Instant::now();
    check(&world, &lines.iter().map(String::as_str).collect::<Vec<_>>(), &["a==1.0"]);
    assert!(started.elapsed() < LONG, "took {:?}", started.elapsed());
}

#[test]
fn extras_of_one_requirement() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    let extras: Vec<String> = (0..5_000).map(|n| format!("e{n}")).collect();
    let started = Instant::now();
    check(&world, &[&format!("a[{}]", extras.join(","))], &["a==1.0"]);
    assert!(started.elapsed() < LONG, "took {:?}", started.elapsed());
}
