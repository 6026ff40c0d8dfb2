//! What is told to an engine and what it answers, as plain data, and the labels by which containers and images are known.
//! Owns the words; must not know how an engine is asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::archive::Archive;

/// Compose's label with the name of a container's project.
pub const COMPOSE_PROJECT_LABEL: &str = "com.docker.compose.project";
/// Compose's label with the name of a container's service.
pub const COMPOSE_SERVICE_LABEL: &str = "com.docker.compose.service";
/// Compose's label of containers of `compose run`, value `True`.
pub const COMPOSE_ONEOFF_LABEL: &str = "com.docker.compose.oneoff";
/// The label by which an image says what it was built from.
pub const INPUTS_LABEL: &str = "io.pyfast.inputs";

/// What an engine is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EngineVersion {
    /// The engine's version (`20.10.24`).
    pub version: String,
    /// The newest version of the API that it speaks (`1.41`).
    pub api: String,
    /// Operating system of its containers (`linux`).
    pub os: String,
    /// Architecture in the engine's words (`amd64`, `arm64`).
    pub architecture: String,
}

/// The parts of an API's version.
pub(crate) fn api_number(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A tar archive, and the directory of a container in which it is unpacked.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// The directory, which has to be there.
    pub at: String,
    /// The archive, with names relative to it.
    pub tar: Archive,
    /// Whether it is refused where a file would take the place of a directory, or a directory that of a file.
    pub keeps_kinds: bool,
}

/// Facts about an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// `sha256:…` of its configuration.
    pub id: String,
    /// Architecture in the engine's words (`amd64`).
    pub architecture: String,
    /// Operating system (`linux`).
    pub os: String,
    /// PATH of its containers, the engine's default where the image sets none.
    pub path_env: String,
    /// Directory in which its containers start.
    pub working_dir: String,
    /// User of its containers, empty for root.
    pub user: String,
    /// Its entrypoint, empty for none.
    pub entrypoint: Vec<String>,
    /// Its command, empty for none.
    pub cmd: Vec<String>,
    /// Its variables.
    pub environment: BTreeMap<String, String>,
    /// The signal that asks its containers to end, where it names one.
    pub stop_signal: Option<String>,
    /// Whether it has instructions for those who build on it (`ONBUILD`).
    pub triggers: bool,
}

/// PATH of a container whose image sets none.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A container to be created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Image by name or id.
    pub image: String,
    /// The whole command line; the image's entrypoint and command do not count.
    pub argv: Vec<String>,
    /// User (`0:0`), `None` for the image's.
    pub user: Option<String>,
    /// Network mode: `none`, `host`, `bridge`, a network's name.
    pub network: String,
    /// A volume to be mounted.
    pub mount: Option<Mount>,
    /// Variables added to the image's.
    pub environment: Vec<(String, String)>,
    /// Directory in which the command starts, `None` for the image's.
    pub directory: Option<String>,
    /// Whether the command has no capability, and gets none by programs with the setuid bit.
    pub confined: bool,
    /// Whether it gives way to all others, and to whoever removes its volume.
    pub aside: bool,
    /// Whom it was made by, for its label.
    pub owner: String,
}

/// A named volume inside a container. What the image has at that place is never copied into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Name of the volume.
    pub volume: String,
    /// Absolute path in the container.
    pub target: String,
    /// Whether the container may write.
    pub writable: bool,
}

/// A piece of a container's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output<'a> {
    /// From its standard output.
    Stdout(&'a [u8]),
    /// From its standard error.
    Stderr(&'a [u8]),
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// It ran and ended with this code (128 + n when signal n killed it).
    Code(i64),
    /// The command does not exist in the image; the runtime's message.
    NotFound(String),
    /// The command exists and the runtime could not execute it; its message.
    NotExecutable(String),
}

/// A file inside a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileStat {
    /// Bytes.
    pub size: u64,
    /// Where it points when it is a symbolic link, as the engine resolved it; else empty.
    pub link_target: String,
    /// Whether it is a directory.
    pub directory: bool,
    /// When it was written to last, in nanoseconds since 1970, where the engine tells.
    pub written: Option<i64>,
}

/// A container made by this crate, in whatever process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScratchContainer {
    /// Its id.
    pub id: String,
    /// When it was created.
    pub created: SystemTime,
    /// Whether its command runs now.
    pub running: bool,
    /// Whom it was made by ([`ContainerSpec::owner`]).
    pub owner: String,
    /// The volume whose removal it gives way to ([`ContainerSpec::aside`]).
    pub aside: Option<String>,
}

/// Facts about a volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// Its driver (`local`).
    pub driver: String,
    /// Its directory in the file system of the engine's machine.
    pub mountpoint: PathBuf,
    /// Labels given when it was created.
    pub labels: BTreeMap<String, String>,
    /// When that was, as the engine writes it.
    pub created: String,
}
