//! The fake's containers of a project: each start plays the next scripted run on Tokio's clock, which tests pause.
//! Owns what such a container does; must not know who watches it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep};

use super::{Recorded, refused};
use crate::engine::{
    Action, Container, ContainerEvent, ExecOutcome, ExecWanted, Health, HealthStatus, LogLine,
    LogsWanted, Services, Status,
};
use crate::error::{Error, StartRefusal};

/// What a container does from one start to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// Why the engine does not start it.
    pub refused: Option<StartRefusal>,
    /// When its command ends, and with which code; `None` runs on.
    pub ends: Option<(Duration, i64)>,
    /// When the engine's own health check comes to which verdict.
    pub verdicts: Vec<(Duration, HealthStatus)>,
    /// When commands that are run in it begin to succeed; `None` is never.
    pub answers_after: Option<Duration>,
    /// What it prints, at once.
    pub log: Vec<String>,
    /// Of a process 1 that does not end at its stop signal, what `/proc/1/status` says.
    pub deaf: Option<String>,
    /// What a supervisor in it answers that is asked for a new run of its command; `None` is none.
    pub supervisor: Option<String>,
}

/// The labels that are listened for, and who listens.
type Listener = (BTreeMap<String, String>, UnboundedSender<Result<ContainerEvent, Error>>);

#[derive(Debug, Default)]
pub(super) struct World {
    containers: BTreeMap<String, Played>,
    listeners: Vec<Listener>,
    began: Option<Instant>,
    timeline: Vec<String>,
}

#[derive(Debug)]
struct Played {
    facts: Container,
    runs: VecDeque<Run>,
    run: Run,
    /// Counts starts, so that what was to happen in an earlier run does not.
    started: usize,
    since: Instant,
}

/// Between the end of a run and the restart by its policy.
const RESTART_DELAY: Duration = Duration::from_millis(100);

/// How long a container may take to end that does not say it.
const STOP: Duration = Duration::from_secs(10);

impl Recorded {
    /// Adds a container with what it does at each start; the last run repeats.
    #[must_use]
    pub fn with_container(self, facts: Container, runs: Vec<Run>) -> Self {
        let run = runs.first().cloned().unwrap_or_default();
        let played = Played { facts, runs: runs.into(), run, started: 0, since: Instant::now() };
        self.lock().world.containers.insert(played.facts.id.clone(), played);
        self
    }

    /// Every start, restart and command in a container so far, and every archive put there (its files, with the first
    /// word of each), with the milliseconds since the first.
    pub fn timeline(&self) -> Vec<String> {
        self.lock().world.timeline.clone()
    }

    pub(super) fn is_of_project(&self, id: &str) -> bool {
        self.lock().world.containers.contains_key(id)
    }

    fn play(&self, id: &str, act: impl FnOnce(&mut Played)) -> Option<Container> {
        let mut state = self.lock();
        let played = state.world.containers.get_mut(id)?;
        act(played);
        Some(played.facts.clone())
    }

    pub(super) fn note(&self, act: &str, id: &str) {
        let mut state = self.lock();
        let began = *state.world.began.get_or_insert_with(Instant::now);
        let line = format!("{:>5} {act} {id}", began.elapsed().as_millis());
        state.world.timeline.push(line);
    }

    fn tell(&self, facts: &Container, action: &Action) {
        let event = || ContainerEvent {
            id: facts.id.clone(),
            labels: facts.labels.clone(),
            action: action.clone(),
        };
        self.lock().world.listeners.retain(|(labels, sender)| {
            let meant = labels.iter().all(|(name, value)| facts.labels.get(name) == Some(value));
            !meant || sender.send(Ok(event())).is_ok()
        });
    }

    /// A start that somebody asked for: the engine forgets how often the policy did it before.
    fn begin_anew(&self, id: &str) -> Result<(), Error> {
        self.play(id, |played| played.facts.restart_count = 0);
        self.begin(id)
    }

    fn begin(&self, id: &str) -> Result<(), Error> {
        let (mut run, mut started) = (Run::default(), 0);
        let facts = self.play(id, |played| {
            if let Some(next) = played.runs.pop_front() {
                played.run = next;
            }
            run = played.run.clone();
            if run.refused.is_some() {
                return;
            }
            played.started += 1;
            started = played.started;
            played.since = Instant::now();
            played.facts.status = Status::Running;
            played.facts.started_at = format!("run {started}");
            played.facts.health = played.facts.healthcheck.is_some().then(Health::default);
        });
        let facts = facts.ok_or_else(|| refused("start a container", "no such container"))?;
        if let Some(reason) = run.refused {
            return Err(Error::StartContainer { container: id.into(), reason });
        }
        self.tell(&facts, &Action::Start);
        tokio::spawn(self.clone().run_on(id.to_owned(), started, run));
        Ok(())
    }

    async fn run_on(self, id: String, started: usize, run: Run) {
        let mut passed = Duration::ZERO;
        let end = run.ends.map_or(Duration::MAX, |(at, _)| at);
        for (at, verdict) in run.verdicts.into_iter().filter(|&(at, _)| at < end) {
            sleep(at.saturating_sub(passed)).await;
            passed = at;
            self.change(&id, started, &Action::Health(verdict), |facts| {
                facts.health = Some(Health { status: verdict, ..Health::default() });
            });
        }
        let Some((at, code)) = run.ends else { return };
        sleep(at.saturating_sub(passed)).await;
        let mut again = false;
        self.change(&id, started, &Action::Die(code), |facts| {
            again = match facts.restart_policy.as_str() {
                "always" | "unless-stopped" => true,
                policy => policy.starts_with("on-failure") && code != 0,
            };
            facts.exit_code = code;
            facts.status = if again { Status::Restarting } else { Status::Exited };
            facts.restart_count += u64::from(again);
        });
        if again {
            sleep(RESTART_DELAY).await;
            let current = self.lock().world.containers.get(&id).map(|played| played.started);
            if current == Some(started) {
                // Its failure shows as the container that does not come back.
                let _ = self.begin(&id);
            }
        }
    }

    fn change(
        &self,
        id: &str,
        started: usize,
        action: &Action,
        change: impl FnOnce(&mut Container),
    ) {
        let mut current = false;
        let facts = self.play(id, |played| {
            current = played.started == started && played.facts.status == Status::Running;
            if current {
                change(&mut played.facts);
            }
        });
        if let Some(facts) = facts.filter(|_| current) {
            self.tell(&facts, action);
        }
    }
}

impl Services for Recorded {
    async fn containers(&self, labels: &[(&str, &str)]) -> Result<Vec<Container>, Error> {
        let state = self.lock();
        let all = state.world.containers.values().map(|played| &played.facts);
        let carries = |facts: &&Container| {
            labels
                .iter()
                .all(|&(name, value)| facts.labels.get(name).is_some_and(|found| found == value))
        };
        Ok(all.filter(carries).cloned().collect())
    }

    async fn users_of(&self, volume: &str) -> Result<Vec<Container>, Error> {
        let state = self.lock();
        let all = state.world.containers.values().map(|played| &played.facts);
        let uses = |facts: &&Container| {
            facts.status == Status::Running && facts.volumes.iter().any(|name| name == volume)
        };
        Ok(all.filter(uses).cloned().collect())
    }

    async fn container(&self, id: &str) -> Result<Option<Container>, Error> {
        Ok(self.play(id, |_| ()))
    }

    async fn start(&self, id: &str) -> Result<(), Error> {
        self.note("start", id);
        let facts = self.play(id, |_| ());
        if facts.is_some_and(|facts| facts.status == Status::Running) {
            return Ok(());
        }
        self.begin_anew(id)
    }

    async fn restart(&self, id: &str, _grace: Option<Duration>) -> Result<(), Error> {
        self.note("restart", id);
        let (mut started, mut code) = (0, 143);
        let mut patience = Duration::ZERO;
        self.play(id, |played| {
            started = played.started;
            if played.run.deaf.is_some() {
                (code, patience) = (137, played.facts.stop_timeout.unwrap_or(STOP));
            }
        });
        sleep(patience).await;
        self.change(id, started, &Action::Die(code), |facts| facts.status = Status::Exited);
        sleep(RESTART_DELAY).await;
        self.begin_anew(id)
    }

    async fn events(
        &self,
        labels: &[(&str, &str)],
    ) -> Result<BoxStream<'static, Result<ContainerEvent, Error>>, Error> {
        let (sender, receiver) = unbounded_channel();
        let labels = labels.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        self.lock().world.listeners.push((labels, sender));
        let received = stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|event| (event, receiver))
        });
        Ok(received.boxed())
    }

    fn logs(&self, id: &str, wanted: LogsWanted) -> BoxStream<'static, Result<LogLine, Error>> {
        let state = self.lock();
        let log = state.world.containers.get(id).map(|played| played.run.log.clone());
        let log = log.unwrap_or_default();
        let first = wanted.tail.map_or(0, |tail| log.len().saturating_sub(tail));
        let lines = log.into_iter().skip(first).map(|text| {
            // A test may write the time in front, as engines do.
            let stamped = text.split_once(' ').filter(|(time, _)| time.ends_with('Z'));
            let (time, text) =
                stamped.map_or((None, text.as_str()), |(time, rest)| (Some(time.to_owned()), rest));
            Ok(LogLine { stderr: false, time, text: text.to_owned() })
        });
        stream::iter(lines.collect::<Vec<_>>()).boxed()
    }

    async fn exec_as(
        &self,
        id: &str,
        ExecWanted { argv, user, .. }: &ExecWanted,
        _deadline: Duration,
    ) -> Result<ExecOutcome, Error> {
        let user = user.as_ref().map_or_else(String::new, |user| format!(" as {user}"));
        self.note(&format!("exec {}{user} in", argv.join(" ")), id);
        let (mut answers, mut status) = (false, None);
        self.play(id, |played| {
            status = played.run.deaf.clone().filter(|_| *argv == ["cat", "/proc/1/status"]);
            answers = played.facts.status == Status::Running
                && played.run.answers_after.is_some_and(|after| played.since.elapsed() >= after);
        });
        if argv.get(1).is_some_and(|word| word == "reload") {
            answers = false;
            self.play(id, |played| status.clone_from(&played.run.supervisor));
        }
        let code = i64::from(!answers && status.is_none());
        Ok(ExecOutcome::Ended { code, output: status.unwrap_or_default() })
    }
}
