//! Asking the supervisor of this container for a start of its command, and waiting for what comes of it. Owns how it is
//! found; must not know how a command is started.

use std::fmt;
use std::io::{Error as IoError, ErrorKind};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, pidfd_send_signal};

use super::asked::{Answer, Wanted};
use super::signals::Signals;
use crate::error::Error;

/// How often the supervisor is asked again. Of two who ask at once it may hear only one.
const AGAIN: Duration = Duration::from_millis(200);

/// What a supervisor did when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// Its command runs in the current environment.
    Done,
    /// So it does, and the run before had to be killed.
    Killed,
    /// Its command cannot be started there, and runs where it ran.
    Kept,
}

/// In words that `Reloaded::parse` reads in another process of this program.
impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Killed => "killed",
            Self::Kept => "kept",
        })
    }
}

impl Reloaded {
    /// Reads what another process has written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut all = [Self::Done, Self::Killed, Self::Kept].into_iter();
        all.find(|one| one.to_string() == text)
    }
}

/// Has the supervisor's command run in the current environment, `anew` even if it does already.
///
/// # Errors
/// [`Error::Io`] when nobody supervises here, when the supervisor ends, and when nothing came of it in that time.
pub fn reload(anew: bool, patience: Duration) -> Result<Reloaded, Error> {
    let wanted = if anew { Wanted::Anew } else { Wanted::Current };
    let mut asking = Asking::new(wanted)?;
    let begun = Instant::now();
    asking.ask(wanted)?;
    loop {
        let has_ended = asking.wait()?;
        match asking.answer() {
            Some(Answer::Done) => return Ok(Reloaded::Done),
            Some(Answer::Killed) => return Ok(Reloaded::Killed),
            Some(Answer::Kept) => return Ok(Reloaded::Kept),
            Some(Answer::Refused) => {
                return Err(failed(ErrorKind::Interrupted, "it is about to end"));
            }
            None if has_ended => {
                return Err(failed(ErrorKind::BrokenPipe, "its supervisor has ended"));
            }
            None if begun.elapsed() >= patience => {
                return Err(failed(ErrorKind::TimedOut, "it takes too long"));
            }
            // Of two who ask at once only one may have been heard. A new run that was asked for has been, by either.
            None => asking.ask(Wanted::Current)?,
        }
    }
}

fn failed(kind: ErrorKind, why: &str) -> Error {
    Error::io("have the command started again")(IoError::new(kind, why))
}

/// A supervisor that is asked.
struct Asking {
    pid: Pid,
    /// Held, so that no other process of the same number is asked.
    supervisor: OwnedFd,
    signals: Signals,
}

impl Asking {
    fn new(wanted: Wanted) -> Result<Self, Error> {
        let nobody = || failed(ErrorKind::NotFound, "nobody supervises it");
        let pid = supervisor(wanted).ok_or_else(nobody)?;
        let supervisor = pidfd_open(pid, PidfdFlags::empty()).map_err(|_gone| nobody())?;
        // The answer may come at once.
        let signals = Signals::new(&[])?;
        Ok(Self { pid, supervisor, signals })
    }

    fn ask(&self, wanted: Wanted) -> Result<(), Error> {
        let sent = pidfd_send_signal(&self.supervisor, wanted.signal());
        sent.map_err(|error| Error::io("ask the supervisor")(error.into()))
    }

    /// Waits until something came, but not for long; says whether the supervisor has ended.
    fn wait(&self) -> Result<bool, Error> {
        let sources = [self.signals.source(), self.supervisor.as_fd()];
        let mut sources = sources.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN));
        match poll(&mut sources, Some(&Timespec::try_from(AGAIN).unwrap_or_default())) {
            Ok(_) => Ok(!sources[1].revents().is_empty()),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(Error::Io { act: "wait for an answer", source: error.into() }),
        }
    }

    fn answer(&mut self) -> Option<Answer> {
        let mut caught = self.signals.take().into_iter();
        caught.find_map(|one| Answer::of(one.signal).filter(|_| one.sender == Some(self.pid)))
    }
}

/// The first process of this program, in this container, that listens for what is asked.
fn supervisor(wanted: Wanted) -> Option<Pid> {
    let own = Seen::of(getpid().as_raw_nonzero().get())?;
    let mut pids: Vec<i32> = fs_err::read_dir("/proc")
        .ok()?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    let listens = |seen: &Seen| seen.caught & (1 << (wanted.signal().as_raw() - 1)) != 0;
    let found = pids.into_iter().find(|&pid| {
        let seen = Seen::of(pid);
        seen.is_some_and(|seen| seen.is_beside(&own) && listens(&seen))
    });
    found.and_then(Pid::from_raw)
}

/// What can be seen of a process.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    name: String,
    /// The signals that it has handlers for.
    caught: u64,
    /// The namespace of its mounts. Other containers may be seen from here, and have others.
    mounts: PathBuf,
}

impl Seen {
    fn of(pid: i32) -> Option<Self> {
        let status = fs_err::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let field = |name: &str| {
            let mut lines = status.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
        };
        let (name, caught) = (field("Name")?.to_owned(), field("SigCgt")?);
        let caught = u64::from_str_radix(caught, 16).ok()?;
        let mounts = fs_err::read_link(format!("/proc/{pid}/ns/mnt")).ok()?;
        Some(Self { name, caught, mounts })
    }

    /// Whether it is of the same program and in the same container.
    fn is_beside(&self, other: &Self) -> bool {
        self.name == other.name && self.mounts == other.mounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_again() {
        for reloaded in [Reloaded::Done, Reloaded::Killed, Reloaded::Kept] {
            assert_eq!(Reloaded::parse(&reloaded.to_string()), Some(reloaded));
        }
        assert_eq!(Reloaded::parse(""), None);
    }

    #[test]
    fn processes_of_other_programs_are_not_beside() {
        let own = Seen::of(getpid().as_raw_nonzero().get()).unwrap();
        let mut other = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let seen = Seen::of(Pid::from_child(&other).as_raw_nonzero().get());
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(own.is_beside(&own) && !seen.unwrap().is_beside(&own));
    }
}
