//! The engine behind the Docker API (Docker, or Podman's compatible socket). Owns the translation between bollard's
//! types and ours, and the reading of its errors; must not know what the containers are for.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, ImageInspect,
    VolumeCreateRequest,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, ContainerArchiveInfoOptionsBuilder,
    RemoveContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::{
    ContainerSpec, DEFAULT_PATH, Engine, EngineVersion, Exit, FileStat, Image, Mount, Output,
    Volume,
};
use crate::error::{Error, Unreachable};
use crate::host::Host;

/// Seconds until an engine that says nothing counts as unreachable, and until any request must begin to be answered.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const REQUEST_SECONDS: u64 = 300;

/// Labels every container that this crate makes, so that leftovers of a killed process can be told.
pub(super) const CONTAINER_LABEL: &str = "io.pyfast.scratch";

/// A connection to an engine.
#[derive(Clone)]
pub struct Docker {
    api: bollard::Docker,
    host: Host,
    version: EngineVersion,
}

impl std::fmt::Debug for Docker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Docker")
            .field("host", &self.host)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Docker {
    /// Connects to the engine and asks what it is. Needs a Tokio runtime with I/O and time.
    ///
    /// # Errors
    /// [`Error::EngineUnreachable`] when nothing answers within ten seconds.
    pub async fn connect(host: Host) -> Result<Self, Error> {
        let client = match &host {
            Host::Unix(path) => bollard::Docker::connect_with_unix(
                &path.to_string_lossy(),
                REQUEST_SECONDS,
                bollard::API_DEFAULT_VERSION,
            ),
            Host::Tcp(address) => bollard::Docker::connect_with_http(
                address,
                REQUEST_SECONDS,
                bollard::API_DEFAULT_VERSION,
            ),
        };
        let unreachable = |reason| Error::EngineUnreachable { host: host.to_string(), reason };
        let api = client
            .map_err(|error| unreachable(reason(&error).unwrap_or(Unreachable::SocketMissing)))?;
        let answer = tokio::time::timeout(CONNECT_DEADLINE, api.version())
            .await
            .map_err(|_elapsed| unreachable(Unreachable::TimedOut))?;
        let facts = answer.map_err(|error| failure(&host, "say its version", error))?;
        let version = EngineVersion {
            version: facts.version.unwrap_or_default(),
            api: facts.api_version.unwrap_or_default(),
            os: facts.os.unwrap_or_default(),
            architecture: facts.arch.unwrap_or_default(),
        };
        Ok(Self { api, host, version })
    }

    /// The address that this connection goes to.
    pub fn host(&self) -> &Host {
        &self.host
    }

    fn failed(&self, act: impl Into<String>) -> impl FnOnce(ApiError) -> Error {
        let (host, act) = (self.host.clone(), act.into());
        move |error| failure(&host, act, error)
    }

    async fn exit_code(&self, id: &str) -> Result<i64, Error> {
        let mut answers = self.api.wait_container(id, None);
        match answers.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(ApiError::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(self.failed(format!("wait for the container {id}"))(error)),
            None => Err(self.failed(format!("wait for the container {id}"))(ApiError::IOError {
                err: std::io::ErrorKind::UnexpectedEof.into(),
            })),
        }
    }
}

impl Engine for Docker {
    async fn version(&self) -> Result<EngineVersion, Error> {
        Ok(self.version.clone())
    }

    async fn inspect_image(&self, image: &str) -> Result<Image, Error> {
        match self.api.inspect_image(image).await {
            Ok(facts) => Ok(image_facts(facts)),
            Err(error) if status(&error) == Some(404) => {
                Err(Error::ImageMissing { image: image.into() })
            }
            Err(error) => Err(self.failed(format!("inspect the image {image}"))(error)),
        }
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<String, Error> {
        match self.api.create_container(None, container_body(spec)).await {
            Ok(created) => Ok(created.id),
            Err(error)
                if status(&error) == Some(404) && server_message(&error).contains("image") =>
            {
                Err(Error::ImageMissing { image: spec.image.clone() })
            }
            Err(error) => {
                Err(self.failed(format!("create a container from {}", spec.image))(error))
            }
        }
    }

    async fn run_container(
        &self,
        id: &str,
        output: &mut (dyn FnMut(Output<'_>) + Send),
    ) -> Result<Exit, Error> {
        let options =
            AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
        // Attached before the start, so that not a byte is lost and no log has to be kept.
        let mut attached = self
            .api
            .attach_container(id, Some(options))
            .await
            .map_err(self.failed(format!("attach to the container {id}")))?;
        if let Err(error) = self.api.start_container(id, None).await {
            return match refusal(&error) {
                Some(exit) => Ok(exit),
                None => Err(self.failed(format!("start the container {id}"))(error)),
            };
        }
        while let Some(piece) = attached.output.next().await {
            match piece.map_err(self.failed(format!("read the output of the container {id}")))? {
                LogOutput::StdOut { message } | LogOutput::Console { message } => {
                    output(Output::Stdout(&message));
                }
                LogOutput::StdErr { message } => output(Output::Stderr(&message)),
                LogOutput::StdIn { .. } => {}
            }
        }
        self.exit_code(id).await.map(Exit::Code)
    }

    async fn remove_container(&self, id: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.api.remove_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            // Gone already, or another request is removing it.
            Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(()),
            Err(error) => Err(self.failed(format!("remove the container {id}"))(error)),
        }
    }

    async fn put_archive(&self, id: &str, tar: Bytes) -> Result<(), Error> {
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        self.api
            .upload_to_container(id, Some(options), bollard::body_full(tar))
            .await
            .map_err(self.failed(format!("put files into the container {id}")))
    }

    async fn stat(&self, id: &str, path: &str) -> Result<Option<FileStat>, Error> {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        match self.api.get_container_archive_info(id, Some(options)).await {
            Ok(found) => Ok(Some(FileStat {
                size: u64::try_from(found.size).unwrap_or_default(),
                link_target: found.link_target,
            })),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failed(format!("look at {path} in the container {id}"))(error)),
        }
    }

    async fn create_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<Volume, Error> {
        let request = VolumeCreateRequest {
            name: Some(name.into()),
            labels: Some(labels.clone().into_iter().collect()),
            ..VolumeCreateRequest::default()
        };
        let created = self.api.create_volume(request).await;
        created.map(volume_facts).map_err(self.failed(format!("create the volume {name}")))
    }

    async fn inspect_volume(&self, name: &str) -> Result<Option<Volume>, Error> {
        match self.api.inspect_volume(name).await {
            Ok(volume) => Ok(Some(volume_facts(volume))),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failed(format!("inspect the volume {name}"))(error)),
        }
    }

    fn is_local(&self) -> bool {
        matches!(self.host, Host::Unix(_))
    }
}

fn container_body(spec: &ContainerSpec) -> ContainerCreateBody {
    let (program, arguments) =
        spec.argv.split_first().map_or((None, Vec::new()), |(program, arguments)| {
            (Some(vec![program.clone()]), arguments.to_vec())
        });
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        entrypoint: program,
        cmd: Some(arguments),
        user: spec.user.clone(),
        env: Some(spec.environment.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        healthcheck: Some(HealthConfig {
            test: Some(vec!["NONE".into()]),
            ..HealthConfig::default()
        }),
        labels: Some(HashMap::from([(CONTAINER_LABEL.into(), "1".into())])),
        host_config: Some(HostConfig {
            network_mode: Some(spec.network.clone()),
            binds: spec.mount.as_ref().map(|mount| vec![bind(mount)]),
            // The output is read while it comes; nothing needs to be kept on the engine's disk.
            log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}

fn bind(mount: &Mount) -> String {
    format!("{}:{}:{},nocopy", mount.volume, mount.target, if mount.writable { "rw" } else { "ro" })
}

fn image_facts(facts: ImageInspect) -> Image {
    let config = facts.config.unwrap_or_default();
    let environment = config.env.unwrap_or_default();
    let path = environment.iter().find_map(|entry| entry.strip_prefix("PATH="));
    Image {
        id: facts.id.unwrap_or_default(),
        architecture: facts.architecture.unwrap_or_default(),
        os: facts.os.unwrap_or_default(),
        path_env: path.unwrap_or(DEFAULT_PATH).to_owned(),
        working_dir: config.working_dir.filter(|dir| !dir.is_empty()).unwrap_or_else(|| "/".into()),
        user: config.user.unwrap_or_default(),
        entrypoint: config.entrypoint.unwrap_or_default(),
        cmd: config.cmd.unwrap_or_default(),
    }
}

fn volume_facts(volume: bollard::models::Volume) -> Volume {
    Volume {
        name: volume.name,
        driver: volume.driver,
        mountpoint: volume.mountpoint.into(),
        labels: volume.labels.into_iter().collect(),
    }
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn server_message(error: &ApiError) -> &str {
    match error {
        ApiError::DockerResponseServerError { message, .. } => message,
        _ => "",
    }
}

/// Tells a command that cannot run from any other reason why a container does not start. The API has no field for
/// it, so the runtime's words (runc, crun) have to do.
fn refusal(error: &ApiError) -> Option<Exit> {
    let message = server_message(error);
    let lower = message.to_lowercase();
    if lower.contains("executable file") && lower.contains("not found")
        || lower.contains("no such file or directory") && lower.contains("exec")
    {
        Some(Exit::NotFound(message.trim().into()))
    } else if lower.contains("exec format error")
        || lower.contains("permission denied") && lower.contains("exec")
        || lower.contains("is a directory") && lower.contains("exec")
    {
        Some(Exit::NotExecutable(message.trim().into()))
    } else {
        None
    }
}

/// Why the engine could not be spoken to; `None` when it answered.
fn reason(error: &ApiError) -> Option<Unreachable> {
    match error {
        ApiError::SocketNotFoundError(_) => return Some(Unreachable::SocketMissing),
        ApiError::RequestTimeoutError => return Some(Unreachable::TimedOut),
        ApiError::HyperLegacyError { err } if !err.is_connect() => return None,
        ApiError::HyperLegacyError { .. } | ApiError::IOError { .. } => {}
        _ => return None,
    }
    let mut cause = Some(error as &dyn std::error::Error);
    let mut last = String::new();
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return Some(Unreachable::from_io(io));
        }
        last = current.to_string();
        cause = current.source();
    }
    Some(Unreachable::Other(last))
}

fn failure(host: &Host, act: impl Into<String>, error: ApiError) -> Error {
    match reason(&error) {
        Some(reason) => Error::EngineUnreachable { host: host.to_string(), reason },
        None => Error::Engine { act: act.into(), source: Box::new(error) },
    }
}
