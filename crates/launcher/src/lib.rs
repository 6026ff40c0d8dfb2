//! Containers for environments: finds the engine, asks an image's interpreter, prepares the volume, puts the binary
//! into it, and starts commands inside a container. Owns the dialogue with the engine and the entrypoint; must not
//! know anything of Python packaging. Prints nothing, reads no environment variable.

mod archive;
mod compose_file;
mod composer;
mod engine;
mod error;
mod helper;
mod host;
mod inject;
mod override_file;
mod plan;
mod probe;
mod scratch;
mod volume;

pub mod entry;

pub use compose_file::{
    Build, ComposeError, ComposeProject, ComposeRequest, Condition, Dependency, Healthcheck,
    HealthcheckTest, Place, Port, Service, read_compose,
};
pub use composer::{ComposeCall, Composer};
pub use engine::{
    Action, Container, ContainerEvent, ContainerSpec, DEFAULT_PATH, Docker, Engine, EngineVersion,
    ExecOutcome, Exit, FileStat, Health, HealthStatus, Image, LogLine, LogsWanted, Mount, Output,
    Program, PublishedPort, Recorded, ScratchContainer, Services, Status, Volume,
};
pub use error::{Error, Unreachable};
pub use helper::{HelperFile, HelperRun, VolumeRun, run_helper, run_on_volume};
pub use host::{Host, HostSettings};
pub use inject::{Binary, Injected, inject};
pub use override_file::{
    ENV_LABEL, OVERRIDE_MARK, Override, OverrideService, StoreMount, override_sibling,
};
pub use plan::{
    COMPOSE_ONEOFF_LABEL, COMPOSE_PROJECT_LABEL, COMPOSE_SERVICE_LABEL, ContainerFacts,
    ContainerPlan, CreateReason, EnvironmentFacts, Record, RestartReason, Seen, of_service,
    with_dependencies,
};
pub use probe::{INTERPRETERS, Probe, ProbeRequest, probe};
pub use scratch::remove_leftovers;
pub use volume::{
    Access, ID_LABEL, MOUNT_POINT, PROJECT_LABEL, SCHEMA, SCHEMA_LABEL, STORE_LABEL, StoreVolume,
    open_volume,
};
