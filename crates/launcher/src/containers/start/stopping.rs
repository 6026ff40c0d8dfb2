//! Containers that a restart had to kill, and what would have them end by themselves. Owns how that is told from what
//! the engine and the container's process 1 say; must not know why anything is restarted.

use std::fmt;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::{Start, StartEvent};
use crate::engine::{Container, ExecOutcome, Services};
use crate::entry::StopSignal;

/// The engine's grace period of a container that names none, and its stop signal.
pub(super) const GRACE: Duration = Duration::from_secs(10);
const SIGNAL: &str = "SIGTERM";
/// Code of a process that was killed.
const KILLED: i64 = 137;
/// How long the engine may take to tell of an end that it has waited for.
const TOLD: Duration = Duration::from_secs(1);
/// Where a container's process 1 says what it is and which signals it takes.
const STATUS: &str = "/proc/1/status";
const DEADLINE: Duration = Duration::from_secs(2);
/// Programs that wait for the one they started and pass nothing on.
const SHELLS: [&str; 7] = ["ash", "bash", "busybox", "dash", "ksh", "sh", "zsh"];

/// A service that did not end at its stop signal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unheeded {
    signal: String,
    grace: Duration,
    cause: Cause,
}

/// Why not; the text is its process 1.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    /// A shell that waits for the program.
    Shell(String),
    /// Process 1 gets no signal for which it has no handler.
    NoHandler(String),
    /// It has told the kernel to drop the signal.
    Ignores(String),
    /// It takes the signal, and was not done in time.
    Slow(String),
    /// It is not process 1, whose handlers say what it takes.
    Supervised,
    /// Nothing is known of it.
    Unknown,
}

/// A signal by its name, where the engine, as Podman does, or the user gives its number.
fn named(signal: String) -> String {
    let number = signal.parse::<u32>().is_ok().then(|| signal.parse::<StopSignal>().ok());
    number.flatten().map_or(signal, |signal| signal.to_string())
}

impl<E: Services> Start<'_, E> {
    /// Says of a container whose restart took so long whether it was killed for it, and what to do.
    pub(super) async fn tell_killed(&self, service: &str, container: &Container, took: Duration) {
        let grace = container.stop_timeout.unwrap_or(GRACE);
        if grace.is_zero() || took < grace || self.end_of(&container.id).await != Some(KILLED) {
            return;
        }
        let signal = container.stop_signal.clone().unwrap_or_else(|| SIGNAL.to_owned());
        // Then it was killed as it says itself, however long all else took.
        if signal.parse::<StopSignal>().is_ok_and(|signal| signal.signal() == Signal::KILL) {
            return;
        }
        let cause = self.cause(service, container, &signal).await;
        let message = Unheeded { signal: named(signal), grace, cause }.to_string();
        (self.event)(StartEvent::Warning { service: service.to_owned(), message });
    }

    /// The code with which a container ended when it was restarted.
    async fn end_of(&self, id: &str) -> Option<i64> {
        let until = Instant::now() + TOLD;
        loop {
            let known = self.ends.lock().ok().and_then(|ends| ends.get(id).copied());
            if known.is_some() || Instant::now() >= until {
                return known;
            }
            sleep(TOLD / 20).await;
        }
    }

    async fn cause(&self, service: &str, container: &Container, signal: &str) -> Cause {
        let model = self.project.model.pointer("/services").and_then(|all| all.get(service));
        // Process 1 is that of another container or of the machine.
        if model.is_some_and(|model| model.get("pid").is_some()) {
            return Cause::Unknown;
        }
        let argv = ["cat", STATUS].map(str::to_owned);
        match self.engine.exec(&container.id, &argv, None, DEADLINE).await {
            Ok(ExecOutcome::Ended { code: 0, output }) => Cause::read(&output, signal),
            _ => Cause::Unknown,
        }
    }
}

impl Unheeded {
    /// What is said of a supervised command that was killed.
    pub(super) fn supervised(container: &Container) -> Self {
        let signal = container.stop_signal.clone().unwrap_or_else(|| SIGNAL.to_owned());
        let grace = container.stop_timeout.unwrap_or(GRACE);
        Self { signal: named(signal), grace, cause: Cause::Supervised }
    }
}

impl Cause {
    /// Reads what a process says of itself, as `/proc/PID/status` of Linux has it.
    fn read(status: &str, signal: &str) -> Self {
        let field = |name: &str| {
            let mut lines = status.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let Some(name) = field("Name").map(str::to_owned) else { return Self::Unknown };
        if SHELLS.contains(&name.as_str()) {
            return Self::Shell(name);
        }
        let bit = signal.parse::<StopSignal>().ok();
        let bit = bit.map(|signal| 1_u64 << (signal.signal().as_raw() - 1));
        let among = |set: &str| Some(u64::from_str_radix(field(set)?, 16).ok()? & bit? != 0);
        match (among("SigCgt"), among("SigIgn")) {
            (Some(true), _) => Self::Slow(name),
            (_, Some(true)) => Self::Ignores(name),
            (Some(false), _) => Self::NoHandler(name),
            (None, _) => Self::Unknown,
        }
    }
}

impl fmt::Display for Unheeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signal, grace, cause } = self;
        write!(f, "it had not ended {} s after {signal} and was killed: ", grace.as_secs())?;
        match cause {
            Cause::Shell(name) => write!(
                f,
                "its process 1 is the shell `{name}`, which passes no signal on; put `exec` before the program there, \
                 or write the command as a list"
            ),
            Cause::NoHandler(name) => write!(
                f,
                "its process 1 (`{name}`) has no handler for it, and process 1 gets no other signals; `init: true` in \
                 the compose file mends that"
            ),
            Cause::Ignores(name) => write!(
                f,
                "its process 1 (`{name}`) ignores it; name a signal that ends it as `stop_signal` in the compose file"
            ),
            Cause::Slow(name) => write!(
                f,
                "its process 1 (`{name}`) takes it and needs longer; `stop_grace_period` in the compose file gives it \
                 more time, `stop_signal` names another signal"
            ),
            Cause::Supervised => f.write_str(
                "`stop_grace_period` in the compose file gives it more time, `stop_signal` names another signal",
            ),
            Cause::Unknown => f.write_str(
                "`init: true` in the compose file helps where its process 1 has no handler for that signal",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process of this name that catches and ignores these signals.
    fn read(name: &str, caught: &str, ignored: &str, signal: &str) -> Cause {
        let status = format!(
            "Name:\t{name}\nUmask:\t0022\nPid:\t1\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\nCapInh:\t0\n"
        );
        Cause::read(&status, signal)
    }

    #[test]
    fn process_one_says_why_it_did_not_end() {
        let none = "0000000000000000";
        let (term, int) = ("0000000000004000", "0000000000000002");
        assert_eq!(read("sh", none, none, "SIGTERM"), Cause::Shell("sh".into()));
        assert_eq!(read("python3", int, none, "SIGTERM"), Cause::NoHandler("python3".into()));
        assert_eq!(read("python3", int, none, "INT"), Cause::Slow("python3".into()));
        assert_eq!(read("celery", term, none, "15"), Cause::Slow("celery".into()));
        assert_eq!(read("deaf", none, term, "SIGTERM"), Cause::Ignores("deaf".into()));
        // Signals of which nothing is known here.
        assert_eq!(read("init", none, none, "SIGRTMIN+3"), Cause::Unknown);
        assert_eq!(
            ["15", "SIGINT", "99"].map(|one| named(one.into())),
            ["SIGTERM", "SIGINT", "99"]
        );
        assert_eq!(Cause::read("cat: /proc/1/status: No such file", "SIGTERM"), Cause::Unknown);
    }
}
