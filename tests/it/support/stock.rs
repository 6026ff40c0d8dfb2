//! The world of most tests of sync, and their most frequent question.

use super::synced::Synced;
use super::wheel::Wheel;
use super::world::World;
use crate::place;

/// A world with `a` (needs `b`) and `b`, both in 1.0 and 2.0; `None` where the tests' place is missing.
pub(crate) fn stocked() -> Option<World> {
    place::world().map(stock)
}

/// Puts `a` and `b` into a world's index.
pub(crate) fn stock(world: World) -> World {
    for version in ["1.0", "2.0"] {
        world.index.add(&Wheel::new("a", version).requires("b"));
        world.index.add(&Wheel::new("b", version));
    }
    world
}

/// Syncs `requirements` and compares what the environment's interpreter finds.
#[track_caller]
pub(crate) fn check(world: &World, requirements: &[&str], expected: &[&str]) -> Synced {
    let synced = world.require(requirements).sync(&[]);
    assert_eq!(synced.installed(), expected);
    synced
}
