//! What the launcher needs to know of a compose project. Owns the types; must not know YAML.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A project as its compose files describe it: interpolated, merged, profiles applied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ComposeProject {
    /// Its name, by which Compose labels containers: `COMPOSE_PROJECT_NAME`, a top-level `name`, else the directory's.
    pub name: String,
    /// `version` as written, which Compose 1 wants to be the same in all files. The specification ignores it, so the model
    /// does not have it.
    pub version: Option<String>,
    /// The directory relative paths start from: that of the first file.
    pub directory: PathBuf,
    /// The files, in the order in which they were merged, absolute.
    pub files: Vec<PathBuf>,
    /// Overrides among the found or named ones that this program made. They are not read: what was made from the
    /// project is no part of it. One that is named may not be there yet.
    pub own: Vec<PathBuf>,
    /// Whether the files were found and not named (by `-f` or `COMPOSE_FILE`): then an override file beside them
    /// is loaded by Compose itself.
    pub found: bool,
    /// The active services by name. Those of profiles that are not active are not among them.
    pub services: BTreeMap<String, Service>,
    /// Names of services left out because of their profiles.
    pub inactive: Vec<String>,
    /// Values of variables that were interpolated, for a digest of what shapes the project. They may be secrets.
    pub variables: BTreeMap<String, Option<String>>,
    /// The whole merged model in canonical form (short forms expanded, paths absolute, unknown keys kept), services of
    /// inactive profiles left out. It may hold secrets.
    pub model: serde_json::Value,
    /// The words of the services' `entrypoint` and `command`, in this order, by service.
    pub starts: BTreeMap<String, Vec<Written>>,
    /// What a reader should know: variables that are not set, files passed over.
    pub warnings: Vec<String>,
}

impl ComposeProject {
    /// Whether it has a service of this name, be it one of a profile that is not active.
    pub fn has(&self, service: &str) -> bool {
        self.services.contains_key(service) || self.inactive.iter().any(|one| one == service)
    }
}

/// A word of a command line, and where it stands: where the text begins that it is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The word, after interpolation.
    pub word: String,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Service {
    /// The image, as written.
    pub image: Option<String>,
    /// How the image is built.
    pub build: Option<Build>,
    /// Whether something else than containers provides it (`provider`).
    pub provider: bool,
    /// The command; `Some(vec![])` when it is emptied.
    pub command: Option<Vec<String>>,
    /// The entrypoint; `Some(vec![])` when it is emptied.
    pub entrypoint: Option<Vec<String>>,
    /// Environment variables, those of `env_file` among them; `None` is set neither here nor in the shell.
    pub environment: BTreeMap<String, Option<String>>,
    /// Services it waits for.
    pub depends_on: BTreeMap<String, Dependency>,
    /// Its health check; `None` when only the image can have one.
    pub healthcheck: Option<Healthcheck>,
    /// Its volumes in the short form (`source:target:mode`).
    pub volumes: Vec<String>,
    /// Profiles it belongs to.
    pub profiles: Vec<String>,
    /// How many containers (`scale`, `deploy.replicas`); `None` is one.
    pub replicas: Option<u32>,
    /// `platform` (`linux/arm64`).
    pub platform: Option<String>,
    /// `pull_policy` (`always`, `never`, `missing`, `build`).
    pub pull_policy: Option<String>,
    /// The signal that asks it to end; `None` is the image's, or the engine's `SIGTERM`.
    pub stop_signal: Option<String>,
    /// How long it has for that until it is killed; `None` is the engine's 10 s.
    pub stop_grace_period: Option<Duration>,
    /// Commands that are run in its containers when they have been started.
    pub post_start: Vec<Hook>,
    /// Commands that are run in its containers before they are asked to end.
    pub pre_stop: Vec<Hook>,
    /// `develop.watch`, in its order.
    pub watch: Vec<WatchRule>,
}

/// What is done when files change while a project is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRule {
    /// What.
    pub action: WatchAction,
    /// The file or directory, absolute.
    pub path: PathBuf,
    /// Where it is in the containers, which every action that syncs says.
    pub target: Option<String>,
    /// Patterns of files that are meant, as in `.dockerignore`; none is all.
    pub include: Vec<String>,
    /// Patterns of files that are not meant.
    pub ignore: Vec<String>,
    /// Whether all files are put when watching begins.
    pub initial_sync: bool,
    /// What [`WatchAction::SyncExec`] runs.
    pub exec: Option<Hook>,
}

/// What a [`WatchRule`] does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchAction {
    /// Files are put into the containers and removed there.
    Sync,
    /// The service is restarted.
    Restart,
    /// Files are put, then the service is restarted.
    SyncRestart,
    /// Files are put, then a command is run in the containers.
    SyncExec,
    /// The image is built and the containers are made from it.
    Rebuild,
}

impl WatchAction {
    /// Whether it puts files into containers.
    pub fn syncs(self) -> bool {
        matches!(self, Self::Sync | Self::SyncRestart | Self::SyncExec)
    }

    /// Whether it restarts the service.
    pub fn restarts(self) -> bool {
        matches!(self, Self::Restart | Self::SyncRestart)
    }
}

/// A command that is run in a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hook {
    /// The command line.
    pub command: Vec<String>,
    /// Who runs it; `None` is the container's own user.
    pub user: Option<String>,
    /// Whether it has all capabilities.
    pub privileged: bool,
    /// Where; `None` is the container's own directory.
    pub working_dir: Option<String>,
    /// Variables; those without a value are not set.
    pub environment: BTreeMap<String, Option<String>>,
}

/// How an image is built.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Build {
    /// Directory of the context, absolute; or a URL as written.
    pub context: String,
    /// The Dockerfile, relative to the context; `None` is `Dockerfile`.
    pub dockerfile: Option<String>,
    /// The Dockerfile's text, where it stands in the compose file.
    pub dockerfile_inline: Option<String>,
    /// Build arguments; `None` is taken from the shell that builds.
    pub args: BTreeMap<String, Option<String>>,
    /// The stage to be built.
    pub target: Option<String>,
    /// Images whose layers may be reused.
    pub cache_from: Vec<String>,
    /// Labels of the image.
    pub labels: BTreeMap<String, String>,
    /// Network of `RUN` (`host`, `none`).
    pub network: Option<String>,
    /// Keys that only a builder of Compose's own understands (`secrets`, `ssh`, `additional_contexts`, …), by name.
    pub other: Vec<String>,
}

/// What a service waits for before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dependency {
    /// The state that the other service must reach.
    pub condition: Condition,
    /// Whether the other service must exist.
    pub required: bool,
    /// Whether a restart of the other service restarts this one, too.
    pub restart: bool,
}

/// The state of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Condition {
    /// `service_started`.
    #[default]
    Started,
    /// `service_healthy`.
    Healthy,
    /// `service_completed_successfully`.
    Completed,
}

/// A health check, as the compose file or the image gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// What is run.
    pub test: HealthcheckTest,
    /// Between two runs; `None` is the engine's 30 s.
    pub interval: Option<Duration>,
    /// For one run; `None` is the engine's 30 s.
    pub timeout: Option<Duration>,
    /// Before failures count; `None` is none.
    pub start_period: Option<Duration>,
    /// Failures until it is unhealthy; `None` is the engine's 3.
    pub retries: Option<u32>,
}

/// What a health check runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum HealthcheckTest {
    /// Nothing is given: the image's test.
    #[default]
    Inherited,
    /// `NONE`, or `disable: true`.
    Disabled,
    /// `CMD`: this command line.
    Command(Vec<String>),
    /// `CMD-SHELL`: this text, by the container's shell.
    Shell(String),
}
