//! What a container's state means: does its service do what is expected of it? Pure: facts in, a verdict out. Owns the
//! rules; must not know how facts are got.
//!
//! Engines before 25.0 run the first health check only after the whole interval
//! (<https://docs.docker.com/reference/dockerfile/#healthcheck>), so a success of one's own run of the same command
//! counts as well. A failure of that never counts: the engine's verdict or the deadline does.

use std::time::Duration;

use crate::compose_file::{Healthcheck, HealthcheckTest};
use crate::engine::rfc3339::nanoseconds;
use crate::engine::{Container, Health, HealthStatus, LogLine, Status};

/// How long a container without a health check must run until it counts as running: programs load for a second or two
/// before they find that something is missing. One that its policy starts again looks as if it ran, so that nobody would
/// come to know; of others their end can be seen.
const SETTLE: Duration = Duration::from_secs(1);
const SETTLE_AGAIN: Duration = Duration::from_millis(2500);
/// So many restarts by its policy are a crash loop.
const CRASHES: u64 = 3;
/// The engine's defaults of a health check.
const INTERVAL: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;
/// What is waited beyond what a health check takes at most.
const SLACK: Duration = Duration::from_secs(10);

/// What came of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is not known yet, or was not waited for.
    Waiting,
    /// It runs, and has no health check of its own.
    Running,
    /// Its health check succeeded.
    Healthy,
    /// It did its work and ended well.
    Completed,
    /// It does not do what is expected.
    Failed(Box<ServiceFailure>),
    /// It was not started, as this service failed.
    NotStarted {
        /// The service that it waits for.
        because: String,
    },
}

impl Verdict {
    /// Whether the service does not do what is expected of it.
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::NotStarted { .. })
    }
}

/// Why a service failed, with what helps to mend it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceFailure {
    /// The names of its containers of which this is told; none where it is told of all.
    pub containers: Vec<String>,
    /// In words.
    pub reason: String,
    /// Code of its end.
    pub exit_code: Option<i64>,
    /// Whether memory ran out.
    pub oom_killed: bool,
    /// What its last health check printed.
    pub health_output: String,
    /// Its last lines.
    pub log: Vec<LogLine>,
    /// What is told of its other containers that failed.
    pub also: Vec<Self>,
}

/// From when on what the engine tells of a container counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Counting {
    /// From before: it runs as it did.
    #[default]
    On,
    /// It was started just now, with which the engine began anew.
    Anew,
    /// Its command was started again within it, of which the engine knows nothing.
    Within {
        /// When, in nanoseconds since 1970 of the engine's clock.
        at: i128,
        /// How many runs of its check had failed in a row then, which the engine goes on counting.
        failures: u64,
    },
}

impl Counting {
    /// What the engine's health check says of the present run, after so much of it.
    fn verdict(self, container: &Container, health: &Health, elapsed: Duration) -> HealthStatus {
        let Self::Within { at, failures } = self else { return health.status };
        let check = container.healthcheck.as_ref();
        let starts = check.and_then(|check| check.start_period).unwrap_or_default();
        let retries = check.and_then(|check| check.retries).unwrap_or(RETRIES).max(1);
        let failed = health.failing_streak.saturating_sub(failures) >= u64::from(retries);
        match health.status {
            // A run of the check that began before says nothing of what began since then.
            _ if nanoseconds(&health.last_began).is_none_or(|began| began < at) => {
                HealthStatus::Starting
            }
            // It stays what it was until as many runs have failed as make it unhealthy.
            HealthStatus::Healthy if health.failing_streak == 0 => HealthStatus::Healthy,
            // The engine counts failures of both, and does not know that it starts.
            HealthStatus::Unhealthy if failed && elapsed >= starts => HealthStatus::Unhealthy,
            _ => HealthStatus::Starting,
        }
    }
}

/// What is known of one container's present run.
#[derive(Debug, Clone)]
pub(crate) struct Observation<'a> {
    pub(crate) container: &'a Container,
    /// Restarts before this run.
    pub(crate) restarts_before: u64,
    /// Whether the health check is the image's alone and nobody waits for it.
    pub(crate) inherited: bool,
    /// Whether the command of the health check succeeded when run by us.
    pub(crate) answered: bool,
    /// How long it has been watched.
    pub(crate) elapsed: Duration,
    /// How long its present run has been watched.
    pub(crate) run: Duration,
    /// Whether another service waits for its end.
    pub(crate) one_shot: bool,
    /// From when on what the engine tells counts.
    pub(crate) counting: Counting,
    /// How long to wait for it.
    pub(crate) deadline: Duration,
}

/// What an observation means, and a warning that goes with it.
pub(crate) fn judge(seen: &Observation<'_>) -> (Verdict, Option<String>) {
    let container = seen.container;
    let crashes = container.restart_count.saturating_sub(seen.restarts_before);
    if crashes >= CRASHES {
        let reason = format!("it ended again and again ({crashes} restarts)");
        return (failed(container, reason), None);
    }
    match container.status {
        Status::Running => judge_running(seen),
        Status::Restarting => (late(seen, "it was restarting"), None),
        Status::Paused => (failed(container, "it is paused".to_owned()), None),
        Status::Dead => (failed(container, "it is being removed".to_owned()), None),
        Status::Created if !container.error.is_empty() => {
            (failed(container, container.error.clone()), None)
        }
        Status::Created => (late(seen, "it was not started"), None),
        Status::Exited if container.exit_code == 0 && !restarts(container) => {
            (Verdict::Completed, None)
        }
        Status::Exited => {
            (failed(container, format!("it ended with code {}", container.exit_code)), None)
        }
    }
}

fn judge_running(seen: &Observation<'_>) -> (Verdict, Option<String>) {
    let container = seen.container;
    if seen.one_shot {
        return (late(seen, "it had not ended"), None);
    }
    if seen.answered {
        return (Verdict::Healthy, None);
    }
    let Some(health) = container.health.as_ref().filter(|_| tests(container)) else {
        let settled = seen.counting == Counting::On || seen.run >= settle(container);
        return (if settled { Verdict::Running } else { Verdict::Waiting }, None);
    };
    let unfit = || {
        let warning = "the health check of its image does not succeed; give the service one of its own, or \
                       `healthcheck: {disable: true}`";
        (Verdict::Running, Some(warning.to_owned()))
    };
    match seen.counting.verdict(container, health, seen.elapsed) {
        HealthStatus::Healthy => (Verdict::Healthy, None),
        HealthStatus::Unhealthy if seen.inherited => unfit(),
        HealthStatus::Unhealthy => (failed(container, "it is unhealthy".to_owned()), None),
        HealthStatus::Starting if seen.elapsed < seen.deadline => (Verdict::Waiting, None),
        HealthStatus::Starting if seen.inherited => unfit(),
        HealthStatus::Starting => (late(seen, "it was not healthy"), None),
    }
}

fn late(seen: &Observation<'_>, state: &str) -> Verdict {
    if seen.elapsed < seen.deadline {
        return Verdict::Waiting;
    }
    failed(seen.container, format!("{state} after {} s", seen.deadline.as_secs()))
}

fn failed(container: &Container, reason: String) -> Verdict {
    let ended = matches!(container.status, Status::Exited | Status::Restarting);
    let health = container.health.as_ref();
    Verdict::Failed(Box::new(ServiceFailure {
        reason,
        exit_code: ended.then_some(container.exit_code),
        oom_killed: container.oom_killed,
        health_output: health.map(|health| health.last_output.clone()).unwrap_or_default(),
        ..ServiceFailure::default()
    }))
}

fn restarts(container: &Container) -> bool {
    matches!(container.restart_policy.as_str(), "always" | "unless-stopped")
}

/// How long a container must run until it counts as running.
pub(crate) fn settle(container: &Container) -> Duration {
    match container.restart_policy.as_str() {
        "" | "no" => SETTLE,
        _ => SETTLE_AGAIN,
    }
}

fn tests(container: &Container) -> bool {
    !matches!(container.healthcheck, Some(Healthcheck { test: HealthcheckTest::Disabled, .. }))
}

/// What a service that counted as running is at the end of all: one that ended meanwhile, or was restarted, does not
/// run.
pub(crate) fn still_running(container: &Container, restarts_before: u64) -> Result<(), Verdict> {
    let restarts = container.restart_count.saturating_sub(restarts_before);
    match container.status {
        Status::Running if restarts == 0 => Ok(()),
        Status::Exited if container.exit_code == 0 && !self::restarts(container) => Ok(()),
        Status::Exited => {
            Err(failed(container, format!("it ended with code {}", container.exit_code)))
        }
        _ => {
            let times = if restarts == 1 { "restart" } else { "restarts" };
            Err(failed(container, format!("it started and ended soon after ({restarts} {times})")))
        }
    }
}

/// How long a container may take at most until its health check has come to a verdict.
pub(crate) fn patience(check: Option<&Healthcheck>) -> Duration {
    let Some(check) = check else { return INTERVAL };
    let each = check.interval.unwrap_or(INTERVAL) + check.timeout.unwrap_or(INTERVAL);
    check.start_period.unwrap_or_default() + each * check.retries.unwrap_or(RETRIES).max(1) + SLACK
}

/// The command line of a health check, for running it oneself.
pub(crate) fn command(check: Option<&Healthcheck>) -> Option<Vec<String>> {
    match &check?.test {
        HealthcheckTest::Command(argv) if !argv.is_empty() => Some(argv.clone()),
        HealthcheckTest::Shell(text) => {
            Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), text.clone()])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Health;

    fn running(health: Option<HealthStatus>) -> Container {
        Container {
            status: Status::Running,
            health: health.map(|status| Health { status, ..Health::default() }),
            healthcheck: health.map(|_| Healthcheck {
                test: HealthcheckTest::Shell("true".into()),
                ..Healthcheck::default()
            }),
            restart_policy: "no".into(),
            ..Container::default()
        }
    }

    fn seen(container: &Container) -> Observation<'_> {
        Observation {
            container,
            restarts_before: 0,
            inherited: false,
            answered: false,
            elapsed: Duration::from_secs(2),
            run: Duration::from_secs(2),
            one_shot: false,
            counting: Counting::Anew,
            deadline: Duration::from_secs(5),
        }
    }

    fn reason(verdict: Verdict) -> String {
        match verdict {
            Verdict::Failed(failure) => failure.reason,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn without_a_health_check_it_must_run_for_a_moment() {
        let container = running(None);
        let early = Observation { run: Duration::ZERO, ..seen(&container) };
        assert_eq!(judge(&early).0, Verdict::Waiting);
        let before = Observation { counting: Counting::On, ..early };
        assert_eq!(judge(&before).0, Verdict::Running);
        assert_eq!(judge(&seen(&container)).0, Verdict::Running);
        // What is started again after its end does not show it.
        let again = Container { restart_policy: "unless-stopped".into(), ..container };
        assert_eq!(judge(&seen(&again)).0, Verdict::Waiting);
        let run = Duration::from_secs(3);
        assert_eq!(judge(&Observation { run, ..seen(&again) }).0, Verdict::Running);
    }

    #[test]
    fn the_engines_verdict_counts_and_so_does_a_success_of_ours() {
        assert_eq!(judge(&seen(&running(Some(HealthStatus::Healthy)))).0, Verdict::Healthy);
        let starting = running(Some(HealthStatus::Starting));
        assert_eq!(judge(&seen(&starting)).0, Verdict::Waiting);
        assert_eq!(judge(&Observation { answered: true, ..seen(&starting) }).0, Verdict::Healthy);
        let unhealthy = running(Some(HealthStatus::Unhealthy));
        assert_eq!(reason(judge(&seen(&unhealthy)).0), "it is unhealthy");
        let late = Observation { elapsed: Duration::from_secs(5), ..seen(&starting) };
        assert_eq!(reason(judge(&late).0), "it was not healthy after 5 s");
    }

    #[test]
    fn of_a_new_run_within_a_container_only_checks_count_that_began_since_then() {
        let of = |status, began: &str, streak: u64, failures: u64| {
            let mut container = running(Some(status));
            let health = container.health.as_mut().unwrap();
            (health.last_began, health.failing_streak) = (began.into(), streak);
            container.healthcheck.as_mut().unwrap().start_period = Some(Duration::from_secs(1));
            let at = nanoseconds("2026-01-01T00:00:10Z").unwrap();
            let counting = Counting::Within { at, failures };
            let seen = Observation { counting, ..seen(&container) };
            let early = Observation { elapsed: Duration::from_millis(500), ..seen.clone() };
            (judge(&early).0, judge(&seen).0)
        };
        let (before, since) = ("2026-01-01T01:00:09.9+01:00", "2026-01-01T00:00:10.1Z");
        let (healthy, unhealthy) = (HealthStatus::Healthy, HealthStatus::Unhealthy);
        let wait = (Verdict::Waiting, Verdict::Waiting);
        for began in [before, "", "soon"] {
            assert_eq!(of(healthy, began, 0, 0), wait);
            assert_eq!(of(unhealthy, began, 3, 0), wait);
        }
        assert_eq!(of(healthy, since, 0, 3), (Verdict::Healthy, Verdict::Healthy));
        assert_eq!(of(healthy, since, 2, 0), wait, "its checks fail, if not often enough yet");
        // Not while it starts, of which the engine knows nothing.
        let (early, late) = of(unhealthy, since, 3, 0);
        assert_eq!((early, reason(late).as_str()), (Verdict::Waiting, "it is unhealthy"));
        assert_eq!(of(unhealthy, since, 3, 2), wait, "two of the failures are of the run before");
        assert_eq!(reason(of(unhealthy, since, 5, 2).1), "it is unhealthy");
    }

    #[test]
    fn an_unfit_check_of_the_image_warns_and_fails_nobody() {
        let container = running(Some(HealthStatus::Unhealthy));
        let (verdict, warning) = judge(&Observation { inherited: true, ..seen(&container) });
        assert_eq!(verdict, Verdict::Running);
        assert!(warning.is_some_and(|text| text.contains("disable: true")));
    }

    #[test]
    fn a_disabled_check_is_none() {
        let mut container = running(Some(HealthStatus::Starting));
        container.healthcheck =
            Some(Healthcheck { test: HealthcheckTest::Disabled, ..Healthcheck::default() });
        assert_eq!(judge(&seen(&container)).0, Verdict::Running);
    }

    #[test]
    fn an_end_is_work_done_or_a_failure() {
        let mut container = running(None);
        container.status = Status::Exited;
        assert_eq!(judge(&seen(&container)).0, Verdict::Completed);
        container.restart_policy = "unless-stopped".into();
        assert_eq!(reason(judge(&seen(&container)).0), "it ended with code 0");
        container.exit_code = 3;
        let Verdict::Failed(failure) = judge(&seen(&container)).0 else { panic!("it failed") };
        assert_eq!((failure.reason.as_str(), failure.exit_code), ("it ended with code 3", Some(3)));
    }

    #[test]
    fn restarting_again_and_again_is_a_crash_loop() {
        let mut container = running(None);
        (container.status, container.restart_count) = (Status::Restarting, 7);
        let before = Observation { restarts_before: 5, ..seen(&container) };
        assert_eq!(judge(&before).0, Verdict::Waiting);
        let loops = Observation { restarts_before: 4, ..before };
        assert_eq!(reason(judge(&loops).0), "it ended again and again (3 restarts)");
    }

    #[test]
    fn what_others_wait_for_must_end_and_may_run_until_then() {
        let container = running(None);
        let once = Observation { one_shot: true, ..seen(&container) };
        assert_eq!(judge(&once).0, Verdict::Waiting);
        let late = Observation { elapsed: Duration::from_secs(5), ..once };
        assert_eq!(reason(judge(&late).0), "it had not ended after 5 s");
    }

    #[test]
    fn what_ended_after_it_counted_as_running_does_not_run() {
        let mut container = running(None);
        assert_eq!(still_running(&container, 0), Ok(()));
        container.restart_count = 1;
        let verdict = still_running(&container, 0).unwrap_err();
        assert_eq!(reason(verdict), "it started and ended soon after (1 restart)");
        (container.status, container.exit_code) = (Status::Exited, 4);
        assert_eq!(reason(still_running(&container, 1).unwrap_err()), "it ended with code 4");
    }

    #[test]
    fn a_start_period_and_all_retries_are_waited_for() {
        let check = Healthcheck {
            interval: Some(Duration::from_secs(5)),
            timeout: Some(Duration::from_secs(1)),
            start_period: Some(Duration::from_mins(1)),
            retries: Some(2),
            ..Healthcheck::default()
        };
        assert_eq!(patience(Some(&check)), Duration::from_secs(82));
    }
}
