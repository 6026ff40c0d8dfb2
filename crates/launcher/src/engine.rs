//! The container engine as the launcher sees it: the facts it answers and the acts it carries out, as plain data.
//! Owns the trait; must not know what the containers are for.

mod docker;
mod images;
mod recorded;
mod services;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;

pub use docker::Docker;
pub use images::{BuildRequest, Builder, ImageFacts, ImageProgress, Images, PullRequest};
pub use recorded::{Program, Recorded, Run};
pub use services::{
    Action, Container, ContainerEvent, ExecOutcome, Health, HealthStatus, LogLine, LogsWanted,
    PublishedPort, Services, StartRefusal, Status,
};

use crate::error::Error;

/// A container engine: [`Docker`], or [`Recorded`] in tests.
///
/// Names of images and volumes are given as the user wrote them. Every method fails with
/// [`Error::EngineUnreachable`] when the engine stops answering, and with [`Error::Engine`] when it refuses.
pub trait Engine: Clone + Send + Sync + 'static {
    /// What the engine is.
    fn version(&self) -> impl Future<Output = Result<EngineVersion, Error>> + Send;
    /// Facts about an image; [`Error::ImageMissing`] when it is not present. Nothing is pulled.
    fn inspect_image(&self, image: &str) -> impl Future<Output = Result<Image, Error>> + Send;
    /// Creates a container without starting it; returns its id.
    fn create_container(
        &self,
        spec: &ContainerSpec,
    ) -> impl Future<Output = Result<String, Error>> + Send;
    /// Starts a created container, hands its output over as it comes, and waits for its end.
    fn run_container(
        &self,
        id: &str,
        output: &mut (dyn FnMut(Output<'_>) + Send),
    ) -> impl Future<Output = Result<Exit, Error>> + Send;
    /// Removes a container, running or not, with its anonymous volumes. One that is gone already is no error.
    fn remove_container(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Unpacks a tar archive below `/` of a container (started or not), its mounted volumes included.
    fn put_archive(&self, id: &str, tar: Bytes) -> impl Future<Output = Result<(), Error>> + Send;
    /// Packs a path of a container (started or not) into a tar archive, a link at its end as a link; `None` for what is
    /// not there. Whatever ran in the container decides what the archive holds. Fails with [`Error::TooLarge`] as soon
    /// as more than `limit` bytes came.
    fn get_archive(
        &self,
        id: &str,
        path: &str,
        limit: u64,
    ) -> impl Future<Output = Result<Option<Bytes>, Error>> + Send;
    /// Looks at a path inside a container (started or not), not following a link at its end.
    fn stat(
        &self,
        id: &str,
        path: &str,
    ) -> impl Future<Output = Result<Option<FileStat>, Error>> + Send;
    /// Whether a directory inside a container (started or not) exists and holds nothing.
    fn is_empty_directory(
        &self,
        id: &str,
        path: &str,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
    /// The containers that [`Engine::create_container`] made and nobody removed, those of other processes included.
    fn scratch_containers(
        &self,
    ) -> impl Future<Output = Result<Vec<ScratchContainer>, Error>> + Send;
    /// Creates a named volume of the local driver; an existing one is returned as it is.
    fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> impl Future<Output = Result<Volume, Error>> + Send;
    /// Facts about a volume, `None` when there is none of that name.
    fn inspect_volume(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Volume>, Error>> + Send;
    /// Whether the engine could share this machine's file system at all (a socket, not a network address).
    fn is_local(&self) -> bool;
}

/// What an engine is.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Bytes.
    pub size: u64,
    /// Where it points when it is a symbolic link, as the engine resolved it; else empty.
    pub link_target: String,
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
}
