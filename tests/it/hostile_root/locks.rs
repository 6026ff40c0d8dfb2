//! Somebody who may only read holds every lock that reading allows. It stops nobody.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::decoy::set_mode;
use super::{Args, Planted};
use crate::support::python::python;

/// Locks whatever it can open for reading below a root, in a loop, so that new files are locked too. As `other` it is
/// another user if it may become one, else it looks only at what another user could read.
const HOLDER: &str = r"
import fcntl, os, select, struct, sys
root, kind, who = sys.argv[1:]
if who == 'other' and os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
held = {}
def shut(path):
    return who == 'other' and not os.lstat(path).st_mode & 4
def lock(fd):
    if kind == 'flock-exclusive':
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    elif kind == 'flock-shared':
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    elif kind == 'open-file':
        fcntl.fcntl(fd, 37, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0, 0, 0))
    else:
        fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
def take(path):
    try:
        if path in held or shut(path):
            return
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        lock(fd)
        held[path] = fd
    except OSError:
        os.close(fd)
def round():
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if not os.path.islink(os.path.join(folder, f))]
        for name in [''] + names:
            take(os.path.join(folder, name) if name else folder)
round()
print(len(held), flush=True)
while not select.select([sys.stdin], [], [], 0.005)[0]:
    round()
";

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
