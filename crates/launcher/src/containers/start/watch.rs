//! Watching one container until its state says what came of it. Owns when to look and when to run its health check
//! ourselves; what a state means is `health`'s.

use std::pin::Pin;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::{Renewal, Start, StartEvent, needs_start, together};
use crate::compose_file::{Condition, Healthcheck};
use crate::containers::health::{
    Counting, Observation, ServiceFailure, Verdict, command, judge, patience, settle, still_running,
};
use crate::engine::{Container, ExecOutcome, HealthStatus, Services};
use crate::error::Error;

/// Our own runs of a health check: the first after this, the next ones ever rarer.
const FIRST_PROBE: Duration = Duration::from_millis(100);
const RAREST_PROBE: Duration = Duration::from_secs(1);
/// How long one of them may take.
const PROBE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a one-shot may take that others wait for: databases are migrated in it.
const ONE_SHOT: Duration = Duration::from_mins(10);
/// How long the health check of an image is believed to be meant for a service that has none of its own: images are
/// shared by services that do other things.
const UNFIT: Duration = Duration::from_secs(5);
/// Events may be lost with a connection, so a look is taken at least so often.
const LOOK: Duration = Duration::from_millis(500);

/// What came of our own run of a health check.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Yes,
    No,
    /// It is not worth another try.
    Never,
}

/// What is expected of a container.
struct Expected {
    inherited: bool,
    one_shot: bool,
    deadline: Duration,
}

/// Our own runs of a container's health check.
struct Probing<'a> {
    argv: Option<Vec<String>>,
    running: Option<Pin<Box<dyn Future<Output = Answer> + Send + 'a>>>,
    next: Instant,
    pause: Duration,
    answered: bool,
}

impl Probing<'_> {
    fn new(argv: Option<Vec<String>>) -> Self {
        let next = Instant::now() + FIRST_PROBE;
        Self { argv, running: None, next, pause: FIRST_PROBE, answered: false }
    }

    /// When to do something about it.
    fn due(&self) -> Option<Instant> {
        (self.argv.is_some() && self.running.is_none()).then_some(self.next)
    }

    /// Waits for the run that goes on.
    async fn end(&mut self) {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let answer = running.await;
        self.answered |= answer == Answer::Yes;
        if answer == Answer::Never {
            self.argv = None;
        }
        self.running = None;
        self.pause = (self.pause * 3 / 2).min(RAREST_PROBE);
        self.next = Instant::now() + self.pause;
    }
}

impl<E: Services> Start<'_, E> {
    /// Watches a container until there is a verdict.
    pub(super) async fn watch(
        &self,
        service: &str,
        container: &Container,
        counting: Counting,
    ) -> Result<Verdict, Error> {
        let fresh = counting != Counting::On;
        let began = Instant::now();
        let mut events = self.woken.subscribe();
        let check = container.healthcheck.as_ref();
        let starting = container.health.as_ref();
        let starting = starting.is_none_or(|health| health.status == HealthStatus::Starting);
        let mut probing = Probing::new(command(check).filter(|_| fresh || starting));
        let Expected { inherited, one_shot, deadline } = self.expected(service, check);
        let mut run_began = began;
        let mut seen = container.clone();
        let mut look = fresh;
        loop {
            if look {
                let Some(found) = self.engine.container(&container.id).await? else {
                    return Ok(gone());
                };
                if found.restart_count != seen.restart_count {
                    run_began = Instant::now();
                }
                seen = found;
            }
            look = true;
            let (verdict, warning) = judge(&Observation {
                container: &seen,
                // A start of ours sets the engine's count back.
                restarts_before: match counting {
                    Counting::Anew => 0,
                    Counting::On | Counting::Within { .. } => container.restart_count,
                },
                inherited,
                answered: probing.answered,
                elapsed: began.elapsed(),
                run: run_began.elapsed(),
                one_shot,
                counting,
                deadline,
            });
            if let Some(message) = warning {
                (self.event)(StartEvent::Warning { service: service.to_owned(), message });
            }
            match verdict {
                Verdict::Waiting if self.options.wait || one_shot => {}
                Verdict::Failed(failure) => return Ok(self.with_log(&seen.id, failure).await),
                verdict => return Ok(verdict),
            }
            if probing.due().is_some_and(|due| due <= Instant::now())
                && let Some(argv) = probing.argv.clone()
            {
                probing.running = Some(Box::pin(self.answers(&container.id, argv)));
            }
            let wake = wake(run_began + settle(&seen), began + deadline, probing.due());
            tokio::select! {
                () = woken(&mut events, &container.id) => {}
                () = probing.end() => {}
                () = sleep_until(wake) => {}
            }
        }
    }

    /// What is expected of a service's container.
    fn expected(&self, service: &str, check: Option<&Healthcheck>) -> Expected {
        let model = self.project.services.get(service);
        let inherited = model.is_none_or(|service| service.healthcheck.is_none())
            && !self.awaited.to_be(Condition::Healthy, service);
        let one_shot = self.awaited.to_be(Condition::Completed, service);
        let usual = || match (one_shot, inherited && check.is_some()) {
            (true, _) => ONE_SHOT,
            (_, true) => UNFIT,
            _ => patience(check),
        };
        let deadline = self.options.deadline.unwrap_or_else(usual);
        Expected { inherited, one_shot, deadline }
    }

    /// Looks once more at a service that counts as running, after all others have been waited for: one that crashes
    /// after its first seconds does not run.
    pub(super) async fn look_again(
        &self,
        containers: &[Container],
        renewals: &[Renewal],
    ) -> Result<Verdict, Error> {
        let mut verdicts = Vec::new();
        for (container, renewal) in containers.iter().zip(renewals) {
            // A start of ours sets the engine's count back.
            let anew = *renewal == Renewal::Restarted || needs_start(container, false);
            let before = if anew { 0 } else { container.restart_count };
            let verdict = match self.engine.container(&container.id).await? {
                None => gone(),
                Some(found) => match still_running(&found, before) {
                    Err(Verdict::Failed(failure)) => self.with_log(&found.id, failure).await,
                    _ => Verdict::Running,
                },
            };
            verdicts.push((container, verdict));
        }
        Ok(together(verdicts))
    }

    async fn answers(&self, id: &str, argv: Vec<String>) -> Answer {
        match self.engine.exec(id, &argv, None, PROBE_DEADLINE).await {
            Ok(ExecOutcome::Ended { code: 0, .. }) => Answer::Yes,
            // Engines cannot end it, so another one would run beside it.
            Ok(ExecOutcome::TimedOut) => Answer::Never,
            // What cannot be run here may well be run by the engine: its verdict counts then.
            Ok(ExecOutcome::Ended { .. }) | Err(_) => Answer::No,
        }
    }

    /// A failure with a container's last lines.
    pub(super) async fn with_log(&self, id: &str, mut failure: Box<ServiceFailure>) -> Verdict {
        failure.log = self.last_lines(id).await;
        Verdict::Failed(failure)
    }
}

fn gone() -> Verdict {
    let reason = "its container was removed".to_owned();
    Verdict::Failed(Box::new(ServiceFailure { reason, ..ServiceFailure::default() }))
}

/// When to look again without being woken.
fn wake(settled: Instant, deadline: Instant, probe: Option<Instant>) -> Instant {
    let now = Instant::now();
    let moments = [Some(settled), Some(deadline), probe];
    let next = moments.into_iter().flatten().filter(|moment| *moment > now).min();
    next.unwrap_or(now + LOOK).min(now + LOOK)
}

/// Until something happens to a container.
async fn woken(events: &mut tokio::sync::broadcast::Receiver<String>, id: &str) {
    loop {
        match events.recv().await {
            Ok(other) if other != id => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
