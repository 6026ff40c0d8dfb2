//! Black-box tests of the command line with a container engine: `pyfast sync --volume --image`, then `docker run` with
//! the volume mounted read-only. Need `PYFAST_TEST_DOCKER_HOST` and the images of `docker/slim-base.sh`; without the
//! variable the tests say that they were skipped, and fail when `PYFAST_REQUIRE_DOCKER=1`. Know the command line and
//! the layout on disk, and nothing of the program's insides.

#![expect(clippy::unwrap_used, reason = "a test's panic names what is wrong, in its helpers too")]

/// The files of `tests/it` whose tests run in directories there, and here in volumes. The others look at what only a
/// directory has, or are settled before anybody looks where the environment is.
#[path = "../it"]
mod it {
    mod gc;
    mod inspect;
    pub(crate) mod native {
        #[expect(dead_code, reason = "some of it serves tests that need no engine")]
        pub(crate) mod channel;
        #[expect(dead_code, reason = "some of it serves tests that need no engine")]
        pub(crate) mod site;
    }
    mod remote {
        mod machines;
    }
    #[expect(dead_code, reason = "some of it serves tests that need no engine")]
    pub(crate) mod support;
    mod sync {
        mod change;
        mod concurrent;
        mod crash;
        mod failure;
        mod layout;
        mod lockfile;
        mod noop;
        mod noticed;
        mod output;
        mod record;
        mod scripts;
        mod volumes;
    }
}

mod away;
mod bench;
mod binary;
mod bytecode;
mod carried;
mod check;
mod code;
mod container_way;
mod direct;
mod doctor;
mod engine;
mod failures;
mod freeze;
mod fresh;
mod hostile;
mod hostile_builds;
mod kubernetes;
mod managed;
mod outside;
mod place;
mod project;
mod real;
mod remote;
mod slim;
mod stack;
mod supervise;
mod up;
mod volumes;
mod watching;
mod wheels;
mod world;

use it::support;
