//! Staying in front of the command: passes signals on, reaps what is left to it, and starts the command again in a new
//! generation, and when somebody asks for that. Owns the loop and its decisions; must not know how signals are caught
//! (`signals`), how a change is noticed (`watch`), how one asks (`reload`) and is told (`asked`), or how processes are
//! listed (`children`).
//!
//! Synchronous, without threads, and without a single write: it is process 1 of containers with a read-only root file
//! system, any user, no shell and no HOME. It has no policy of its own: a command that ends by itself ends it too.
//!
//! The command stays in this process' group, so a terminal's foreground group needs no change, and what a key press
//! sends reaches the command from the terminal itself.

mod asked;
mod children;
mod reload;
mod signals;
mod watch;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};

use self::asked::{Answer, Asked, Wanted};
use self::signals::{ASKING, Signals};
use self::watch::Watch;
use super::current::{self, Attempt};
use super::{Entry, EntryEvent, Launch};
use crate::error::Error;

pub use self::reload::{Reloaded, reload};
pub use self::signals::StopSignal;

/// How often leftovers of a stopped command are looked for while they are being stopped.
const CLEARING: Duration = Duration::from_millis(20);
/// Between two looks while nothing but the command's end is waited for.
const LEAVING: Duration = Duration::from_mins(1);

/// How a command is stopped for a new generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supervision {
    /// What asks it to end.
    pub stop_signal: StopSignal,
    /// How long it has for that, with everything that it leaves behind; then they are killed.
    pub grace: Duration,
}

/// Runs the command as a child, and again in every generation that becomes current, until it ends by itself or by a
/// signal that was meant for it. Returns its exit code, 128 + n when signal n ended it.
///
/// A generation in which the command cannot be found or started changes nothing: the old one keeps running.
///
/// # Errors
/// As [`super::prepare`] before the first start, [`Error::NotExecutable`] or [`Error::CommandBroken`] at it, and
/// [`Error::Io`] when signals cannot be caught.
pub fn supervise(
    entry: &Entry,
    supervision: &Supervision,
    event: &dyn Fn(EntryEvent),
) -> Result<u8, Error> {
    // Before anything else: as process 1 a signal without a handler is lost.
    let signals = Signals::new(&ASKING)?;
    // Process 1 inherits orphans anyway; others have to ask, and old kernels know no such request.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let running = super::prepare(entry, event)?;
    // The project that was found is the one to stay with, whatever others appear later.
    let entry = Entry { project: Some(running.project.clone()), ..entry.clone() };
    let child = running.spawn()?;
    let watch = Watch::new(&entry);
    let (child, supervision) = (Some(child), *supervision);
    Supervisor {
        entry,
        supervision,
        event,
        signals,
        watch,
        running,
        child,
        stop: None,
        asked: Asked::default(),
        leaving: Leaving::No,
    }
    .run()
}

struct Supervisor<'a> {
    entry: Entry,
    supervision: Supervision,
    event: &'a dyn Fn(EntryEvent),
    signals: Signals,
    watch: Watch,
    /// What runs, and what keeps its generation from being collected.
    running: Launch,
    /// `None` from its end to the next start: its number may belong to anybody then.
    child: Option<Pid>,
    /// The restart that is under way.
    stop: Option<Stop>,
    /// Who asked for a start.
    asked: Asked,
    /// Whether somebody asked for the end.
    leaving: Leaving,
}

/// Whether somebody asked for the end: then no other generation is started any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// By a key press, which many programs take for something else. One that still runs then goes on.
    Perhaps(Instant),
    /// By what engines send.
    Yes,
}

/// A restart under way: first the command ends, then what it left behind, then the next one starts.
struct Stop {
    next: Launch,
    deadline: Instant,
    /// Whether leftovers were asked to end.
    asked: bool,
    /// Whether time is up.
    killed: bool,
}

impl Supervisor<'_> {
    fn run(mut self) -> Result<u8, Error> {
        let mut code = 0;
        loop {
            code = self.reap().unwrap_or(code);
            self.pass_signals_on();
            if self.is_leaving() {
                self.asked.answer(Answer::Refused);
            }
            match (self.child, self.stop.take()) {
                (None, None) => return Ok(code),
                (None, Some(stop)) => self.clear(stop)?,
                (Some(child), Some(stop)) => self.hurry(child, stop),
                (Some(child), None) if !self.is_leaving() => self.look(child),
                (Some(_), None) => {}
            }
            self.sleep()?;
        }
    }

    /// Takes the codes of all that ended, and gives the command's own.
    fn reap(&mut self) -> Option<u8> {
        let mut code = None;
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if Some(pid) == self.child => {
                    self.child = None;
                    code = Some(exit_code(status));
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) | Err(_) => return code,
            }
        }
    }

    fn pass_signals_on(&mut self) {
        let stop_signal = self.supervision.stop_signal.signal();
        for caught in self.signals.take() {
            if self.asked.note(&caught) {
                continue;
            }
            self.note_end(caught.signal);
            // Twice the same signal means another thing to some programs.
            let asked = self.is_leaving() && self.stop.take().is_some();
            if caught.by_terminal || (asked && caught.signal == stop_signal) {
                continue;
            }
            if let Some(child) = self.child {
                send(child, caught.signal);
            }
        }
    }

    fn note_end(&mut self, signal: Signal) {
        if signal == Signal::TERM || signal == self.supervision.stop_signal.signal() {
            self.leaving = Leaving::Yes;
        } else if [Signal::INT, Signal::QUIT].contains(&signal) && self.leaving != Leaving::Yes {
            self.leaving = Leaving::Perhaps(Instant::now() + self.supervision.grace);
        }
    }

    fn is_leaving(&mut self) -> bool {
        if matches!(self.leaving, Leaving::Perhaps(until) if Instant::now() >= until) {
            self.leaving = Leaving::No;
        }
        self.leaving != Leaving::No
    }

    /// Begins a restart where another generation has become current for good, or somebody asks for a start.
    fn look(&mut self, child: Pid) {
        self.asked.forget_gone();
        let (changed, wanted) =
            (self.watch.settled(self.running.generation()), self.asked.wanted());
        // Whoever asks knows that no other change follows.
        let asked = || wanted.and_then(|_| current::named(&self.entry));
        let Some(generation) = changed.or_else(asked) else {
            if wanted.is_some() {
                self.keep_for_nothing();
            }
            return;
        };
        let next = match current::attempt(&self.entry) {
            Ok(Attempt::Held(held)) => super::ready(&self.entry, held, self.event),
            // It is being collected, so something newer comes.
            Ok(Attempt::Later) => return self.watch.again(),
            Err(error) => Err(error),
        };
        let is_same = |next: &Launch| next.generation() == self.running.generation();
        match next {
            Ok(next) if is_same(&next) && wanted != Some(Wanted::Anew) => {
                self.watch.again();
                self.asked.answer(Answer::Done);
            }
            Ok(next) => {
                (self.event)(if is_same(&next) {
                    EntryEvent::Again
                } else {
                    EntryEvent::Restarting { id: id(next.generation()) }
                });
                send(child, self.supervision.stop_signal.signal());
                let deadline = Instant::now() + self.supervision.grace;
                self.stop = Some(Stop { next, deadline, asked: false, killed: false });
            }
            Err(error) => self.keep(generation, &error),
        }
    }

    /// Answers who asked where `current` names nothing that could be read.
    fn keep_for_nothing(&mut self) {
        let reason = match current::attempt(&self.entry) {
            Err(error) => chain(&error),
            Ok(_) => "there is none".to_owned(),
        };
        let generation = current::link(&self.entry).unwrap_or_default();
        (self.event)(EntryEvent::Kept { id: id(&generation), reason });
        self.asked.answer(Answer::Kept);
    }

    fn keep(&mut self, generation: PathBuf, error: &Error) {
        let id = id(&generation);
        self.watch.ignore(generation);
        (self.event)(EntryEvent::Kept { id, reason: chain(error) });
        self.asked.answer(Answer::Kept);
    }

    /// Kills the command when its time is up.
    fn hurry(&mut self, child: Pid, mut stop: Stop) {
        if !stop.killed && Instant::now() >= stop.deadline {
            (self.event)(EntryEvent::Killed { grace: self.supervision.grace });
            send(child, Signal::KILL);
            stop.killed = true;
        }
        self.stop = Some(stop);
    }

    /// Ends what the command left behind, which may hold its ports, and then starts the next one.
    fn clear(&mut self, mut stop: Stop) -> Result<(), Error> {
        let left = children::own();
        if left.is_empty() {
            return self.start(stop);
        }
        let late = Instant::now() >= stop.deadline;
        if late || !stop.asked {
            let signal = if late { Signal::KILL } else { Signal::TERM };
            for pid in left {
                send(pid, signal);
            }
        }
        stop.asked = true;
        self.stop = Some(stop);
        Ok(())
    }

    fn start(&mut self, Stop { next, killed, .. }: Stop) -> Result<(), Error> {
        match next.spawn() {
            Ok(child) => {
                self.child = Some(child);
                // The old lease goes with the old launch.
                self.running = next;
                self.asked.started();
                if current::named(&self.entry).as_deref() == Some(self.running.generation()) {
                    self.asked.answer(if killed { Answer::Killed } else { Answer::Done });
                }
            }
            Err(error) => {
                self.keep(next.generation().into(), &error);
                self.child = Some(self.running.spawn()?);
            }
        }
        Ok(())
    }

    /// Waits for a signal (a child's end is one), a change, or the time of whatever comes next.
    fn sleep(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        let wait = match &self.stop {
            Some(_) if self.child.is_none() => CLEARING,
            Some(stop) if !stop.killed => stop.deadline.saturating_duration_since(now),
            // Only the command's end matters then, which is a signal.
            Some(_) => LEAVING,
            None => match self.leaving {
                Leaving::Yes => LEAVING,
                Leaving::Perhaps(until) => until.saturating_duration_since(now),
                // What is asked for waits for a collector at most.
                Leaving::No if self.asked.wanted().is_some() => CLEARING,
                Leaving::No => self.watch.patience(),
            },
        };
        let timeout = Timespec::try_from(wait).unwrap_or_default();
        let sources = std::iter::once(self.signals.source()).chain(self.watch.source());
        let mut sources: Vec<_> =
            sources.map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)).collect();
        match poll(&mut sources, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => {
                return Err(Error::Io { act: "wait for signals", source: error.into() });
            }
        }
        self.watch.drain();
        Ok(())
    }
}

/// What a generation is known by.
fn id(generation: &Path) -> String {
    generation.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A process that is gone needs no signal, and one of another user cannot get any.
fn send(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
}

fn exit_code(status: WaitStatus) -> u8 {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|n| 128 + n));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
