//! Images of the Docker API: facts, pulling, and building by the engine's classic builder. Owns the requests and what
//! their failures mean; must not know what the images are for.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error as ApiError;
use bollard::query_parameters::{BuildImageOptions, CreateImageOptionsBuilder, ImportImageOptions};
use futures_util::StreamExt as _;

use super::super::INPUTS_LABEL;
use super::super::images::{
    BuildRequest, Builder, ImageFacts, ImageProgress, Images, PullRequest, Writing,
};
use super::Docker;
use super::client::{Tail, build_with_client, for_engine};
use super::pipe::{Pipe, written};
use super::translate::status;
use crate::archive::{Entries, Facts};
use crate::build_context::{BuildContext, Kind, is_remote, walk};
use crate::engine::registry::Login;
use crate::error::{Error, PullRefusal};

/// How long an engine may take to answer that reads an image before it does, or gathers one: as long as gigabytes take by a
/// slow line.
const TRANSFER: Duration = Duration::from_hours(2);
/// Name of the Dockerfile within the archive, which no context has.
const DOCKERFILE: &str = ".pyfast.Dockerfile";

impl Images for Docker {
    async fn image_facts(&self, image: &str) -> Result<Option<ImageFacts>, Error> {
        match self.api.inspect_image(image).await {
            Ok(facts) => {
                let labels = facts.config.and_then(|config| config.labels).unwrap_or_default();
                Ok(Some(ImageFacts {
                    id: facts.id.unwrap_or_default(),
                    inputs: labels.get(INPUTS_LABEL).cloned(),
                }))
            }
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.failed(format!("inspect the image {image}"))(error)),
        }
    }

    async fn history(&self, image: &str) -> Result<Vec<String>, Error> {
        match self.api.image_history(image).await {
            Ok(lines) => Ok(lines.into_iter().map(|line| line.created_by).collect()),
            Err(error) if status(&error) == Some(404) => Ok(Vec::new()),
            Err(error) => Err(self.failed(format!("tell the history of the image {image}"))(error)),
        }
    }

    async fn pull(
        &self,
        request: &PullRequest<'_>,
        progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
    ) -> Result<(), Error> {
        let (name, tag) = split_tag(request.image);
        let options = CreateImageOptionsBuilder::new()
            .from_image(name)
            .tag(tag)
            .platform(request.platform.unwrap_or_default())
            .build();
        let mut answers = std::pin::pin!(self.api.create_image(
            Some(options),
            None,
            request.login.map(credentials)
        ));
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(info) => {
                    let detail = info.progress_detail.unwrap_or_default();
                    let bytes = |count: Option<i64>| {
                        count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default()
                    };
                    let status = info.status.as_deref().unwrap_or_default();
                    progress(match &info.id {
                        Some(id) => ImageProgress::Layer {
                            id,
                            status,
                            current: bytes(detail.current),
                            total: bytes(detail.total),
                        },
                        None => ImageProgress::Line(status),
                    });
                }
                Err(error) if is_spurious(&error) => {}
                Err(error) => return Err(self.pull_failure(request.image, error)),
            }
        }
        Ok(())
    }

    async fn build(
        &self,
        request: &BuildRequest<'_>,
        progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
    ) -> Result<(), Error> {
        match request.builder {
            Builder::Client { program, environment } => {
                let environment = for_engine(environment, self.podman);
                build_with_client(program, &environment, &self.host, request, progress).await
            }
            Builder::Engine => self.build_here(request, progress).await,
        }
    }

    async fn load(&self, image: &str, archive: Writing) -> Result<(), Error> {
        let body = bollard::body_try_stream(written(move |pipe| archive(pipe)));
        let patient = self.api.clone().with_timeout(TRANSFER);
        let options = ImportImageOptions { quiet: true, ..ImportImageOptions::default() };
        let mut answers = std::pin::pin!(patient.import_image(options, body, None));
        while let Some(answer) = answers.next().await {
            match answer {
                Err(error) if !is_spurious(&error) => {
                    return Err(self.failed(format!("load the image {image}"))(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn layers(&self, image: &str) -> Result<Vec<String>, Error> {
        if self.podman {
            return Ok(Vec::new());
        }
        // containerd keeps archives as they came, and those without layers too: its images would not run.
        let info = self.api.info().await.map_err(self.failed("say how it keeps images"))?;
        let facts = info.driver_status.unwrap_or_default();
        if facts.iter().flatten().any(|word| word.contains("io.containerd.snapshotter")) {
            return Ok(Vec::new());
        }
        match self.api.inspect_image(image).await {
            Ok(facts) => Ok(facts.root_fs.and_then(|found| found.layers).unwrap_or_default()),
            Err(error) if status(&error) == Some(404) => Ok(Vec::new()),
            Err(error) => Err(self.failed(format!("inspect the image {image}"))(error)),
        }
    }

    async fn save(
        &self,
        image: &str,
        take: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), Error> {
        let patient = self.api.clone().with_timeout(TRANSFER);
        let mut pieces = std::pin::pin!(patient.export_image(image));
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(bytes) => take(&bytes)
                    .map_err(|source| Error::ImageSave { image: image.to_owned(), source })?,
                Err(error) if status(&error) == Some(404) => {
                    return Err(Error::ImageMissing { image: image.to_owned() });
                }
                Err(error) => return Err(self.failed(format!("save the image {image}"))(error)),
            }
        }
        Ok(())
    }
}

impl Docker {
    fn pull_failure(&self, image: &str, error: ApiError) -> Error {
        let message = match &error {
            ApiError::DockerResponseServerError { message, .. } => message.clone(),
            ApiError::DockerStreamError { error } => error.clone(),
            _ => return self.failed(format!("pull the image {image}"))(error),
        };
        Error::ImagePull { image: image.into(), reason: refusal(&message) }
    }

    /// Builds by the engine's own builder, sending it the context as it is read.
    async fn build_here(
        &self,
        request: &BuildRequest<'_>,
        progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
    ) -> Result<(), Error> {
        let remote = is_remote(&request.build.context);
        let body = if remote {
            None
        } else {
            let source = BuildContext::open(request.build)?;
            Some(bollard::body_try_stream(written(move |pipe| archive(&source, pipe))))
        };
        let options = options(request, remote);
        let mut answers = std::pin::pin!(self.api.build_image(options, None, body));
        let mut tail = Tail::default();
        while let Some(answer) = answers.next().await {
            let message = match answer {
                Ok(info) => {
                    if let Some(message) = info.error_detail.and_then(|detail| detail.message) {
                        message
                    } else {
                        let text = info.stream.or(info.status).unwrap_or_default();
                        tell(&text, &mut tail, progress);
                        continue;
                    }
                }
                Err(error) if is_spurious(&error) => continue,
                Err(ApiError::DockerStreamError { error }) => error,
                Err(ApiError::DockerResponseServerError { message, .. }) => message,
                Err(error) => {
                    return Err(self.failed(format!("build the image {}", request.image))(error));
                }
            };
            tail.line(&message);
            return Err(tail.failure(request.image));
        }
        Ok(())
    }
}

/// Hands over the lines of a builder's output.
fn tell(text: &str, tail: &mut Tail, progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync)) {
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        tail.line(line);
        progress(ImageProgress::Line(line));
    }
}

fn options(request: &BuildRequest<'_>, remote: bool) -> BuildImageOptions {
    let build = request.build;
    let labels = build.labels.iter().map(|(name, value)| (name.clone(), value.clone()));
    let ours = request.labels.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let dockerfile = if remote {
        build.dockerfile.clone().unwrap_or_else(|| "Dockerfile".into())
    } else {
        DOCKERFILE.into()
    };
    BuildImageOptions {
        dockerfile,
        t: Some(request.image.into()),
        remote: remote.then(|| build.context.clone()),
        rm: true,
        forcerm: true,
        buildargs: Some(request.arguments.clone().into_iter().collect()),
        labels: Some(labels.chain(ours).collect::<HashMap<_, _>>()),
        networkmode: build.network.clone(),
        platform: request.platform.unwrap_or_default().into(),
        target: build.target.clone().unwrap_or_default(),
        cachefrom: (!build.cache_from.is_empty()).then(|| build.cache_from.clone()),
        ..BuildImageOptions::default()
    }
}

/// bollard takes the line end after an engine's last answer for the beginning of a further one.
fn is_spurious(error: &ApiError) -> bool {
    matches!(error, ApiError::IOError { err } if err.to_string().contains("bytes remaining on stream"))
}

fn credentials(login: &Login) -> DockerCredentials {
    DockerCredentials {
        username: login.username.clone(),
        password: login.password.clone(),
        identitytoken: login.identity_token.clone(),
        serveraddress: Some(login.registry.clone()),
        ..DockerCredentials::default()
    }
}

/// Splits off the tag, `latest` where there is none: without one the engine would pull every tag. What follows `@`
/// stays, because a digest leaves nothing to choose.
fn split_tag(image: &str) -> (&str, &str) {
    if image.contains('@') {
        return (image, "");
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// What an engine's words for a failed pull mean. The status does not tell: it is 500 for a registry that cannot be
/// reached, and 404 for one that wants a login.
fn refusal(message: &str) -> PullRefusal {
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let message = message.trim().to_owned();
    if has(&[
        "unauthorized",
        "authentication required",
        "no basic auth",
        "denied",
        "incorrect username",
    ]) {
        PullRefusal::Login(message)
    } else if has(&["no matching manifest", "does not match the specified platform"]) {
        PullRefusal::Platform(message)
    } else if has(&["not found", "manifest unknown", "name unknown", "does not exist"])
        && !has(&["no such host"])
    {
        PullRefusal::NotFound(message)
    } else if has(&[
        "no such host",
        "dial tcp",
        "i/o timeout",
        "connection refused",
        "connection reset",
        "tls handshake",
        "timeout",
        "deadline exceeded",
        "x509",
        "temporary failure in name",
    ]) {
        PullRefusal::Unreachable(message)
    } else {
        PullRefusal::Other(message)
    }
}

/// The context as an archive.
fn archive(source: &BuildContext, pipe: &mut Pipe) -> io::Result<()> {
    let mut archive = Entries::new(pipe);
    let (size, dockerfile) = (source.dockerfile.len() as u64, source.dockerfile.as_bytes());
    archive.file(DOCKERFILE, Facts { time: 0, ..Facts::of_root(0o644) }, size, dockerfile)?;
    let entries = walk(&source.directory, &source.ignore).map_err(io::Error::other)?;
    for entry in entries {
        let time = u64::try_from(entry.metadata.mtime()).unwrap_or_default();
        // Images shall not depend on who builds them.
        let facts = Facts { time, ..Facts::of_root(entry.metadata.mode() & 0o7777) };
        match &entry.kind {
            Kind::Directory => archive.directory(&entry.name, facts)?,
            Kind::Link(target) => archive.link(&entry.name, facts, target)?,
            Kind::File => {
                let file = fs_err::File::open(&entry.path)?;
                let size = entry.metadata.len();
                archive.file(&entry.name, facts, size, Exactly { file, left: size })?;
            }
        }
    }
    archive.end().map(drop)
}

/// A file that gives as many bytes as its header said, even when somebody writes to it meanwhile: an archive with
/// another count would be unreadable from there on.
struct Exactly {
    file: fs_err::File,
    left: u64,
}

impl io::Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let mut read = self.file.read(&mut buffer[..most])?;
        if read == 0 {
            buffer[..most].fill(0);
            read = most;
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_tag_means_the_latest() {
        assert_eq!(split_tag("redis"), ("redis", "latest"));
        assert_eq!(split_tag("host:5000/app"), ("host:5000/app", "latest"));
        assert_eq!(split_tag("host:5000/app:2"), ("host:5000/app", "2"));
        assert_eq!(split_tag("app@sha256:ab"), ("app@sha256:ab", ""));
    }

    #[test]
    fn engines_words_for_failed_pulls() {
        let login =
            "pull access denied for x, repository does not exist or may require 'docker login'";
        assert!(matches!(refusal(login), PullRefusal::Login(_)));
        assert!(matches!(
            refusal("manifest for x:9 not found: manifest unknown"),
            PullRefusal::NotFound(_)
        ));
        let lookup = "Get \"https://r.test/v2/\": dial tcp: lookup r.test: no such host";
        assert!(matches!(refusal(lookup), PullRefusal::Unreachable(_)));
        assert!(matches!(
            refusal("no matching manifest for linux/arm64"),
            PullRefusal::Platform(_)
        ));
        assert!(matches!(refusal("toomanyrequests: slow down"), PullRefusal::Other(_)));
    }
}
