//! Containers for environments: finds the engine, asks an image's interpreter, prepares the volume, puts the binary
//! into it, and starts commands inside a container. Owns the dialogue with the engine and the entrypoint; must not
//! know anything of Python packaging. Prints nothing, reads no environment variable.

mod build_context;
mod compose_file;
mod composer;
mod containers;
mod engine;
mod error;
mod image;
mod override_file;
mod programs;
mod volume;

pub mod entry;
pub mod propose;

pub use compose_file::{
    Build, ComposeError, ComposeProject, ComposeRequest, Condition, Dependency, Healthcheck,
    HealthcheckTest, Place, Port, Service, read_compose,
};
pub use composer::{ComposeCall, Composer};
pub use containers::{
    ContainerFacts, ContainerPlan, CreateReason, Done, EnvironmentFacts, Following, Launched,
    Record, RestartReason, ServiceFailure, ServiceOutcome, StartEvent, StartOptions, StartedIn,
    Verdict, by_service, follow_logs, of_service, shape, start_and_wait, with_dependencies,
};
pub use engine::{
    Action, BuildRequest, Builder, COMPOSE_ONEOFF_LABEL, COMPOSE_PROJECT_LABEL,
    COMPOSE_SERVICE_LABEL, Container, ContainerEvent, ContainerSpec, DEFAULT_PATH, Docker, Engine,
    EngineVersion, ExecOutcome, Exit, FileStat, Health, HealthStatus, Host, HostOrigin,
    HostSettings, INPUTS_LABEL, Image, ImageFacts, ImageProgress, Images, LogLine, Login,
    LogsWanted, Mount, Output, Program, PublishedPort, PullRequest, Recorded, RegistrySettings,
    Run, ScratchContainer, Services, Ssh, Status, Tls, Volume, login, registry_of,
};
pub use error::{Error, PullRefusal, StartRefusal, Unreachable};
pub use image::{
    FileDigests, ImageAct, ImageEvent, ImagePlan, InputPart, InputSettings, Inputs, PullPolicy,
    Reason, WantedImage, carry_out, decide, is_remote, plan_images, read_inputs,
    resolved_arguments, wanted_images,
};
pub use override_file::{
    ENV_LABEL, OVERRIDE_MARK, Override, OverrideService, StoreMount, override_sibling,
};
pub use programs::{find_program, is_program};
pub use volume::{
    Access, Binary, CONFINED_FILES, CONFINED_OUT, CONFINED_WORK, ConfinedRun, HelperFile,
    HelperRun, ID_LABEL, INTERPRETERS, Injected, Left, MOUNT_POINT, PROJECT_LABEL, Probe,
    ProbeRequest, SCHEMA, SCHEMA_LABEL, STORE_LABEL, StoreVolume, VolumeRun, find_volume, inject,
    is_volume_name, keep_volume, open_volume, probe, remove_leftovers, run_confined, run_helper,
    run_on_volume,
};
