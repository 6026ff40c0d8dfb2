//! The engine as far as containers of a project are concerned: what they are, and starting, watching and restarting
//! them. Owns the trait and its types; must not know what a project is.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use futures_util::stream::BoxStream;

use super::Engine;
use crate::compose_file::Healthcheck;
use crate::error::Error;

/// What an engine does with containers that Compose created.
///
/// Every method fails as those of [`Engine`] do. Ids may be ids or names.
pub trait Services: Engine {
    /// Containers that carry all of these labels, whatever their state, oldest first.
    fn containers(
        &self,
        labels: &[(&str, &str)],
    ) -> impl Future<Output = Result<Vec<Container>, Error>> + Send;
    /// One container; `None` when there is none.
    fn container(&self, id: &str) -> impl Future<Output = Result<Option<Container>, Error>> + Send;
    /// Containers that run and mount a volume, whoever made them.
    fn users_of(&self, volume: &str) -> impl Future<Output = Result<Vec<Container>, Error>> + Send;
    /// Starts a container; one that runs already is left as it is. [`Error::StartContainer`] when the engine will not.
    fn start(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Restarts a container, with its own stop signal and, where `grace` is none, its own grace period.
    /// [`Error::StartContainer`] when the engine will not.
    fn restart(
        &self,
        id: &str,
        grace: Option<Duration>,
    ) -> impl Future<Output = Result<(), Error>> + Send;
    /// What happens to containers that carry all of these labels, from now on. The subscription stands when the
    /// future is done.
    fn events(
        &self,
        labels: &[(&str, &str)],
    ) -> impl Future<Output = Result<BoxStream<'static, Result<ContainerEvent, Error>>, Error>> + Send;
    /// Output of a container, oldest line first.
    fn logs(&self, id: &str, wanted: LogsWanted) -> BoxStream<'static, Result<LogLine, Error>>;
    /// Runs a command in a running container, and waits for its end at most so long.
    fn exec_as(
        &self,
        id: &str,
        wanted: &ExecWanted,
        deadline: Duration,
    ) -> impl Future<Output = Result<ExecOutcome, Error>> + Send;
    /// Runs a command line so, as this user or, where that is none, as the container's own.
    fn exec(
        &self,
        id: &str,
        argv: &[String],
        user: Option<&str>,
        deadline: Duration,
    ) -> impl Future<Output = Result<ExecOutcome, Error>> + Send {
        let (argv, user) = (argv.to_vec(), user.map(str::to_owned));
        let wanted = ExecWanted { argv, user, ..ExecWanted::default() };
        async move { self.exec_as(id, &wanted, deadline).await }
    }
}

/// A container of a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, without the slash.
    pub name: String,
    /// Id of its image (`sha256:…`).
    pub image_id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its state.
    pub status: Status,
    /// Code of its last end.
    pub exit_code: i64,
    /// Why it could not be started, in the engine's words; else empty.
    pub error: String,
    /// Whether memory ran out.
    pub oom_killed: bool,
    /// When it was last started, as the engine writes it (RFC 3339); empty when never.
    pub started_at: String,
    /// When it last ended; empty when never.
    pub finished_at: String,
    /// How often its policy restarted it.
    pub restart_count: u64,
    /// Its restart policy (`no`, `always`, `on-failure`, `unless-stopped`).
    pub restart_policy: String,
    /// Its health; `None` without a health check.
    pub health: Option<Health>,
    /// The health check in force, the image's included.
    pub healthcheck: Option<Healthcheck>,
    /// Who runs its command, as image or compose file say; empty is root.
    pub user: String,
    /// The signal that asks it to end, where one is named (`SIGINT`).
    pub stop_signal: Option<String>,
    /// How long it has for that until it is killed, where that is said.
    pub stop_timeout: Option<Duration>,
    /// What it publishes now.
    pub ports: Vec<PublishedPort>,
    /// Names of the volumes that it mounts.
    pub volumes: Vec<String>,
    /// Where something is mounted in it.
    pub mounts: Vec<String>,
    /// Where directories and files of the engine's machine are mounted in it, each with its path there.
    pub binds: BTreeMap<String, String>,
}

impl Container {
    /// Addresses at which its ports answer.
    pub fn addresses(&self) -> BTreeSet<String> {
        let address = |port: &PublishedPort| {
            let host = match port.host_ip.as_str() {
                "" | "0.0.0.0" | "::" | "127.0.0.1" => "localhost",
                other => other,
            };
            let scheme = if port.container_port.ends_with("/udp") { "udp" } else { "http" };
            format!("{scheme}://{host}:{}", port.host_port)
        };
        self.ports.iter().map(address).collect()
    }
}

/// State of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// Made, never started.
    #[default]
    Created,
    /// Its command runs.
    Running,
    /// Frozen.
    Paused,
    /// Between two runs.
    Restarting,
    /// Its command has ended.
    Exited,
    /// Being removed, or half removed.
    Dead,
}

/// What the engine knows of a container's health.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Its verdict.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing_streak: u64,
    /// What the last run printed.
    pub last_output: String,
    /// Code of the last run.
    pub last_exit_code: Option<i64>,
    /// When the last run began, as the engine writes it; empty when there was none.
    pub last_began: String,
}

/// Verdict of a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HealthStatus {
    /// No verdict yet.
    #[default]
    Starting,
    /// The last run succeeded.
    Healthy,
    /// The last runs failed.
    Unhealthy,
}

/// A port that is published now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedPort {
    /// Address of the host (`0.0.0.0`).
    pub host_ip: String,
    /// Port of the host.
    pub host_port: u16,
    /// Port of the container with its protocol (`8000/tcp`).
    pub container_port: String,
}

/// Something that happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEvent {
    /// Id of the container.
    pub id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What happened.
    pub action: Action,
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It was created.
    Create,
    /// Its command began.
    Start,
    /// Its command ended with this code.
    Die(i64),
    /// Its health check came to a verdict.
    Health(HealthStatus),
    /// Memory ran out.
    OutOfMemory,
    /// It was removed.
    Destroy,
    /// Anything else, in the engine's word.
    Other(String),
}

/// Which output of a container is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogsWanted {
    /// Only so many of the last lines; `None` is all.
    pub tail: Option<usize>,
    /// Whether what comes later is wanted, until the container ends.
    pub follow: bool,
    /// Whether the engine's time stamps are wanted.
    pub timestamps: bool,
    /// Only what came after this time (seconds since 1970).
    pub since: Option<i64>,
}

/// A line of a container's output, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Whether it came from standard error.
    pub stderr: bool,
    /// When it was written (RFC 3339), where that was asked for.
    pub time: Option<String>,
    /// Its text; what is no UTF-8 is replaced.
    pub text: String,
}

/// A command that is run in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecWanted {
    /// The command line.
    pub argv: Vec<String>,
    /// Who runs it; `None` is the container's own user.
    pub user: Option<String>,
    /// Whether it has all capabilities.
    pub privileged: bool,
    /// Where; `None` is the container's own directory.
    pub working_dir: Option<String>,
    /// More variables, `NAME=value`.
    pub environment: Vec<String>,
}

/// How a command in a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecOutcome {
    /// With this code and these last bytes of output.
    Ended {
        /// Its exit code.
        code: i64,
        /// The end of what it printed.
        output: String,
    },
    /// It did not end in time. Engines cannot end it, so it may still run.
    TimedOut,
}
