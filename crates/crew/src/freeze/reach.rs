//! Where the root of an environment lies that is frozen: its files are read by this process. Owns how it is reached.

use std::path::PathBuf;

use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_settings::{Root, Settings};

use crate::engine::{Connection, direct};
use crate::error::Error;
use crate::volume_place::volume_of;

/// The root as this process reads it, and as Python sees it.
pub(super) fn reach(settings: &Settings) -> Result<(PathBuf, PathBuf), Error> {
    let volume = match &settings.root {
        Root::Directory(root) => return Ok((root.clone(), root.clone())),
        Root::Volume(volume) => volume,
    };
    let found = volume_of(&Connection::open(settings)?, volume, settings)?;
    let out_of_reach =
        || Error::FreezeOutOfReach { env: settings.env.clone(), volume: volume.clone() };
    let written = direct(&found).ok_or_else(out_of_reach)?;
    Ok((written, MOUNT_POINT.into()))
}
