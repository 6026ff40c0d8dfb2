//! The container engine as the launcher sees it: the facts it answers and the acts it carries out, as plain data.
//! Owns the trait; must not know what the containers are for.

mod docker;
pub(crate) mod host;
mod images;
mod model;
mod recorded;
pub(crate) mod registry;
pub(crate) mod rfc3339;
mod services;

use std::collections::BTreeMap;
use std::future::Future;

use bytes::Bytes;

pub use crate::archive::{Archive, Content};
pub use docker::Docker;
pub use host::{Host, HostOrigin, HostSettings, Ssh, Tls};
pub use images::{BuildRequest, Builder, ImageFacts, ImageProgress, Images, PullRequest, Writing};
pub(crate) use model::api_number;
pub use model::{
    COMPOSE_ONEOFF_LABEL, COMPOSE_PROJECT_LABEL, COMPOSE_SERVICE_LABEL, ContainerSpec,
    DEFAULT_PATH, EngineVersion, Exit, FileStat, INPUTS_LABEL, Image, Mount, Output, Parcel,
    ScratchContainer, Volume,
};
pub use recorded::{Program, Recorded, Run};
pub use registry::{Login, RegistrySettings, login, registry_of};
pub use services::{
    Action, Container, ContainerEvent, ExecOutcome, ExecWanted, Health, HealthStatus, LogLine,
    LogsWanted, PublishedPort, Services, Status,
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
    /// Unpacks a tar archive in a container, started or not. What is to be in a mounted volume has to be put right at its
    /// mount point: Podman unpacks below it what is put at a directory above.
    fn put_archive(
        &self,
        id: &str,
        parcel: &Parcel,
    ) -> impl Future<Output = Result<(), Error>> + Send;
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
    /// Removes a volume, and the container that [`Engine::keep_volume`] made for it; one that is gone already is no error.
    fn remove_volume(&self, name: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Has a container that is never started refer to a volume, where the engine's own pruning would take it otherwise;
    /// the container's name if it was made now.
    fn keep_volume(
        &self,
        mount: &Mount,
        argv: &[String],
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;
    /// The address of the engine.
    fn host(&self) -> &Host;
    /// Whether the engine could share this machine's file system at all (a socket, not a network address).
    fn is_local(&self) -> bool;
}
