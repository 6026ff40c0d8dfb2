//! The engine as far as images of a project are concerned: what is present, pulling and building. Owns the trait and
//! its types; must not know why an image is wanted.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;

use super::Engine;
use crate::compose_file::Build;
use crate::engine::registry::Login;
use crate::error::Error;

/// What an engine does with images.
///
/// Every method fails as those of [`Engine`] do.
pub trait Images: Engine {
    /// What matters of an image for a decision; `None` when it is absent.
    fn image_facts(
        &self,
        image: &str,
    ) -> impl Future<Output = Result<Option<ImageFacts>, Error>> + Send;
    /// By which instructions an image was made, the last one first; empty when it is absent.
    fn history(&self, image: &str) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
    /// Pulls an image and hands its progress over as it comes.
    /// [`Error::ImagePull`] says why when that cannot be done.
    fn pull(
        &self,
        request: &PullRequest<'_>,
        progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
    ) -> impl Future<Output = Result<(), Error>> + Send;
    /// Builds an image and hands the builder's output over as it comes.
    /// [`Error::ImageBuild`] names the step and the last lines when that fails.
    fn build(
        &self,
        request: &BuildRequest<'_>,
        progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
    ) -> impl Future<Output = Result<(), Error>> + Send;
    /// Takes the image of an archive, which is written while the engine reads it. One whose writing fails is refused, and
    /// nothing of it is kept.
    fn load(&self, image: &str, archive: Writing)
    -> impl Future<Output = Result<(), Error>> + Send;
    /// The digests of an image's layers as they are unpacked (`sha256:…`), the lowest first, for an engine that finds those
    /// again which an archive leaves out; empty where it wants whole archives, or the image is absent.
    fn layers(&self, image: &str) -> impl Future<Output = Result<Vec<String>, Error>> + Send;
    /// Hands the archive of an image over as it comes; [`Error::ImageMissing`] when it is not present, and
    /// [`Error::ImageSave`] when what comes cannot be taken.
    fn save(
        &self,
        image: &str,
        take: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What writes an archive, on a thread of its own.
pub type Writing = Box<dyn FnOnce(&mut dyn Write) -> io::Result<()> + Send>;

/// What matters of a present image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// Its id (`sha256:…`).
    pub id: String,
    /// What its label says that it was built from; `None` without the label.
    pub inputs: Option<String>,
}

/// An image to be pulled.
#[derive(Debug, Clone, Copy)]
pub struct PullRequest<'a> {
    /// Its name.
    pub image: &'a str,
    /// The platform wanted, where it is not the engine's own.
    pub platform: Option<&'a str>,
    /// How to log in at its registry.
    pub login: Option<&'a Login>,
}

/// An image to be built.
#[derive(Debug, Clone, Copy)]
pub struct BuildRequest<'a> {
    /// Its name.
    pub image: &'a str,
    /// How.
    pub build: &'a Build,
    /// The arguments with their values.
    pub arguments: &'a BTreeMap<String, String>,
    /// The platform wanted, where it is not the engine's own.
    pub platform: Option<&'a str>,
    /// Labels besides those of the build.
    pub labels: &'a [(&'a str, String)],
    /// Who builds.
    pub builder: &'a Builder,
}

/// Who builds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Builder {
    /// The user's own client, which knows their builders, caches and credentials.
    Client {
        /// The program.
        program: PathBuf,
        /// The whole environment that it is given.
        environment: BTreeMap<String, String>,
    },
    /// The engine itself, by its classic builder: no `RUN --mount`, no secrets.
    Engine,
}

/// A piece of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageProgress<'a> {
    /// A layer is at so many of so many bytes.
    Layer {
        /// Its id.
        id: &'a str,
        /// What is done with it, in the engine's words.
        status: &'a str,
        /// Bytes done.
        current: u64,
        /// Bytes in all, zero when unknown.
        total: u64,
    },
    /// A line of a builder's output, or of the engine's.
    Line(&'a str),
}
