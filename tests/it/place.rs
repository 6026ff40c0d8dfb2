//! The place of the tests that `tests/docker` runs as well, in volumes: here it is a directory.

use crate::support::world::World;

/// A world for a test that runs in every place.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the other place needs an engine, which may be missing"
)]
pub(crate) fn world() -> Option<World> {
    Some(World::new())
}

/// The same, whose root is a volume as who may write it sees it.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the other place needs an engine, which may be missing"
)]
pub(crate) fn volume() -> Option<World> {
    Some(World::new().in_volume())
}
