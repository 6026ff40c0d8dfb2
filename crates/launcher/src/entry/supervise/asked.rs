//! Who asked a supervisor for a start of its command, and is told what came of it. Owns the words of both, which are
//! signals: only a process that might send any other one may ask, and nothing has to be written for it. Must not know
//! when a command is started.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::signals::{ASKING, Caught};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wanted {
    /// That the command runs in the current environment.
    Current,
    /// That it is started again, wherever it runs.
    Anew,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is so.
    Done,
    /// It is so, and the command had to be killed for it.
    Killed,
    /// The command cannot be started in the current environment.
    Kept,
    /// The supervisor is about to end.
    Refused,
}

const ANSWERS: [(Answer, Signal); 4] = [
    (Answer::Done, Signal::USR1),
    (Answer::Killed, Signal::USR2),
    (Answer::Kept, Signal::HUP),
    (Answer::Refused, Signal::ALARM),
];

impl Wanted {
    /// The signal that says it.
    pub(super) fn signal(self) -> Signal {
        let [current, anew] = ASKING;
        match self {
            Self::Current => current,
            Self::Anew => anew,
        }
    }

    /// What a signal asks for, if it asks for anything.
    pub(super) fn of(signal: Signal) -> Option<Self> {
        [Self::Current, Self::Anew].into_iter().find(|wanted| wanted.signal() == signal)
    }
}

impl Answer {
    /// What a signal says.
    pub(super) fn of(signal: Signal) -> Option<Self> {
        ANSWERS.iter().find(|(_, own)| *own == signal).map(|(answer, _)| *answer)
    }

    fn signal(self) -> Signal {
        ANSWERS.iter().find(|(own, _)| *own == self).map_or(Signal::ALARM, |(_, signal)| *signal)
    }
}

/// Those who have asked.
#[derive(Default)]
pub(super) struct Asked {
    /// By their numbers, and held, so that no answer goes to another process of the same number.
    by: BTreeMap<i32, OwnedFd>,
    wanted: Option<Wanted>,
}

impl Asked {
    /// Notes that somebody asked; false for what asks for nothing.
    pub(super) fn note(&mut self, caught: &Caught) -> bool {
        let Some(wanted) = Wanted::of(caught.signal) else { return false };
        // Who is gone already, or cannot be seen, waits for nothing.
        let Some(pid) = caught.sender else { return true };
        if let Ok(by) = pidfd_open(pid, PidfdFlags::empty()) {
            self.by.insert(pid.as_raw_nonzero().get(), by);
            self.wanted = self.wanted.max(Some(wanted));
        }
        true
    }

    /// Forgets who does not wait any more, and what nobody waits for.
    pub(super) fn forget_gone(&mut self) {
        self.by.retain(|_, by| !has_ended(by));
        if self.by.is_empty() {
            self.wanted = None;
        }
    }

    /// The most that somebody asks for.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        self.wanted
    }

    /// The command has been started since they asked, if not in the current environment.
    pub(super) fn started(&mut self) {
        self.wanted = self.wanted.min(Some(Wanted::Current));
    }

    /// Tells all of them.
    pub(super) fn answer(&mut self, answer: Answer) {
        for by in std::mem::take(&mut self.by).into_values() {
            let _gone = pidfd_send_signal(by, answer.signal());
        }
        self.wanted = None;
    }
}

/// Whether a process has ended.
fn has_ended(process: &OwnedFd) -> bool {
    let mut sources = [PollFd::new(process, PollFlags::IN)];
    let seen = poll(&mut sources, Some(&Timespec::default()));
    seen.is_ok() && !sources[0].revents().is_empty()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::process::Pid;

    use super::*;

    #[test]
    fn what_nobody_waits_for_any_more_is_forgotten() {
        let mut asked = Asked::default();
        let ask = |asked: &mut Asked, wanted: Wanted| {
            let child = Command::new("sleep").arg("30").spawn().unwrap();
            let (signal, sender) = (wanted.signal(), Some(Pid::from_child(&child)));
            assert!(asked.note(&Caught { signal, by_terminal: false, sender }));
            child
        };
        let mut children = [Wanted::Current, Wanted::Anew].map(|wanted| ask(&mut asked, wanted));
        asked.forget_gone();
        assert_eq!((asked.wanted(), asked.by.len()), (Some(Wanted::Anew), 2));
        for (child, left) in children.iter_mut().zip([1, 0]) {
            child.kill().unwrap();
            child.wait().unwrap();
            asked.forget_gone();
            assert_eq!((asked.wanted().is_some(), asked.by.len()), (left > 0, left));
        }
    }

    #[test]
    fn what_is_said_by_a_signal_is_understood_and_nothing_else_is() {
        for wanted in [Wanted::Current, Wanted::Anew] {
            assert_eq!(Wanted::of(wanted.signal()), Some(wanted));
        }
        for (answer, _) in ANSWERS {
            assert_eq!(Answer::of(answer.signal()), Some(answer));
        }
        assert_eq!((Wanted::of(Signal::TERM), Answer::of(Signal::TERM)), (None, None));
    }
}
