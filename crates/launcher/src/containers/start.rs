//! Starting the containers of a project in the order of their dependencies, and awaiting them. Owns the order and the
//! watching; what a state means is `health`'s.
//!
//! A service is one future. It waits for those it depends on, starts or restarts its containers and watches them:
//! events of the engine make it look again, and what it sees then counts.

mod hooks;
mod reloading;
mod stopping;
mod together;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{join_all, select};
use tokio::sync::{broadcast, watch as channel};
use tokio::time::Instant;

use self::hooks::Hooks;
use self::reloading::Reloading;
use self::together::together;
use super::health::{Counting, ServiceFailure, Verdict};
use super::plan::Awaited;
use crate::compose_file::{ComposeProject, Condition, round};
use crate::engine::{Action, COMPOSE_PROJECT_LABEL, Container, LogsWanted, Services, Status};
use crate::error::Error;

/// How many of its last lines a failed service shows.
const LOG_LINES: usize = 20;
/// Events that may wait for a slow watcher; one that misses some looks again.
const EVENTS_KEPT: usize = 1024;

/// How services are started.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// Whether to wait until services are healthy. Without, the order of dependencies and the end of one-shots are
    /// still kept to, and health is not waited for.
    pub wait: bool,
    /// How long to wait for each service; `None` as its health check says.
    pub deadline: Option<Duration>,
    /// Services whose running containers are restarted.
    pub restart: BTreeSet<String>,
    /// Services whose commands are started again within their running containers, and whether they are even where they
    /// run in the current environment.
    pub reload: BTreeMap<String, bool>,
}

impl StartOptions {
    /// Whether a service gets another run.
    fn renews(&self, service: &str) -> bool {
        self.restart.contains(service) || self.reload.contains_key(service)
    }
}

/// Something that happens on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartEvent {
    /// A service's containers are being started.
    Starting {
        /// The service.
        service: String,
    },
    /// A service's containers are being restarted.
    Restarting {
        /// The service.
        service: String,
    },
    /// A service's command is being started again within its containers.
    Reloading {
        /// The service.
        service: String,
    },
    /// A service has come to a verdict.
    Settled {
        /// The service.
        service: String,
        /// The verdict.
        verdict: Verdict,
        /// Since the beginning of all.
        took: Duration,
    },
    /// Something about a service that the user should know.
    Warning {
        /// The service.
        service: String,
        /// In words.
        message: String,
    },
}

/// What came of all services.
#[derive(Debug, Clone, Default)]
pub struct Launched {
    /// By name.
    pub services: BTreeMap<String, ServiceOutcome>,
}

impl Launched {
    /// The services that do not do what is expected, and why; `None` is one that was not started for another one.
    pub fn failed(&self) -> BTreeMap<&str, Option<&ServiceFailure>> {
        let failed = self.services.iter().filter(|(_, outcome)| outcome.verdict.is_failure());
        let each = failed.map(|(service, outcome)| {
            let why = match &outcome.verdict {
                Verdict::Failed(failure) => Some(&**failure),
                _ => None,
            };
            (service.as_str(), why)
        });
        each.collect()
    }

    /// The services that were to get another run and got none: it was refused, or what they wait for failed.
    pub fn stayed(&self, options: &StartOptions) -> BTreeSet<String> {
        let stayed = self.services.iter().filter(|(service, outcome)| {
            let waits = matches!(outcome.verdict, Verdict::NotStarted { .. });
            outcome.had(Renewal::Stayed) || (waits && options.renews(service))
        });
        stayed.map(|(service, _)| service.clone()).collect()
    }
}

/// What came of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceOutcome {
    /// The verdict.
    pub verdict: Verdict,
    /// From the start of its containers to the verdict.
    pub took: Duration,
    /// Which other run each of its containers got, in their order; none where it was not started.
    pub renewals: Vec<Renewal>,
}

impl ServiceOutcome {
    /// Whether one of its containers got such a run.
    pub fn had(&self, renewal: Renewal) -> bool {
        self.renewals.contains(&renewal)
    }
}

/// Which other run a container got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Renewal {
    /// None, or its first.
    #[default]
    None,
    /// It was restarted.
    Restarted,
    /// Its command was started again within it.
    Reloaded,
    /// None, although it was to get one: its command does not start in the current environment, or its end could not be
    /// prepared.
    Stayed,
}

/// How far a service is, for those that depend on it.
#[derive(Debug, Clone, Default)]
struct Progress {
    started: bool,
    verdict: Option<Verdict>,
}

type Report = channel::Sender<Progress>;
type Reports = BTreeMap<String, channel::Receiver<Progress>>;
type Sink<'a> = &'a (dyn Fn(StartEvent) + Send + Sync);

/// What was done to a container.
#[derive(Debug, Clone, Default)]
struct Act {
    counting: Counting,
    /// Why it could not be done.
    refused: Option<String>,
    renewal: Renewal,
    took: Duration,
}

/// What came of a service's run.
struct Ran {
    verdict: Verdict,
    renewals: Vec<Renewal>,
}

/// What all services share.
struct Start<'a, E> {
    engine: &'a E,
    project: &'a ComposeProject,
    awaited: Awaited<'a>,
    options: &'a StartOptions,
    event: Sink<'a>,
    reports: Reports,
    woken: broadcast::Sender<String>,
    /// The codes with which containers ended first.
    ends: Mutex<BTreeMap<String, i64>>,
    began: Instant,
}

/// Starts services in the order of their dependencies, restarts those that are to be, and waits for them. Containers
/// that run already are left, completed one-shots stay completed. A failed service leaves those that need it
/// not started, and all others go on.
///
/// # Errors
/// [`Error::DependencyCycle`], and the engine's own failures. A service that fails is no error but its verdict.
pub async fn start_and_wait<E: Services>(
    engine: &E,
    project: &ComposeProject,
    containers: &BTreeMap<String, Vec<Container>>,
    options: &StartOptions,
    event: Sink<'_>,
) -> Result<Launched, Error> {
    // They would wait for ever.
    if let Some(cycle) = round(&project.services) {
        return Err(Error::DependencyCycle { cycle });
    }
    let (woken, _) = broadcast::channel(EVENTS_KEPT);
    let (reporting, reports): (BTreeMap<_, _>, Reports) = containers
        .keys()
        .map(|name| {
            let (sender, receiver) = channel::channel(Progress::default());
            ((name.clone(), sender), (name.clone(), receiver))
        })
        .unzip();
    let began = Instant::now();
    let (awaited, ends) = (Awaited::of(project), Mutex::default());
    let start = Start { engine, project, awaited, options, event, reports, woken, ends, began };
    // Subscribed before anything starts, so that nothing is missed.
    let mut events = engine.events(&[(COMPOSE_PROJECT_LABEL, &project.name)]).await?;
    let listen = std::pin::pin!(async {
        while let Some(Ok(event)) = events.next().await {
            if let (Action::Die(code), Ok(mut ends)) = (&event.action, start.ends.lock()) {
                ends.entry(event.id.clone()).or_insert(*code);
            }
            // Nobody listening is no fault.
            let _ = start.woken.send(event.id);
        }
        // Without events services look in turn.
        std::future::pending::<()>().await;
    });
    let services = reporting.into_iter().map(|(name, report)| {
        let found = containers.get(&name).map(Vec::as_slice).unwrap_or_default();
        let start = &start;
        async move {
            let outcome = start.service(&name, found, &report).await?;
            Ok::<_, Error>((name, outcome))
        }
    });
    let all = std::pin::pin!(join_all(services));
    let outcomes = match select(all, listen).await {
        futures_util::future::Either::Left((outcomes, _)) => outcomes,
        futures_util::future::Either::Right(((), all)) => all.await,
    };
    let mut services: BTreeMap<_, _> = outcomes.into_iter().collect::<Result<_, Error>>()?;
    if options.wait {
        for (name, outcome) in &mut services {
            let found = containers.get(name).map(Vec::as_slice).unwrap_or_default();
            if outcome.verdict == Verdict::Running {
                outcome.verdict = start.look_again(found, &outcome.renewals).await?;
            }
        }
    }
    Ok(Launched { services })
}

impl<E: Services> Start<'_, E> {
    /// One service from its dependencies to its verdict.
    async fn service(
        &self,
        name: &str,
        containers: &[Container],
        report: &Report,
    ) -> Result<ServiceOutcome, Error> {
        let renewed =
            self.options.renews(name) && containers.iter().any(|one| one.status != Status::Created);
        let missing = self.dependencies(name, renewed).await;
        let begun = Instant::now();
        let ran = if let Some(because) = missing {
            Ran { verdict: Verdict::NotStarted { because }, renewals: Vec::new() }
        } else {
            self.run(name, containers, renewed, report).await?
        };
        let Ran { verdict, renewals } = ran;
        report.send_replace(Progress { started: true, verdict: Some(verdict.clone()) });
        let settled = StartEvent::Settled {
            service: name.to_owned(),
            verdict: verdict.clone(),
            took: self.began.elapsed(),
        };
        (self.event)(settled);
        Ok(ServiceOutcome { verdict, took: begun.elapsed(), renewals })
    }

    /// Waits until everything that a service depends on is in the state it needs; the one that failed, if one did. A
    /// restart waits for one-shots alone that do their work again, and for what it is restarted with: all else that it
    /// needs was there.
    async fn dependencies(&self, name: &str, restarted: bool) -> Option<String> {
        let service = self.project.services.get(name)?;
        for (other, dependency) in &service.depends_on {
            // Whatever its state is, no container has it.
            if self.project.services.get(other).is_some_and(|other| other.provider) {
                continue;
            }
            let again = self.options.renews(other)
                && (dependency.restart || dependency.condition == Condition::Completed);
            let Some(report) = self.reports.get(other).filter(|_| !restarted || again) else {
                continue;
            };
            let condition = match dependency.condition {
                Condition::Healthy if !self.options.wait => Condition::Started,
                condition => condition,
            };
            let mut report = report.clone();
            let met = report.wait_for(|progress| met(condition, progress).is_some()).await;
            let met = met.map(|progress| met_or_failed(condition, &progress));
            // A reporter that is gone belongs to a call that fails anyway.
            if !met.unwrap_or(false) && dependency.required {
                return Some(other.clone());
            }
        }
        None
    }

    async fn run(
        &self,
        name: &str,
        containers: &[Container],
        renewed: bool,
        report: &Report,
    ) -> Result<Ran, Error> {
        let service = name.to_owned();
        let once = self.awaited.to_be(Condition::Completed, name);
        let due = |one: &&Container| renewed || needs_start(one, once);
        let reload = self.options.reload.get(name).copied().filter(|_| renewed);
        if reload.is_some() && containers.iter().any(|one| one.status == Status::Running) {
            (self.event)(StartEvent::Reloading { service });
        } else if renewed {
            (self.event)(StartEvent::Restarting { service });
        } else if containers.iter().any(|one| due(&one)) {
            (self.event)(StartEvent::Starting { service });
        }
        let acts = containers.iter().map(async |one| {
            let act = match reload {
                _ if !due(&one) => Act::default(),
                Some(anew) if one.status == Status::Running => {
                    self.reload_or_restart(name, one, anew).await?
                }
                _ => self.act(name, one, renewed).await?,
            };
            Ok::<_, Error>(act)
        });
        let acts: Vec<Act> = join_all(acts).await.into_iter().collect::<Result<_, _>>()?;
        let renewals = acts.iter().map(|act| act.renewal).collect();
        // Whoever waits for its start waits for all of its containers.
        if acts.iter().all(|act| act.refused.is_none()) {
            report.send_replace(Progress { started: true, verdict: None });
        }
        let each = containers.iter().zip(&acts);
        let outcomes = each.clone().map(async |(one, act)| match &act.refused {
            Some(reason) => Ok((one, self.refused(one, act, reason).await)),
            None => self.watch(name, one, act.counting).await.map(|verdict| (one, verdict)),
        });
        let verdicts: Vec<_> = join_all(outcomes).await.into_iter().collect::<Result<_, _>>()?;
        for (one, act) in each.filter(|(_, act)| act.renewal == Renewal::Restarted) {
            // Its process 1 is what it is by now.
            self.tell_killed(name, one, act.took).await;
        }
        Ok(Ran { verdict: together(verdicts), renewals })
    }

    /// What is told of a container for which its run was refused.
    async fn refused(&self, container: &Container, act: &Act, reason: &str) -> Verdict {
        let reason = reason.to_owned();
        let failure = Box::new(ServiceFailure { reason, ..ServiceFailure::default() });
        match act.renewal {
            // Its supervisor has said there why.
            Renewal::Stayed => self.with_log(&container.id, failure).await,
            _ => Verdict::Failed(failure),
        }
    }

    /// Starts the command of a container again within it or, where nobody does that, the container.
    async fn reload_or_restart(
        &self,
        service: &str,
        container: &Container,
        anew: bool,
    ) -> Result<Act, Error> {
        Ok(match self.reload(service, container, anew).await? {
            Reloading::Since(at) => {
                // Checks that failed while the run before ended are none of this one.
                let found = self.engine.container(&container.id).await?;
                let health = found.and_then(|found| found.health);
                let failures = health.map_or(0, |health| health.failing_streak);
                let counting = Counting::Within { at, failures };
                Act { counting, renewal: Renewal::Reloaded, ..Act::default() }
            }
            Reloading::Stays => {
                let reason = "its command does not start in its new environment, so it runs on in the one before";
                let refused = Some(reason.to_owned());
                Act { refused, renewal: Renewal::Stayed, ..Act::default() }
            }
            Reloading::Nobody => self.act(service, container, true).await?,
        })
    }

    /// Starts or restarts a container, and runs what its service has run with that.
    async fn act(&self, service: &str, container: &Container, restart: bool) -> Result<Act, Error> {
        let renewal = if restart { Renewal::Restarted } else { Renewal::None };
        let mut act = Act { counting: Counting::Anew, renewal, ..Act::default() };
        if restart && container.status == Status::Running {
            act.refused = self.hooks(service, container, Hooks::PreStop).await?;
        }
        if act.refused.is_some() {
            // As with Compose, it goes on.
            return Ok(Act { renewal: Renewal::Stayed, ..act });
        }
        let begun = Instant::now();
        let done = if restart {
            self.engine.restart(&container.id, None).await
        } else {
            self.engine.start(&container.id).await
        };
        act.took = begun.elapsed();
        act.refused = match done {
            Ok(()) => self.hooks(service, container, Hooks::PostStart).await?,
            Err(Error::StartContainer { reason, .. }) => Some(reason.to_string()),
            Err(error) => return Err(error),
        };
        Ok(act)
    }

    /// The last lines of a container, for a failure.
    async fn last_lines(&self, id: &str) -> Vec<crate::engine::LogLine> {
        let wanted = LogsWanted { tail: Some(LOG_LINES), ..LogsWanted::default() };
        // A log that cannot be read leaves the failure as it is.
        self.engine.logs(id, wanted).filter_map(async |line| line.ok()).collect().await
    }
}

/// Whether a container has to be started: it does not run, and is no one-shot that has done its work.
fn needs_start(container: &Container, once: bool) -> bool {
    match container.status {
        Status::Running | Status::Restarting | Status::Paused => false,
        Status::Exited => container.exit_code != 0 || !once,
        Status::Created | Status::Dead => true,
    }
}

/// Whether a dependency is in the state that is needed (`Some(true)`), or cannot get there (`Some(false)`).
fn met(condition: Condition, progress: &Progress) -> Option<bool> {
    match (condition, &progress.verdict) {
        (_, Some(verdict)) if verdict.is_failure() => Some(false),
        (Condition::Started, _) => progress.started.then_some(true),
        (Condition::Healthy, Some(verdict)) => Some(*verdict != Verdict::Completed),
        (Condition::Completed, Some(verdict)) => Some(*verdict == Verdict::Completed),
        (_, None) => None,
    }
}

fn met_or_failed(condition: Condition, progress: &Progress) -> bool {
    met(condition, progress).unwrap_or(false)
}

#[cfg(test)]
mod tests;
