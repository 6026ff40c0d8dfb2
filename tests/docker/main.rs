//! Black-box tests of the command line with a container engine: `pyfast sync --volume --image`, then `docker run` with
//! the volume mounted read-only. Need `PYFAST_TEST_DOCKER_HOST` and the images of `docker/slim-base.sh`; without the
//! variable the tests say that they were skipped, and fail when `PYFAST_REQUIRE_DOCKER=1`. Know the command line and
//! the layout on disk, and nothing of the program's insides.

#![expect(clippy::unwrap_used, reason = "a test's panic names what is wrong, in its helpers too")]

mod away;
mod bench;
mod binary;
mod carried;
mod direct;
mod doctor;
mod failures;
mod fresh;
mod hostile;
mod hostile_builds;
mod project;
mod real;
mod remote;
mod slim;
mod stack;
mod supervise;
mod up;
mod volumes;
mod wheels;
mod world;
