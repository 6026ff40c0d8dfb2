//! The entrypoint as a process of this machine: what the command inherits, and what the process answers when there is
//! nothing to run. Knows no engine.
#![expect(clippy::unwrap_used, reason = "a test's panic names what is wrong, in its helpers too")]

use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::FlockOperation;

const PROGRAM: &str = env!("CARGO_BIN_EXE_launcher-under-test");

/// A root with one generation, current in the project `shop`.
fn root() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let generation = root.path().join("envs/v1/abc");
    fs_err::create_dir_all(generation.join("bin")).unwrap();
    fs_err::write(generation.join("env.json"), "{}").unwrap();
    fs_err::create_dir_all(root.path().join("projects/shop")).unwrap();
    root
}

fn activate(root: &Path) {
    let env = root.join("projects/shop/default");
    fs_err::create_dir_all(&env).unwrap();
    symlink("../../../envs/v1/abc", env.join("current")).unwrap();
}

fn command(root: &Path, wait: u64, argv: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("run").arg(root).arg(wait.to_string()).args(argv).stdin(Stdio::null());
    command
}

fn run(root: &Path, argv: &[&str]) -> Output {
    command(root, 0, argv).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn script(path: PathBuf, text: &str, mode: u32) {
    fs_err::write(&path, text).unwrap();
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_command_runs_in_the_concrete_generation() {
    let root = root();
    activate(root.path());
    let generation = root.path().join("envs/v1/abc");
    script(
        generation.join("bin/tool"),
        "#!/bin/sh\necho \"$0|$VIRTUAL_ENV|$PATH|$PYTHONHOME|$KEPT|$*\"\n",
        0o755,
    );
    let output = command(root.path(), 0, &["tool", "a b", "c"])
        .env("PATH", "/usr/bin:/bin")
        .env("PYTHONHOME", "/wrong")
        .env("KEPT", "kept")
        .output()
        .unwrap();
    let at = generation.display();
    assert_eq!(stdout(&output), format!("{at}/bin/tool|{at}|{at}/bin:/usr/bin:/bin||kept|a b c\n"));
}

#[test]
fn the_command_gets_default_signals_and_its_own_exit_code() {
    let root = root();
    activate(root.path());
    let status = stdout(&run(root.path(), &["cat", "/proc/self/status"]));
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap()
    };
    assert_eq!(field("SigBlk:"), 0, "no signal may be blocked");
    assert_eq!(field("SigIgn:") & (1 << 12), 0, "SIGPIPE may not be ignored");
    assert_eq!(run(root.path(), &["sh", "-c", "exit 41"]).status.code(), Some(41));
}

#[test]
fn the_lease_lives_as_long_as_the_command_and_its_children() {
    let root = root();
    activate(root.path());
    let exclusive = || {
        let file = fs_err::File::open(root.path().join("envs/v1/abc/env.json")).unwrap();
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
    };
    // The shell ends at once; its child keeps the lease until its standard input closes.
    let mut child = command(root.path(), 0, &["sh", "-c", "cat <&0 >/dev/null & echo ready"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    let stdin = child.stdin.take();
    child.wait().unwrap();
    assert!(!exclusive(), "what the command started keeps collectors out");
    drop(stdin);
    wait_until(exclusive);
}

fn wait_until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(10), "not reached within ten seconds");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn commands_that_cannot_run_answer_as_in_a_shell() {
    let root = root();
    activate(root.path());
    let bin = root.path().join("envs/v1/abc/bin");
    script(bin.join("plain"), "text", 0o644);
    script(bin.join("orphan"), "#!/no/such/python\n", 0o755);
    let check = |argv: &[&str], code: i32, message: &str| {
        let output = run(root.path(), argv);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    };
    check(&["no-such-command"], 127, "cannot run `no-such-command`: not found in PATH");
    check(&["plain"], 126, "cannot run ");
    check(&["orphan"], 127, "its interpreter /no/such/python does not exist here");
    check(&["/etc"], 126, "cannot run /etc");
    check(&[], 70, "no command to run was given");
}

#[test]
fn waiting_ends_with_the_environment() {
    let root = root();
    let child = command(root.path(), 20_000, &["echo", "started"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(150));
    activate(root.path());
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "started\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("event: Waiting"));
}

#[test]
fn a_signal_ends_the_waiting() {
    let root = root();
    let mut child = command(root.path(), 20_000, &["true"]).stderr(Stdio::piped()).spawn().unwrap();
    // The message comes after the handlers are in place.
    let mut first = [0; 6];
    child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap();
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(143), "{}", String::from_utf8_lossy(&output.stderr));
}

fn terminate(child: &Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

#[test]
fn nothing_there_is_told_with_what_was_looked_for() {
    let root = root();
    let output = run(root.path(), &["true"]);
    assert_eq!(output.status.code(), Some(70));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("there is no environment `default` in "), "{stderr}");
}
