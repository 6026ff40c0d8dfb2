//! Containers for environments: finds the engine, asks an image's interpreter, prepares the volume, puts the binary
//! into it, and starts commands inside a container. Owns the dialogue with the engine and the entrypoint; must not
//! know anything of Python packaging. Prints nothing, reads no environment variable.

mod archive;
mod compose_file;
mod composer;
mod confined;
mod engine;
mod error;
mod follow;
mod health;
mod helper;
mod host;
mod image;
mod inject;
mod override_file;
mod plan;
mod probe;
mod programs;
mod registry;
mod rfc3339;
mod scratch;
mod start;
mod volume;

pub mod entry;

pub use compose_file::{
    Build, ComposeError, ComposeProject, ComposeRequest, Condition, Dependency, Healthcheck,
    HealthcheckTest, Place, Port, Service, read_compose,
};
pub use composer::{ComposeCall, Composer};
pub use confined::{CONFINED_FILES, CONFINED_OUT, CONFINED_WORK, ConfinedRun, Left, run_confined};
pub use engine::{
    Action, BuildRequest, Builder, Container, ContainerEvent, ContainerSpec, DEFAULT_PATH, Docker,
    Engine, EngineVersion, ExecOutcome, Exit, FileStat, Health, HealthStatus, Image, ImageFacts,
    ImageProgress, Images, LogLine, LogsWanted, Mount, Output, Program, PublishedPort, PullRequest,
    Recorded, Run, ScratchContainer, Services, StartRefusal, Status, Volume,
};
pub use error::{Error, PullRefusal, Unreachable};
pub use follow::{Following, follow_logs};
pub use health::{ServiceFailure, Verdict};
pub use helper::{HelperFile, HelperRun, VolumeRun, run_helper, run_on_volume};
pub use host::{Host, HostOrigin, HostSettings, Ssh, Tls};
pub use image::{
    FileDigests, INPUTS_LABEL, ImageAct, ImageEvent, ImagePlan, InputPart, InputSettings, Inputs,
    PullPolicy, Reason, WantedImage, carry_out, decide, is_remote, plan_images, read_inputs,
    resolved_arguments, wanted_images,
};
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
pub use programs::{find_program, is_program};
pub use registry::{Login, RegistrySettings, login, registry_of};
pub use scratch::remove_leftovers;
pub use start::{Launched, ServiceOutcome, StartEvent, StartOptions, start_and_wait};
pub use volume::{
    Access, ID_LABEL, MOUNT_POINT, PROJECT_LABEL, SCHEMA, SCHEMA_LABEL, STORE_LABEL, StoreVolume,
    find_volume, open_volume,
};
