//! An image that the container engine loads, without a file between them. Owns whose error it is that is told: that of who
//! wrote, or that of who read.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use pyfast_launcher::engine::{Images as _, Writing};
use pyfast_oci::{Error as ImageError, Image, ImageName, layout};

use crate::engine::Connection;
use crate::error::Error;

/// Has the engine load an image under its name. What ends before its end leaves nothing there.
pub(super) fn load(connection: &Connection, image: &Image, name: &ImageName) -> Result<(), Error> {
    let failed: Arc<Mutex<Option<ImageError>>> = Arc::default();
    let (ours, content, tag) = (Arc::clone(&failed), image.clone(), name.clone());
    let archive: Writing = Box::new(move |to| {
        layout::archive(to, &content, &tag, &|_| true).map_err(|error| {
            let told = io::Error::other(error.to_string());
            *ours.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            told
        })
    });
    let loaded = connection.wait(connection.engine.load(&name.familiar(), archive));
    match failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        // Where nobody read on, who did not says why.
        Some(error) if !matches!(error, ImageError::Write(_)) => Err(error.into()),
        _ => loaded,
    }
}
