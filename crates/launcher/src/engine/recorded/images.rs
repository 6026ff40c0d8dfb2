//! Images of the fake engine: those that a registry of its own has can be pulled, and every build succeeds unless it
//! is told otherwise. Owns no I/O.

use std::io;

use super::super::images::{
    BuildRequest, Builder, ImageFacts, ImageProgress, Images, PullRequest, Writing,
};
use super::super::{INPUTS_LABEL, Image};
use super::Recorded;
use crate::error::{Error, PullRefusal};

impl Recorded {
    /// Adds an image to the registry from which the engine pulls.
    #[must_use]
    pub fn with_pullable(self, name: &str, image: Image) -> Self {
        self.lock().registry.insert(name.into(), image);
        self
    }

    /// Gives a present image the label that says what it was built from.
    #[must_use]
    pub fn with_inputs(self, name: &str, inputs: &str) -> Self {
        self.lock().inputs.insert(name.into(), inputs.into());
        self
    }

    /// Lets every build of an image fail with this last line.
    #[must_use]
    pub fn with_broken_build(self, name: &str, line: &str) -> Self {
        self.lock().broken_builds.insert(name.into(), line.into());
        self
    }

    /// Gives an image these layers, which the engine finds again.
    #[must_use]
    pub fn with_layers(self, image: &str, layers: Vec<String>) -> Self {
        self.lock().layers.insert(image.into(), layers);
        self
    }

    /// Lets the next image that is to be loaded be read to its end and refused, with these words.
    #[must_use]
    pub fn with_refused_load(self, words: &str) -> Self {
        self.lock().refused_loads.push_back(words.into());
        self
    }
}

impl Images for Recorded {
    async fn image_facts(&self, image: &str) -> Result<Option<ImageFacts>, Error> {
        let state = self.lock();
        let inputs = state.inputs.get(image).cloned();
        Ok(state.images.get(image).map(|found| ImageFacts { id: found.id.clone(), inputs }))
    }

    async fn history(&self, _image: &str) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    async fn pull(
        &self,
        request: &PullRequest<'_>,
        progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
    ) -> Result<(), Error> {
        let found = {
            let mut state = self.lock();
            let login = if request.login.is_some() { " logged in" } else { "" };
            state.record(format!("pull {}{login}", request.image));
            let found = state.registry.get(request.image).cloned();
            if let Some(image) = &found {
                state.images.insert(request.image.into(), image.clone());
                state.inputs.remove(request.image);
            }
            found
        };
        if found.is_none() {
            let reason = PullRefusal::NotFound("manifest unknown".into());
            return Err(Error::ImagePull { image: request.image.into(), reason });
        }
        progress(ImageProgress::Line("Pull complete"));
        Ok(())
    }

    async fn build(
        &self,
        request: &BuildRequest<'_>,
        progress: &(dyn Fn(ImageProgress<'_>) + Send + Sync),
    ) -> Result<(), Error> {
        let line = {
            let mut state = self.lock();
            let by = match request.builder {
                Builder::Client { .. } => "client",
                Builder::Engine => "engine",
            };
            state.record(format!("build {} by {by}", request.image));
            let broken = state.broken_builds.get(request.image).cloned();
            if broken.is_none() {
                state.created += 1;
                let id = format!("sha256:built{}", state.created);
                let image = state.images.entry(request.image.into()).or_default();
                image.id = id;
                let label = request.labels.iter().find(|(name, _)| *name == INPUTS_LABEL);
                if let Some((_, inputs)) = label {
                    state.inputs.insert(request.image.into(), inputs.clone());
                }
            }
            broken
        };
        match line {
            Some(line) => {
                progress(ImageProgress::Line(&line));
                Err(Error::ImageBuild {
                    image: request.image.into(),
                    step: None,
                    output: vec![line],
                })
            }
            None => Ok(()),
        }
    }

    async fn load(&self, image: &str, archive: Writing) -> Result<(), Error> {
        let mut bytes = Vec::new();
        archive(&mut bytes).map_err(|err| {
            let source = Box::new(bollard::errors::Error::IOError { err });
            Error::Engine { act: format!("load the image {image}"), source }
        })?;
        let mut state = self.lock();
        state.record(format!("load {image}"));
        if let Some(error) = state.refused_loads.pop_front() {
            let source = Box::new(bollard::errors::Error::DockerStreamError { error });
            return Err(Error::Engine { act: format!("load the image {image}"), source });
        }
        state.images.entry(image.into()).or_default();
        state.saved.insert(image.into(), bytes);
        Ok(())
    }

    async fn layers(&self, image: &str) -> Result<Vec<String>, Error> {
        Ok(self.lock().layers.get(image).cloned().unwrap_or_default())
    }

    async fn save(
        &self,
        image: &str,
        take: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), Error> {
        let found = self.lock().saved.get(image).cloned();
        let bytes = found.ok_or_else(|| Error::ImageMissing { image: image.to_owned() })?;
        take(&bytes).map_err(|source| Error::ImageSave { image: image.to_owned(), source })
    }
}
