//! The signals that a supervisor gets, as a source that can be waited for. Owns which are caught and who sent them;
//! must not know what becomes of them.

use std::fmt;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::str::FromStr;

use rustix::process::{Pid, Signal};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::siginfo::Cause;

use crate::error::Error;

/// What is passed on, by the names that people give. Those that stop a process (TSTP, TTIN, TTOU) are left to their
/// usual action, which stops this process and the command alike.
const PASSED: [(&str, Signal); 15] = [
    ("TERM", Signal::TERM),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("HUP", Signal::HUP),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("CONT", Signal::CONT),
    ("ALRM", Signal::ALARM),
    ("VTALRM", Signal::VTALARM),
    ("PROF", Signal::PROF),
    ("IO", Signal::IO),
    ("URG", Signal::URG),
    ("PWR", Signal::POWER),
    ("SYS", Signal::SYS),
];

/// What ends whatever gets it.
const KILL: (&str, Signal) = ("KILL", Signal::KILL);

/// By which another process asks that the command be in the current environment, or be started again even where it is.
/// Kernels report faults by them, to whoever has the fault; no program sends one.
pub(super) const ASKING: [Signal; 2] = [Signal::STKFLT, Signal::TRAP];

/// The signal that asks a command to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopSignal(Signal);

impl StopSignal {
    pub(crate) fn signal(self) -> Signal {
        self.0
    }
}

impl Default for StopSignal {
    fn default() -> Self {
        Self(Signal::TERM)
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = PASSED.into_iter().chain([KILL]).find(|(_, signal)| *signal == self.0);
        write!(f, "SIG{}", known.map_or("", |(name, _)| name))
    }
}

impl FromStr for StopSignal {
    type Err = Error;

    /// Reads `TERM`, `SIGTERM`, `term` or `15`, as engines do.
    fn from_str(text: &str) -> Result<Self, Error> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let number: Option<i32> = text.parse().ok();
        let known = PASSED.into_iter().chain([KILL]);
        let mut known = known.filter(|(_, signal)| *signal != Signal::CONT);
        known
            .find(|(own, signal)| *own == name || Some(signal.as_raw()) == number)
            .map(|(_, signal)| Self(signal))
            .ok_or_else(|| Error::SignalName { name: text.to_owned() })
    }
}

/// A signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caught {
    pub(super) signal: Signal,
    /// Sent by a terminal, which sends it to the whole group of processes.
    pub(super) by_terminal: bool,
    /// The process that sent it, where it is one that can be seen from here.
    pub(super) sender: Option<Pid>,
}

/// Catches signals from its creation on.
pub(super) struct Signals(SignalDelivery<UnixStream, WithOrigin>);

impl Signals {
    /// Those that are passed on, and these.
    pub(super) fn new(others: &[Signal]) -> Result<Self, Error> {
        let act = "catch signals";
        let (read, write) = UnixStream::pair().map_err(Error::io(act))?;
        let caught = PASSED.iter().map(|(_, signal)| signal.as_raw());
        let caught = caught.chain(others.iter().map(|signal| signal.as_raw()));
        let caught = caught.chain([Signal::CHILD.as_raw()]);
        let delivery = SignalDelivery::with_pipe(read, write, WithOrigin::default(), caught)
            .map_err(Error::io(act))?;
        Ok(Self(delivery))
    }

    /// Readable when there is something to take.
    pub(super) fn source(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }

    /// What came since the last time, except that a child ended.
    pub(super) fn take(&mut self) -> Vec<Caught> {
        let caught = self.0.pending().filter_map(|origin| {
            let signal = Signal::from_named_raw(origin.signal)?;
            // Other senders than terminals are processes, or timers and files that this process does not have.
            let by_terminal = matches!(origin.cause, Cause::Kernel);
            let sender = origin.process.and_then(|process| Pid::from_raw(process.pid));
            (signal != Signal::CHILD).then_some(Caught { signal, by_terminal, sender })
        });
        caught.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_named_as_engines_name_them() {
        for text in ["INT", "SIGINT", "sigint", "2"] {
            let signal: StopSignal = text.parse().unwrap();
            assert_eq!(
                (signal, &*signal.to_string()),
                (StopSignal(Signal::INT), "SIGINT"),
                "{text}"
            );
        }
        assert_eq!("9".parse::<StopSignal>().unwrap(), StopSignal(Signal::KILL));
        for text in ["", "SIG", "0", "STOP", "18", "nonsense"] {
            let error = text.parse::<StopSignal>().unwrap_err();
            assert!(matches!(error, Error::SignalName { .. }), "{text}");
        }
    }
}
