//! `pyfast lock`: from requirements and an index to a lock.

mod check;
mod clones;
mod credentials;
mod damage;
mod digests;
mod direct;
mod failures;
mod grammar;
mod index;
mod indexes;
mod indexes_named;
mod many;
mod markers;
mod output;
mod passwords;
mod private;
mod projects;
mod proxies;
mod remote;
mod repositories;
mod requirements;
mod scenarios;
mod sdist;
mod spanning;
mod tls;
mod unidentified;
mod versions;

use crate::support::world::World;

/// Locks `requirements` in `world` and compares the lock's packages.
#[track_caller]
fn check(world: &World, requirements: &[&str], expected: &[&str]) {
    check_with(world, requirements, &[], expected);
}

/// As [`check`], with more arguments for `pyfast lock`.
#[track_caller]
fn check_with(world: &World, requirements: &[&str], args: &[&str], expected: &[&str]) {
    world.require(requirements);
    assert_eq!(world.locked(args), expected);
}
