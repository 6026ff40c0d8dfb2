//! A new run of a supervised command within its container, which runs on. Owns how its supervisor is asked and understood;
//! must not know when a new run is due.
//!
//! It is asked by this program in the container, as the container's own user: whoever cannot reach the volume, or is on
//! another machine, can run a command there all the same, and only who belongs to the container may ask. The answer comes
//! when the new run has begun, with the time there, by which the engine's runs of the health check are told apart.

use std::time::Duration;

use pyfast_root::layout::LAUNCHER;

use super::stopping::{GRACE, Unheeded};
use super::{Start, StartEvent};
use crate::engine::{Container, ExecOutcome, Services};
use crate::entry::Reloaded;
use crate::error::Error;
use crate::volume::MOUNT_POINT;

/// The hidden command that asks.
const RELOAD: &str = "reload";
/// How long it may take besides the end of the run before.
const MARGIN: Duration = Duration::from_secs(30);

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reloading {
    /// It runs in the current environment, at this time of the container's clock (nanoseconds since 1970).
    Since(i128),
    /// It cannot be started there, and runs where it ran.
    Stays,
    /// Nobody there could be asked.
    Nobody,
}

impl<E: Services> Start<'_, E> {
    /// Asks for a new run of a container's command, even in the environment in which it runs where it is to be `anew`.
    pub(super) async fn reload(
        &self,
        service: &str,
        container: &Container,
        anew: bool,
    ) -> Result<Reloading, Error> {
        let patience = container.stop_timeout.unwrap_or(GRACE).saturating_add(MARGIN);
        let own = format!("{MOUNT_POINT}/{LAUNCHER}");
        let argv = [&own, RELOAD, "--patience", &patience.as_secs().to_string()].map(str::to_owned);
        let argv: Vec<_> = argv.into_iter().chain(anew.then(|| "--anew".to_owned())).collect();
        // What was asked knows itself when to give up.
        let deadline = patience.saturating_add(MARGIN);
        let output = match self.engine.exec(&container.id, &argv, None, deadline).await {
            Ok(ExecOutcome::Ended { code: 0, output }) => output,
            Err(error @ Error::EngineUnreachable { .. }) => return Err(error),
            Ok(_) | Err(_) => return Ok(Reloading::Nobody),
        };
        let Some(Answer { at, reloaded }) = Answer::read(&output) else {
            return Ok(Reloading::Nobody);
        };
        if reloaded == Reloaded::Killed {
            let message = Unheeded::supervised(container).to_string();
            (self.event)(StartEvent::Warning { service: service.to_owned(), message });
        }
        Ok(if reloaded == Reloaded::Kept { Reloading::Stays } else { Reloading::Since(at) })
    }
}

/// What the hidden command prints: the time, and what came of it.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    at: i128,
    reloaded: Reloaded,
}

impl Answer {
    fn read(output: &str) -> Option<Self> {
        let (at, word) = output.lines().last()?.split_once(' ')?;
        Some(Self { at: at.parse().ok()?, reloaded: Reloaded::parse(word)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_answer_whatever_was_said_before() {
        let read = |text: &str| Answer::read(text).map(|answer| (answer.at, answer.reloaded));
        assert_eq!(read("warning: x y\n17 done"), Some((17, Reloaded::Done)));
        assert_eq!(read("17 kept"), Some((17, Reloaded::Kept)));
        for text in ["", "done", "x done", "17 ", "17 begun"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
