//! Containers of a project on a real engine: state, restart, events, commands, logs.

use std::time::Duration;

use futures_util::StreamExt as _;
use pyfast_launcher::compose_file::HealthcheckTest;
use pyfast_launcher::engine::{
    Action, ContainerEvent, Docker, ExecOutcome, LogsWanted, Services as _, Status,
};
use pyfast_launcher::{Error, StartRefusal};

use crate::world::{SLIM, docker, engine, host};

const SECONDS: Duration = Duration::from_mins(5);

/// A container that was created, and its removal at the end.
struct Made {
    host: String,
    name: String,
}

impl Made {
    fn new(host: &str, purpose: &str, options: &[&str], script: &str) -> Self {
        let name = format!("pyfast-health-{purpose}-{}", std::process::id());
        let label = format!("pyfast-health={name}");
        let mut arguments = vec!["create", "--name", &name, "--label", &label, "--network", "host"];
        arguments.extend(options);
        arguments.extend([SLIM, "python3", "-u", "-c", script]);
        let created = docker(host, &arguments);
        assert!(created.status.success(), "{created:?}");
        Self { host: host.into(), name }
    }

    fn label(&self) -> (&str, &str) {
        ("pyfast-health", &self.name)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        docker(&self.host, &["rm", "-f", &self.name]);
    }
}

async fn until(
    events: &mut (impl futures_util::Stream<Item = Result<ContainerEvent, Error>> + Unpin),
    wanted: &Action,
) {
    let search = async {
        while let Some(event) = events.next().await {
            if event.unwrap().action == *wanted {
                return;
            }
        }
        panic!("the events ended before {wanted:?}");
    };
    tokio::time::timeout(SECONDS, search).await.unwrap();
}

async fn texts(engine: &Docker, id: &str, wanted: LogsWanted) -> Vec<String> {
    engine.logs(id, wanted).map(|line| line.unwrap().text).collect().await
}

const SLEEPS: &str = "import signal, time
signal.signal(signal.SIGTERM, lambda *_: exit(3))
print('up')
time.sleep(600)";

#[tokio::test]
async fn a_restart_keeps_the_container_and_is_told_by_events() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let check = ["--health-cmd", "true", "--health-interval", "30s"];
    let made = Made::new(&host, "restart", &check, SLEEPS);
    let mut events = engine.events(&[made.label()]).await.unwrap();
    engine.start(&made.name).await.unwrap();
    until(&mut events, &Action::Start).await;
    let before = engine.container(&made.name).await.unwrap().unwrap();
    assert_eq!(before.status, Status::Running);
    assert_eq!(before.healthcheck.unwrap().test, HealthcheckTest::Shell("true".into()));
    let log = LogsWanted { follow: true, ..LogsWanted::default() };
    assert_eq!(engine.logs(&made.name, log).next().await.unwrap().unwrap().text, "up");

    engine.restart(&made.name, None).await.unwrap();
    // Its own handler ended it: the signal came, and nothing was killed.
    until(&mut events, &Action::Die(3)).await;
    until(&mut events, &Action::Start).await;
    let listed = engine.containers(&[made.label()]).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, before.id);
    assert_ne!(listed[0].started_at, before.started_at);
    engine.start(&made.name).await.unwrap();
    let left = engine.container(&made.name).await.unwrap().unwrap();
    assert_eq!(left.started_at, listed[0].started_at);
}

#[tokio::test]
async fn commands_in_a_container_end_with_their_code_or_time_out() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let made = Made::new(&host, "exec", &[], SLEEPS);
    engine.start(&made.name).await.unwrap();
    let run = async |script: &str, deadline| {
        let argv = ["python3", "-c", script].map(str::to_owned);
        engine.exec(&made.name, &argv, None, deadline).await.unwrap()
    };
    let ended = run("print('no'); exit(7)", SECONDS).await;
    assert_eq!(ended, ExecOutcome::Ended { code: 7, output: "no".into() });
    let hangs = run("import time; time.sleep(60)", Duration::from_millis(300)).await;
    assert_eq!(hangs, ExecOutcome::TimedOut);
}

#[tokio::test]
async fn the_end_of_a_failing_container_and_its_long_lines_are_known() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let script = "import sys
print('first')
print('x' * 40000)
sys.exit('no database')";
    let made = Made::new(&host, "fails", &[], script);
    let mut events = engine.events(&[made.label()]).await.unwrap();
    engine.start(&made.name).await.unwrap();
    until(&mut events, &Action::Die(1)).await;
    let facts = engine.container(&made.name).await.unwrap().unwrap();
    assert_eq!((facts.status, facts.exit_code), (Status::Exited, 1));
    let all = LogsWanted { timestamps: true, ..LogsWanted::default() };
    let mut lines = texts(&engine, &made.name, all).await;
    lines.sort();
    assert_eq!(lines, ["first".to_owned(), "no database".into(), "x".repeat(40_000)]);
    let last = LogsWanted { tail: Some(1), ..LogsWanted::default() };
    assert_eq!(texts(&engine, &made.name, last).await.len(), 1);
}

#[tokio::test]
async fn a_command_that_is_not_there_is_a_refusal_of_its_own() {
    let Some(host) = host() else { return };
    let engine = engine(&host).await;
    let made = Made::new(&host, "missing", &["--entrypoint", "/no/such/program"], "");
    let error = engine.start(&made.name).await.unwrap_err();
    assert!(
        matches!(
            &error,
            Error::StartContainer { reason: StartRefusal::CommandNotFound { .. }, .. }
        ),
        "{error}"
    );
}
