//! The engine behind the Docker API (Docker, or Podman's compatible socket). Owns the requests and
//! their order; must not know what the containers are for.

mod client;
mod connect;
mod containers;
mod images;
mod keeper;
mod lines;
mod pipe;
mod refusal;
mod services;
mod settled;
mod tls;
mod translate;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::errors::Error as ApiError;
use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, ContainerArchiveInfoOptionsBuilder,
    DownloadFromContainerOptionsBuilder, ListContainersOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions, UploadToContainerOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;

use self::pipe::written;
use self::settled::settled;
use self::translate::{
    CONTAINER_LABEL, container_body, failure, holds_one_entry, image_facts, is_trigger, refusal,
    scratch_facts, server_message, status, volume_facts,
};
use super::{
    ContainerSpec, Engine, EngineVersion, Exit, FileStat, Image, Images as _, Mount, Output,
    Parcel, ScratchContainer, Volume, api_number,
};
use crate::engine::host::Host;
use crate::engine::rfc3339;
use crate::error::Error;

/// Seconds until an engine that says nothing counts as unreachable, and until any request must begin to be answered.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
const REQUEST_SECONDS: u64 = 300;

/// The oldest API that has all that is asked of it: that of engine 20.10, which knows platforms.
const OLDEST_API: &str = "1.41";

/// The bit by which engines tell of directories.
const MODE_DIRECTORY: u32 = 1 << 31;
/// Bytes in which the first two entries of an archive show, long names and extended headers included.
const ARCHIVE_HEAD: usize = 8192;

/// A connection to an engine.
#[derive(Clone)]
pub struct Docker {
    api: bollard::Docker,
    host: Host,
    version: EngineVersion,
    /// Whether it is Podman, which speaks an old version of the API whatever it can do.
    podman: bool,
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
    /// [`Error::EngineUnreachable`] when nothing answers within ten seconds, [`Error::EngineTooOld`] when what answers
    /// lacks too much, [`Error::EngineHost`] when its certificates cannot be used.
    pub async fn connect(host: Host) -> Result<Self, Error> {
        let api = connect::open(&host)?;
        let facts = connect::version(&api, &host, CONNECT_DEADLINE).await?;
        let components = facts.components.unwrap_or_default();
        let podman = components.iter().any(|one| one.name.starts_with("Podman"));
        let version = EngineVersion {
            version: facts.version.unwrap_or_default(),
            api: facts.api_version.unwrap_or_default(),
            os: facts.os.unwrap_or_default(),
            architecture: facts.arch.unwrap_or_default(),
        };
        if !speaks(&version.api) {
            let (host, found) = (host.to_string(), version.api);
            return Err(Error::EngineTooOld { host, found, needed: OLDEST_API });
        }
        Ok(Self { api, host, version, podman })
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

/// Whether an engine's API is new enough. One that names no version is asked anyway.
fn speaks(api: &str) -> bool {
    api_number(api).is_none_or(|found| api_number(OLDEST_API).is_none_or(|oldest| found >= oldest))
}

impl Engine for Docker {
    async fn version(&self) -> Result<EngineVersion, Error> {
        Ok(self.version.clone())
    }

    async fn inspect_image(&self, image: &str) -> Result<Image, Error> {
        match self.api.inspect_image(image).await {
            Ok(facts) => {
                let mut found = image_facts(facts);
                if self.podman {
                    // It tells of `ONBUILD` in the history alone.
                    found.triggers |=
                        self.history(image).await?.iter().any(|line| is_trigger(line));
                }
                Ok(found)
            }
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
        let refused = |act: &str, error: ApiError| match refusal(&error) {
            Some(exit) => Ok(exit),
            None => Err(self.failed(format!("{act} the container {id}"))(error)),
        };
        // Attached before the start, so that not a byte is lost and no log has to be kept. Podman prepares a container
        // then, and refuses a command that cannot run.
        let mut attached = match self.api.attach_container(id, Some(options)).await {
            Ok(attached) => attached,
            Err(error) => return refused("attach to", error),
        };
        if let Err(error) = self.api.start_container(id, None).await {
            return refused("start", error);
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

    async fn put_archive(&self, id: &str, parcel: &Parcel) -> Result<(), Error> {
        let options = UploadToContainerOptionsBuilder::new().path(&parcel.at);
        let options = if parcel.keeps_kinds {
            options.no_overwrite_dir_non_dir("true").build()
        } else {
            options.build()
        };
        let body = if let Some(bytes) = parcel.tar.in_memory() {
            bollard::body_full(bytes)
        } else {
            let tar = parcel.tar.clone();
            bollard::body_try_stream(written(move |pipe| tar.copy_to(pipe)))
        };
        self.api
            .upload_to_container(id, Some(options), body)
            .await
            .map_err(self.failed(format!("put files into the container {id}")))
    }

    async fn get_archive(&self, id: &str, path: &str, limit: u64) -> Result<Option<Bytes>, Error> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let mut pieces = std::pin::pin!(self.api.download_from_container(id, Some(options)));
        let mut archive = Vec::new();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(bytes) => archive.extend_from_slice(&bytes),
                Err(error) if status(&error) == Some(404) => return Ok(None),
                Err(error) => {
                    let act = format!("take {path} out of the container {id}");
                    return Err(self.failed(act)(error));
                }
            }
            if archive.len() as u64 > limit {
                return Err(Error::TooLarge { path: path.into(), limit });
            }
        }
        Ok(Some(archive.into()))
    }

    async fn stat(&self, id: &str, path: &str) -> Result<Option<FileStat>, Error> {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        match self.api.get_container_archive_info(id, Some(options)).await {
            Ok(found) => Ok(Some(FileStat {
                size: u64::try_from(found.size).unwrap_or_default(),
                link_target: found.link_target,
                directory: found.file_mode & MODE_DIRECTORY != 0,
                written: found
                    .modification_time
                    .and_then(|time| rfc3339::nanoseconds(&time))
                    .and_then(|time| i64::try_from(time).ok()),
            })),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failed(format!("look at {path} in the container {id}"))(error)),
        }
    }

    async fn is_empty_directory(&self, id: &str, path: &str) -> Result<bool, Error> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let mut archive = std::pin::pin!(self.api.download_from_container(id, Some(options)));
        let mut head = Vec::new();
        // The directory's own header and the next one decide; the rest, maybe gigabytes, is not asked for.
        while head.len() < ARCHIVE_HEAD
            && let Some(piece) = archive.next().await
        {
            match piece {
                Ok(bytes) => head.extend_from_slice(&bytes),
                Err(error) if status(&error) == Some(404) => return Ok(false),
                Err(error) => {
                    return Err(self.failed(format!("list {path} in the container {id}"))(error));
                }
            }
        }
        Ok(holds_one_entry(&head))
    }

    async fn scratch_containers(&self) -> Result<Vec<ScratchContainer>, Error> {
        let filters = HashMap::from([("label", vec![CONTAINER_LABEL])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = settled(|| self.api.list_containers(Some(options.clone()))).await;
        let listed = listed.map_err(self.failed("list its containers"))?;
        Ok(listed.into_iter().filter_map(scratch_facts).collect())
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

    async fn remove_volume(&self, name: &str) -> Result<(), Error> {
        self.remove_keeper(name).await?;
        match self.api.remove_volume(name, None::<RemoveVolumeOptions>).await {
            Err(error) if status(&error) == Some(404) => Ok(()),
            removed => removed.map_err(self.failed(format!("remove the volume {name}"))),
        }
    }

    async fn keep_volume(&self, mount: &Mount, argv: &[String]) -> Result<Option<String>, Error> {
        self.make_keeper(mount, argv).await
    }

    fn host(&self) -> &Host {
        &self.host
    }

    fn is_local(&self) -> bool {
        matches!(self.host, Host::Unix(_))
    }
}
