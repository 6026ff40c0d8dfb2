//! What a run of `pyfast` gave, and what a test may ask of it.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// No run takes longer, unless it hangs; minutes, because the machine may do other things.
const LIMIT: Duration = Duration::from_mins(10);

/// Exit code of what the user can mend.
pub(crate) const MENDABLE: &[i32] = &[1];
/// Exit code of wrong usage or configuration.
pub(crate) const USAGE: &[i32] = &[2];
/// Where the contract leaves it open whether it is the input or the configuration.
pub(crate) const EITHER: &[i32] = &[1, 2];

/// A finished run.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Runs `command` to its end. A panic of the program fails the test, whatever else it asks.
    #[track_caller]
    pub(crate) fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self::wait(child)
    }

    /// Waits for a child whose output is piped.
    #[track_caller]
    pub(crate) fn wait(mut child: Child) -> Self {
        let out = drain(child.stdout.take());
        let err = drain(child.stderr.take());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                panic!("pyfast did not end within {LIMIT:?}");
            }
            thread::sleep(Duration::from_millis(2));
        };
        let text = |bytes: thread::JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&bytes.join().expect("the reader ends")).into_owned()
        };
        let ran = Self { status, stdout: text(out), stderr: text(err) };
        assert!(!ran.stderr.contains("panicked"), "{ran}");
        assert_ne!(ran.code(), Some(101), "{ran}");
        ran
    }

    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code(), Some(0), "{self}");
        self
    }

    /// Failed with one of `codes`, and a message that has each of `needles`, case aside.
    #[track_caller]
    pub(crate) fn refused(self, codes: &[i32], needles: &[&str]) -> Self {
        assert!(
            self.code().is_some_and(|code| codes.contains(&code)),
            "expected {codes:?}; {self}"
        );
        assert!(!self.stderr.trim().is_empty(), "a failure is explained on stderr; {self}");
        let text = self.stderr.to_lowercase();
        for needle in needles {
            assert!(text.contains(&needle.to_lowercase()), "no `{needle}` on stderr; {self}");
        }
        self
    }

    /// Failed as [`Ran::refused`], and with `--json`: one error object with a hint.
    #[track_caller]
    pub(crate) fn refused_with_hint(self, codes: &[i32], needles: &[&str]) -> Self {
        assert!(
            self.code().is_some_and(|code| codes.contains(&code)),
            "expected {codes:?}; {self}"
        );
        let json = self.json();
        let error = &json["error"];
        let list = |key: &str| error[key].as_array().cloned().unwrap_or_default();
        assert!(error["kind"].is_string() && error["message"].is_string(), "{self}");
        let told = format!("{} {:?}", error["message"], list("causes")).to_lowercase();
        for needle in needles {
            assert!(told.contains(&needle.to_lowercase()), "no `{needle}` in the error; {self}");
        }
        assert!(!list("hints").is_empty(), "no hint says what to do; {self}");
        self
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is not one JSON value: {error}; {self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { status, stdout, stderr } = self;
        let ended = status.signal().map_or_else(|| format!("{status}"), |n| format!("signal {n}"));
        write!(f, "{ended}\n--- stdout\n{stdout}--- stderr\n{stderr}")
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("the output is piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}
