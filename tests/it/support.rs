//! What the tests stand on: wheels built in memory, an index on loopback, a clean world to run
//! `pyfast` in. Knows nothing of the program's insides.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

mod answer;
/// The crate that talks to buckets tests itself with the same one.
#[path = "../../crates/remote/src/server.rs"]
pub(crate) mod bucket;
pub(crate) mod http;
pub(crate) mod index;
pub(crate) mod mount;
pub(crate) mod page;
pub(crate) mod place;
pub(crate) mod proxy;
pub(crate) mod python;
pub(crate) mod ran;
/// As does the crate that pushes to registries.
#[expect(dead_code, reason = "some of it serves the tests of that crate")]
#[path = "../../crates/registry/src/server.rs"]
pub(crate) mod registry;
pub(crate) mod repository;
pub(crate) mod screen;
pub(crate) mod source;
pub(crate) mod stock;
pub(crate) mod synced;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod wheel;
pub(crate) mod world;
pub(crate) mod zip;

/// Writes an executable script, through a child process: a descriptor that this process had open for
/// writing could live on for a moment in a child that another test forks, and the script could not be
/// executed then (`ETXTBSY`).
pub(crate) fn write_script(path: &Path, text: &str) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(path).arg(text);
    python::check(&mut command);
}

/// Puts a program that this process may execute at a place, by a link or else through a child process, for the same reason.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    // A link needs one file system for both, and who may make it. One to a link would be followed to its directory.
    if fs_err::hard_link(from, to).is_err() {
        python::check(Command::new("/bin/cp").arg(from).arg(to));
    }
}

/// Waits until something is so; that it never is shows after minutes.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(10), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A variable of the test's own environment.
#[expect(clippy::disallowed_methods, reason = "the one place where the tests read the environment")]
pub(crate) fn environment(key: &str) -> Option<String> {
    std::env::var(key).ok()
}
