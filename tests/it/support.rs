//! What the tests stand on: wheels built in memory, an index on loopback, a clean world to run
//! `pyfast` in. Knows nothing of the program's insides.

mod answer;
pub(crate) mod http;
pub(crate) mod index;
pub(crate) mod page;
pub(crate) mod python;
pub(crate) mod ran;
pub(crate) mod wheel;
pub(crate) mod world;
pub(crate) mod zip;

/// A variable of the test's own environment.
#[expect(clippy::disallowed_methods, reason = "the one place where the tests read the environment")]
pub(crate) fn environment(key: &str) -> Option<String> {
    std::env::var(key).ok()
}
