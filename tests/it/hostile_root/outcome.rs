//! How a command ended that must neither hang nor die, whatever it met. Unlike `Ran` it never fails by itself, so that
//! the random test can go on and say what was planted.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal};

/// No command takes longer, unless it hangs: some read files of gigabytes, on machines that do other things.
pub(super) const LIMIT: Duration = Duration::from_mins(3);
/// More address space than any command needs: one that reads `/dev/zero` to its end must not take the machine along.
const SPACE: u64 = 2 << 30;

/// A run that ended by itself, or was ended when its time was over.
pub(super) struct Outcome {
    /// `None` where it did not end.
    status: Option<ExitStatus>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Outcome {
    pub(super) fn of(command: &mut Command) -> Self {
        let [out, err] = [(); 2].map(|()| tempfile::tempfile().expect("a file for the output"));
        let copy = |file: &File| Stdio::from(file.try_clone().expect("a file can be duplicated"));
        command.stdout(copy(&out)).stderr(copy(&err)).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pid = Pid::from_child(&child);
        let space = Rlimit { current: Some(SPACE), maximum: Some(SPACE) };
        // It may have ended already.
        let _ = rustix::process::prlimit(Some(pid), Resource::As, space);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("a child can be waited for") {
                break Some(status);
            }
            if begun.elapsed() > LIMIT {
                let _ = rustix::process::kill_process_group(pid, Signal::KILL);
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        Self { status, stdout: text(out), stderr: text(err) }
    }

    pub(super) fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// It ended in time, with 0, 1 or 2, and says why where it failed.
    pub(super) fn is_orderly(&self) -> Result<(), String> {
        let Some(status) = self.status else {
            return Err(format!("HANGS: did not end within {LIMIT:?}"));
        };
        if let Some(signal) = status.signal() {
            return Err(format!("DIES: of signal {signal}"));
        }
        if self.stderr.contains("panicked") || status.code() == Some(101) {
            return Err("PANICS".to_owned());
        }
        match status.code() {
            Some(1 | 2) if self.stdout.trim().is_empty() && self.stderr.trim().is_empty() => {
                Err("SILENT: it fails without a word".to_owned())
            }
            Some(0..=2) => Ok(()),
            code => Err(format!("CODE: ends with {code:?}, not with 0, 1 or 2")),
        }
    }

    /// Where it failed, its words have one of these names of the place.
    #[track_caller]
    pub(super) fn names(&self, names: &[&str]) {
        let said = |name: &&str| self.stdout.contains(name) || self.stderr.contains(name);
        let named = self.code() == Some(0) || names.iter().any(said);
        assert!(named, "it fails and names none of {names:?}; {self}");
    }

    /// It succeeded.
    #[track_caller]
    pub(super) fn ok(&self) -> &Self {
        assert_eq!(self.code(), Some(0), "{self}");
        self
    }

    /// It was refused as wrong usage or configuration, with a hint that has `needle`.
    #[track_caller]
    pub(super) fn refused_with_hint(&self, needle: &str) {
        assert_eq!(self.code(), Some(2), "it has to be refused with code 2; {self}");
        // With `--json` the hints are in the error object, else on lines of their own.
        let json = serde_json::from_str::<serde_json::Value>(&self.stdout).unwrap_or_default();
        let listed = json["error"]["hints"].as_array().cloned().unwrap_or_default();
        let mut hints: Vec<String> = listed.iter().map(serde_json::Value::to_string).collect();
        hints.extend(self.stderr.lines().filter(|line| line.contains("hint")).map(str::to_owned));
        assert!(hints.iter().any(|hint| hint.contains(needle)), "no hint has `{needle}`; {self}");
    }
}

fn text(mut file: File) -> String {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("the output can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, stdout, stderr } = self;
        let ended = status.map_or_else(|| "did not end".to_owned(), |status| status.to_string());
        write!(f, "{ended}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}
