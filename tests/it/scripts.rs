//! The scripts that developers and the README start, with programs of the test's own in front of the real ones.

use std::path::Path;
use std::process::Command;

use crate::support::ran::Ran;
use crate::support::write_script;

/// Puts a shell script before everything else on the search path.
fn program(directory: &Path, name: &str, script: &str) {
    write_script(&directory.join(name), &format!("#!/bin/sh\n{script}\n"));
}

/// `docker/test.sh` with an engine that has everything and a cargo that does what the script says; `$said` is the file
/// that it may write to.
fn test_script(cargo: &str) -> (Ran, Vec<String>) {
    let work = tempfile::tempdir().unwrap();
    let said = work.path().join("said");
    program(work.path(), "docker", "exit 0");
    program(work.path(), "cargo", &format!("said={}\n{cargo}", said.display()));
    // What is ignored from the beginning, a shell cannot hear.
    let mut command = Command::new("/usr/bin/env");
    command
        .args(["--default-signal", "sh", "docker/test.sh"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear();
    command.env("PATH", format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", work.path().display()));
    command.env("TMPDIR", work.path()).env("HOME", work.path());
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let ran = Ran::of(command);
    let calls = fs_err::read_to_string(said).unwrap_or_else(|error| panic!("{error}; {ran}"));
    (ran, calls.lines().map(str::to_owned).collect())
}

#[test]
fn a_suite_that_fails_keeps_no_other_from_running_and_fails_the_whole() {
    let (ran, all) = test_script("echo \"$*\" >> $said");
    let ran = ran.ok();
    assert!(ran.stderr.contains("everything passed"), "{ran}");
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(all.iter().all(|call| call.starts_with("test --no-fail-fast ")), "{all:?}");
    // Whichever fails, all run, and that one is named at the end.
    for call in &all {
        let (ran, calls) =
            test_script(&format!("echo \"$*\" >> $said\n[ \"$*\" != '{call}' ] || exit 101"));
        assert_eq!(ran.code(), Some(1), "{ran}");
        assert_eq!(calls, all);
        let end = ran.stderr.split("failed:").nth(1).unwrap_or_default();
        let named: Vec<&str> = end.lines().filter(|line| line.starts_with("  ")).collect();
        assert_eq!(named, [format!("  cargo {call}")], "{ran}");
    }
}

#[test]
fn who_is_interrupted_begins_no_other_suite() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let (ran, calls) = test_script(&format!("echo \"$*\" >> $said\nkill -{signal} $PPID"));
        assert_eq!(ran.code(), Some(code), "{ran}");
        assert_eq!(calls.len(), 1, "{calls:?}");
    }
}
