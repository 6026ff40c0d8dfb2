//! Where the root of an environment lies whose files this process reads: to freeze it, or to push its bytecode. Owns how it
//! is reached.

use std::path::PathBuf;

use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_settings::{Root, Settings};

use crate::engine::{Connection, direct};
use crate::error::Error;
use crate::volume_place::volume_of;

/// The root as this process reads it, and as Python sees it; `None` where only containers reach it.
pub(crate) fn reach(settings: &Settings) -> Result<Option<(PathBuf, PathBuf)>, Error> {
    let volume = match &settings.root {
        Root::Directory(root) => return Ok(Some((root.clone(), root.clone()))),
        Root::Volume(volume) => volume,
    };
    let found = volume_of(&Connection::open(settings)?, volume, settings)?;
    Ok(direct(&found).map(|written| (written, MOUNT_POINT.into())))
}
