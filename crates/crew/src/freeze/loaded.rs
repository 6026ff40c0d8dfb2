//! An image that the container engine loads, without a file between them. Owns what of it the engine is sent, and whose
//! error it is that is told: that of who wrote, or that of who read.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use pyfast_launcher::engine::{Images, Writing};
use pyfast_oci::{Digest, Error as ImageError, Image, ImageName, layout};

use super::ground::EngineImage;
use crate::engine::Connection;
use crate::error::Error;
use crate::event::{Event, Events};

/// An image, and the engine that it is for.
pub(super) struct Loading<'a, E> {
    pub(super) connection: &'a Connection<E>,
    pub(super) image: &'a Image,
    pub(super) name: &'a ImageName,
    /// What it is put upon, where an engine has that.
    pub(super) below: Option<&'a EngineImage>,
    pub(super) events: &'a Events,
}

impl<E: Images> Loading<'_, E> {
    /// Has the engine load the image under its name, by sending it what it lacks. What ends before its end leaves nothing
    /// there.
    pub(super) fn load(&self) -> Result<(), Error> {
        let (held, all) = (self.held()?, self.image.layers.len());
        if held == 0 {
            return self.send_whole();
        }
        let tell = |text: String| (self.events)(Event::Detail(text));
        tell(format!("the container engine has {held} of {all} layers"));
        match self.send(self.image, held) {
            Err(Error::Launch(error)) => {
                // What it had may be gone meanwhile. Where that was not it, the first failure says more.
                tell(format!("it did not load the others alone: {error}"));
                let failed = |second: Error| match second {
                    Error::Launch(_) => Error::Launch(error),
                    other => other,
                };
                self.send_whole().map_err(failed)
            }
            loaded => loaded,
        }
    }

    fn send_whole(&self) -> Result<(), Error> {
        match self.below.filter(|_| self.image.is_partial()) {
            Some(below) => {
                let base = below.base(self.events)?;
                self.send(&self.image.clone().completed(&base), 0)
            }
            None => self.send(self.image, 0),
        }
    }

    /// How many of the lowest layers the engine has upon one another: those of what is below the image, or of the image
    /// that had its name before.
    fn held(&self) -> Result<usize, Error> {
        let Self { connection, image, name, below, .. } = self;
        let ours: Vec<String> = image.diff_ids.iter().map(ToString::to_string).collect();
        let below = below.iter().map(|below| below.id().to_owned());
        let mut most = 0;
        for known in below.chain([name.familiar()]) {
            let theirs = match connection.wait(connection.engine.layers(&known)) {
                // Who may not ask sends all of it.
                Err(Error::Launch(_)) => Vec::new(),
                theirs => theirs?,
            };
            let same = ours.iter().zip(&theirs).take_while(|(one, other)| one == other);
            most = most.max(same.count());
        }
        Ok(most)
    }

    /// Sends an image without its lowest layers.
    fn send(&self, image: &Image, held: usize) -> Result<(), Error> {
        let failed: Arc<Mutex<Option<ImageError>>> = Arc::default();
        let (ours, content, tag) = (Arc::clone(&failed), image.clone(), self.name.clone());
        let digest = |layer: &pyfast_oci::Blob| layer.descriptor.digest;
        let sent: BTreeSet<Digest> = image.layers[held..].iter().map(digest).collect();
        let all: BTreeSet<Digest> = image.layers.iter().map(digest).collect();
        let left: BTreeSet<Digest> = all.difference(&sent).copied().collect();
        let archive: Writing = Box::new(move |to| {
            let wanted = |digest: &Digest| !left.contains(digest);
            layout::archive(to, &content, &tag, &wanted).map_err(|error| {
                let told = io::Error::other(error.to_string());
                *ours.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                told
            })
        });
        let engine = &self.connection.engine;
        let loaded = self.connection.wait(engine.load(&self.name.familiar(), archive));
        match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Where nobody read on, who did not says why.
            Some(error) if !matches!(error, ImageError::Write(_)) => Err(error.into()),
            _ => loaded,
        }
    }
}

#[cfg(test)]
mod tests;
