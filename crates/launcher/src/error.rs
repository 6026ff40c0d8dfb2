//! What can go wrong with containers and with starting a command. Owns the typed errors of the crate and their
//! wording (act, object, cause); must not know command-line flags or exit codes.

use std::path::PathBuf;
use std::time::Duration;

/// A failure of the launcher.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An act below the root failed.
    #[error(transparent)]
    Root(#[from] pyfast_root::Error),
    /// No engine answers at the host.
    #[error("cannot reach the container engine at {host}: {reason}")]
    EngineUnreachable {
        /// The engine's address as it was meant (`unix:///var/run/docker.sock`).
        host: String,
        /// Why it does not answer.
        reason: Unreachable,
    },
    /// The engine's address is of a kind that this program cannot speak.
    #[error("cannot use the container engine's address {host}: {reason}")]
    EngineHost {
        /// The address as it was given.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A context was named that the client's configuration does not hold.
    #[error("cannot use the container engine's context `{name}`: {reason}")]
    EngineContext {
        /// Name of the context.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine refused a request, or its answer made no sense.
    #[error("the container engine could not {act}")]
    Engine {
        /// Act and object: "create a container from python:3.12".
        act: String,
        /// The engine's answer.
        source: Box<bollard::errors::Error>,
    },
    /// The image is not present in the engine.
    #[error("the image {image} is not present in the container engine")]
    ImageMissing {
        /// Name or id as given.
        image: String,
    },
    /// The engine is older than this program can work with.
    #[error(
        "the container engine at {host} speaks version {found} of the API, at least {needed} is needed"
    )]
    EngineTooOld {
        /// The engine's address.
        host: String,
        /// The newest version that it speaks.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// An image could not be pulled.
    #[error("cannot pull the image {image}: {reason}")]
    ImagePull {
        /// Its name.
        image: String,
        /// Why.
        reason: PullRefusal,
    },
    /// An image came from the engine and could not be kept.
    #[error("cannot keep the image {image} of the container engine")]
    ImageSave {
        /// Its name.
        image: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A build failed.
    #[error("cannot build the image {image}{}:\n{}", step.as_ref().map_or_else(String::new, |step| format!(", at {step}")), output.join("\n"))]
    ImageBuild {
        /// Its name.
        image: String,
        /// The step that failed, where the builder named one.
        step: Option<String>,
        /// The builder's last lines.
        output: Vec<String>,
    },
    /// Two services build the same image in different ways.
    #[error("the services {} and {} build the image {image} in different ways", services[0], services[1])]
    ImageBuilds {
        /// Name of the image.
        image: String,
        /// The services.
        services: [String; 2],
    },
    /// The directory that an image is built from does not exist.
    #[error("cannot build from {path}: there is no such directory", path = path.display())]
    ContextMissing {
        /// The directory.
        path: PathBuf,
    },
    /// There is no Dockerfile.
    #[error("cannot build from {path}: there is no such Dockerfile", path = path.display())]
    DockerfileMissing {
        /// The file.
        path: PathBuf,
    },
    /// The program that builds could not be run.
    #[error("cannot run {program}", program = program.display())]
    Client {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The credentials for a registry could not be read. Names none of them.
    #[error("cannot read the login for the registry {registry}: {reason}")]
    RegistryLogin {
        /// The registry.
        registry: String,
        /// What is wrong.
        reason: String,
    },
    /// The image runs none of the interpreters looked for.
    #[error("the image {image} has no Python interpreter (looked for {})", tried.join(", "))]
    NoPython {
        /// Name or id as given.
        image: String,
        /// The candidates, in the order in which they were tried.
        tried: Vec<String>,
    },
    /// The interpreter inside the image failed on the probe's script.
    #[error("{executable} of the image {image} failed with exit code {code}: {stderr}")]
    ProbeFailed {
        /// Name or id as given.
        image: String,
        /// The interpreter that ran.
        executable: String,
        /// Its exit code.
        code: i64,
        /// The end of its error output.
        stderr: String,
    },
    /// The interpreter inside the image did not end in time.
    #[error("{executable} of the image {image} did not answer within {} s", deadline.as_secs())]
    ProbeTimeout {
        /// Name or id as given.
        image: String,
        /// The interpreter that ran.
        executable: String,
        /// How long it was given.
        deadline: Duration,
    },
    /// A container could not run its command at all.
    #[error("the container engine could not run `{command}` in the image {image}: {message}")]
    NotStarted {
        /// Name or id as given.
        image: String,
        /// The command.
        command: String,
        /// The runtime's message.
        message: String,
    },
    /// What was to be taken out of a container is larger than it may be.
    #[error("cannot take {path} out of a container: it is larger than {limit} bytes")]
    TooLarge {
        /// The path inside.
        path: String,
        /// What was allowed.
        limit: u64,
    },
    /// A container in which foreign code ran left something that it was not asked for.
    #[error("cannot take {path} out of a container of {image}: {reason}")]
    Left {
        /// Name or id as given.
        image: String,
        /// The path inside.
        path: String,
        /// What is there instead.
        reason: String,
    },
    /// The engine would not start a container.
    #[error("cannot start the container {container}: {reason}")]
    StartContainer {
        /// Id or name as given.
        container: String,
        /// Why, with the engine's message.
        reason: StartRefusal,
    },
    /// A container is not such that code can be put into it.
    #[error("cannot put code into the container {container}: {reason}")]
    CodeNotPut {
        /// Its name.
        container: String,
        /// Why, with the engine's message.
        reason: String,
    },
    /// A command that is run after files were synced did not end well.
    #[error("in the container {container}, the command after the sync failed: {reason}")]
    HookFailed {
        /// Its name.
        container: String,
        /// Why, with what it printed.
        reason: String,
    },
    /// A file changed while it was put into containers.
    #[error("cannot put {} into containers: it changed while it was read", path.display())]
    CodeChanged {
        /// The file.
        path: PathBuf,
    },
    /// A `COPY --chown` names somebody whom the image does not know.
    #[error("cannot tell who `{owner}` is in the image")]
    CodeOwner {
        /// As the Dockerfile says.
        owner: String,
    },
    /// Services wait for each other.
    #[error("the services {} wait for each other", cycle.join(" -> "))]
    DependencyCycle {
        /// Their names in the order of waiting; the first one comes again as the last.
        cycle: Vec<String>,
    },
    /// The volume was made for another layout of store and environments.
    #[error(
        "the volume {volume} has the layout version {found}, this program reads and writes {expected}"
    )]
    VolumeLayout {
        /// Name of the volume.
        volume: String,
        /// The version found.
        found: String,
        /// The version of this program.
        expected: String,
    },
    /// The volume exists, and was not made as a store.
    #[error("the volume {volume} was not made for environments and is not empty")]
    VolumeForeign {
        /// Name of the volume.
        volume: String,
    },
    /// The name cannot be a volume's name.
    #[error(
        "`{name}` cannot be the name of a volume: it takes letters, digits, `_`, `.` and `-`, beginning with a letter or digit"
    )]
    VolumeName {
        /// The name as given.
        name: String,
    },
    /// The binary would not run in the engine's containers.
    #[error("the binary {path} is for {binary}, the container engine runs {engine}", path = path.display())]
    Architecture {
        /// The binary.
        path: PathBuf,
        /// What the binary is for.
        binary: String,
        /// What the engine's containers run.
        engine: String,
    },
    /// The file that was to be put into the volume is no Linux executable.
    #[error("{path} is not a static Linux executable: {reason}", path = path.display())]
    Binary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What was to be put into containers is another program, or of another version.
    #[error("{path} is no build of pyfast {version}, which this program is", path = path.display())]
    BinaryVersion {
        /// The file.
        path: PathBuf,
        /// This program's version.
        version: &'static str,
    },
    /// A file or directory could not be read or written; the source names the path.
    #[error("cannot {act}")]
    Io {
        /// What was being done.
        act: &'static str,
        /// The cause, with the path.
        source: std::io::Error,
    },
    /// No command was given to be run.
    #[error("no command to run was given")]
    NoCommand,
    /// There is no environment to run in.
    #[error("there is no environment `{env}` in {root}{}", if waited.is_zero() { String::new() } else { format!(" (waited {} s for it)", waited.as_secs()) }, root = root.display())]
    NoEnvironment {
        /// Root of store and environments.
        root: PathBuf,
        /// Name of the project, if one was named.
        project: Option<String>,
        /// Name of the environment.
        env: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// Several projects could be meant.
    #[error("{root} holds several projects ({}): which one is meant?", projects.join(", "), root = root.display())]
    SeveralProjects {
        /// Root of store and environments.
        root: PathBuf,
        /// Their names, sorted.
        projects: Vec<String>,
    },
    /// The link to the current generation does not point to a generation.
    #[error("{path} does not lead to an environment: it points to {target}", path = path.display(), target = target.display())]
    CurrentLink {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// The command exists nowhere in PATH.
    #[error("cannot run `{command}`: not found in PATH ({path})")]
    CommandNotFound {
        /// The command as given.
        command: String,
        /// The PATH that was searched.
        path: String,
    },
    /// The command's file, or the program that runs it, does not exist.
    #[error("cannot run {path}: {reason}", path = path.display())]
    CommandBroken {
        /// The file.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The command's file cannot be executed.
    #[error("cannot run {path}", path = path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Compose could not be run.
    #[error("cannot run `{command}`")]
    ComposeCall {
        /// Program and subcommand.
        command: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Compose ran and failed.
    #[error("`{command}` failed ({status}):\n{output}")]
    ComposeFailed {
        /// Program and subcommand.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed.
        output: String,
    },
    /// There is no signal of this name that could end a command.
    #[error("`{}` names no signal that could end a command", name.escape_debug())]
    SignalName {
        /// The name as given.
        name: String,
    },
    /// The project's compose files cannot be used.
    #[error(transparent)]
    Compose(#[from] crate::compose_file::ComposeError),
    /// A signal ended the waiting.
    #[error("interrupted by signal {signal} while waiting for an environment")]
    Interrupted {
        /// Number of the signal.
        signal: i32,
    },
}

/// Why an image cannot be pulled, with the engine's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullRefusal {
    /// The registry has no such image.
    NotFound(String),
    /// The registry wants a login, or does not accept the one given. Some say so for images that do not exist.
    Login(String),
    /// The registry cannot be reached.
    Unreachable(String),
    /// The image exists for other platforms only.
    Platform(String),
    /// Anything else.
    Other(String),
}

impl std::fmt::Display for PullRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound(text) => write!(f, "its registry does not have it ({text})"),
            Self::Login(text) => {
                write!(f, "its registry wants a login, or it does not exist ({text})")
            }
            Self::Unreachable(text) => write!(f, "its registry cannot be reached ({text})"),
            Self::Platform(text) => write!(f, "it does not exist for this platform ({text})"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// Why an engine would not start a container. Messages are the engine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartRefusal {
    /// Something else listens on a port that it publishes.
    PortInUse {
        /// Address and port of the host (`0.0.0.0:8000`), empty when the engine names none.
        address: String,
        /// The engine's message.
        message: String,
    },
    /// Something that it mounts does not exist or may not be mounted.
    MountDenied {
        /// The engine's message.
        message: String,
    },
    /// Its command does not exist in the image.
    CommandNotFound {
        /// The engine's message.
        message: String,
    },
    /// Its command exists and cannot be executed.
    CommandNotExecutable {
        /// The engine's message.
        message: String,
    },
    /// Anything else.
    Other {
        /// The engine's message.
        message: String,
    },
}

impl std::fmt::Display for StartRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, message) = match self {
            Self::PortInUse { address, message } if address.is_empty() => {
                ("a port is in use: ".to_owned(), message)
            }
            Self::PortInUse { address, message } => (format!("{address} is in use: "), message),
            Self::MountDenied { message } => ("a mount is not possible: ".into(), message),
            Self::CommandNotFound { message } => ("its command does not exist: ".into(), message),
            Self::CommandNotExecutable { message } => {
                ("its command cannot be executed: ".into(), message)
            }
            Self::Other { message } => (String::new(), message),
        };
        write!(f, "{kind}{message}")
    }
}

/// Why an engine does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreachable {
    /// Its socket does not exist.
    SocketMissing,
    /// This user may not use its socket.
    PermissionDenied,
    /// Nothing listens there.
    Refused,
    /// It did not answer in time.
    TimedOut,
    /// Anything else, in the words of the system.
    Other(String),
}

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::SocketMissing => "its socket does not exist",
            Self::PermissionDenied => "permission denied for this user",
            Self::Refused => "connection refused, nothing listens there",
            Self::TimedOut => "no answer in time",
            Self::Other(text) => text,
        })
    }
}

impl Unreachable {
    /// Reads the kind off an I/O error.
    pub(crate) fn from_io(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound => Self::SocketMissing,
            std::io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            std::io::ErrorKind::ConnectionRefused => Self::Refused,
            std::io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Other(innermost(error)),
        }
    }
}

/// The words of the innermost cause, which say what happened (a TLS alert, say); those around it name layers.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl Error {
    /// The code with which shells end where a command cannot be run, or was interrupted before it ran.
    pub fn shell_code(&self) -> Option<u8> {
        match self {
            Self::CommandNotFound { .. } | Self::CommandBroken { .. } => Some(127),
            Self::NotExecutable { .. } => Some(126),
            Self::Interrupted { signal } => {
                Some(128_u8.saturating_add(u8::try_from(*signal).unwrap_or(127)))
            }
            _ => None,
        }
    }

    /// Wraps an I/O error whose text names the path (as `fs_err`'s do).
    pub(crate) fn io(act: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { act, source }
    }
}
