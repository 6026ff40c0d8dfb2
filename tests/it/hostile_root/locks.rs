//! Somebody who may only read holds every lock that reading allows. It stops nobody.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::decoy::set_mode;
use super::{Args, Planted};
use crate::support::python::python;

/// Locks whatever it can open for reading below a root, again and again.
const HOLDER: &str = include_str!("../../data/holder.py");

/// The holder; it ends when this is dropped.
struct Holder {
    child: Child,
    _out: BufReader<ChildStdout>,
}

impl Holder {
    fn start(planted: &Planted, kind: &str, who: &str) -> Self {
        // The test's own directory is nobody else's otherwise.
        set_mode(&planted.world.path(""), 0o755);
        let mut command = Command::new(python());
        command.args(["-I", "-c", HOLDER]).arg(&planted.world.root).args([kind, who]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().expect("its output is piped"));
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let held: usize = line.trim().parse().expect("it tells how many locks it has");
        assert!(held > 20, "it holds only {held} locks: the test would show nothing");
        Self { child, _out: out }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts and writes go on beside a holder of such locks.
#[track_caller]
fn check(kind: &str, who: &str) {
    const COMMANDS: &[Args] = &[
        &["run", "--no-sync", "--", "true"],
        &["sync", "-r", "requirements.txt"],
        &["sync", "-r", "other.txt"],
        &["run", "--no-sync", "--", "true"],
        &["gc", "--keep", "0", "--recent", "0"],
        &["rollback"],
        &["sync", "-r", "requirements.txt", "--reinstall", "--compile"],
        &["gc"],
    ];
    let planted = Planted::new();
    let _holder = Holder::start(&planted, kind, who);
    for args in COMMANDS {
        let outcome = planted.run(args);
        // Without a second environment in the history there is nothing to go back to.
        assert!(outcome.code() == Some(0) || args[0] == "rollback", "{args:?}; {outcome}");
    }
}

#[test]
fn exclusive_locks_of_another_user_stop_nobody() {
    check("flock-exclusive", "other");
}

#[test]
fn shared_locks_of_another_user_stop_nobody() {
    check("flock-shared", "other");
}

#[test]
fn read_locks_on_open_files_of_another_user_stop_nobody() {
    check("open-file", "other");
}

#[test]
fn read_locks_of_a_process_of_another_user_stop_nobody() {
    check("process", "other");
}

#[test]
fn exclusive_locks_of_the_same_user_who_may_only_read_stop_nobody() {
    check("flock-exclusive", "same");
}

#[test]
fn shared_locks_of_the_same_user_who_may_only_read_stop_nobody() {
    check("flock-shared", "same");
}

#[test]
fn read_locks_on_open_files_of_the_same_user_stop_nobody() {
    check("open-file", "same");
}

#[test]
fn read_locks_of_a_process_of_the_same_user_stop_nobody() {
    check("process", "same");
}
