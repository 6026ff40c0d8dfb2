//! Containers for environments: finds the engine, asks an image's interpreter, prepares the volume, puts the binary
//! into it, and starts commands inside a container. Owns the dialogue with the engine and the entrypoint; must not
//! know anything of Python packaging. Prints nothing, reads no environment variable.

mod archive;
mod compose_file;
mod engine;
mod error;
mod helper;
mod host;
mod inject;
mod probe;
mod rfc3339;
mod scratch;
mod volume;

pub mod entry;

pub use compose_file::{
    Build, ComposeProject, Condition, Dependency, Healthcheck, HealthcheckTest, Port, Service,
};
pub use engine::{
    Action, Container, ContainerEvent, ContainerSpec, DEFAULT_PATH, Docker, Engine, EngineVersion,
    ExecOutcome, Exit, FileStat, Health, HealthStatus, Image, LogLine, LogsWanted, Mount, Output,
    Program, PublishedPort, Recorded, Run, ScratchContainer, Services, StartRefusal, Status,
    Volume,
};
pub use error::{Error, Unreachable};
pub use helper::{HelperFile, HelperRun, VolumeRun, run_helper, run_on_volume};
pub use host::{Host, HostSettings};
pub use inject::{Binary, Injected, inject};
pub use probe::{INTERPRETERS, Probe, ProbeRequest, probe};
pub use scratch::remove_leftovers;
pub use volume::{
    Access, ID_LABEL, MOUNT_POINT, PROJECT_LABEL, SCHEMA, SCHEMA_LABEL, STORE_LABEL, StoreVolume,
    open_volume,
};
