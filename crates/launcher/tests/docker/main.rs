//! The crate against a real engine: probe, volume, injection, helper, entrypoint. Needs `PYFAST_TEST_DOCKER_HOST` and
//! the images of `docker/slim-base.sh`; without the variable the tests say that they were skipped, and fail when
//! `PYFAST_REQUIRE_DOCKER=1`.

#![expect(clippy::unwrap_used, reason = "a test's panic names what is wrong, in its helpers too")]

mod entry;
mod health;
mod helper;
mod images;
mod probe;
mod volume;
mod world;
