//! What channels give to an environment, and the interpreter that was brought for it. Owns where that is looked for; must
//! not know how it was chosen.

use pyfast_installer::prefix::{Brought, NativePackage, Prefix};
use pyfast_root::ProjectEnv;

use super::{Found, identify};
use crate::error::Error;
use crate::settings::{Root, Settings};

/// What channels give to an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromChannels<'a> {
    /// A Python of this version, or range of versions, and native libraries with it.
    Python(&'a str),
    /// Native libraries, beside an interpreter that is there.
    Libraries,
}

impl<'a> FromChannels<'a> {
    /// The version of the Python.
    pub fn python(self) -> Option<&'a str> {
        match self {
            Self::Python(version) => Some(version),
            Self::Libraries => None,
        }
    }
}

/// The one that the last sync brought.
pub(super) fn find(version: &str, settings: &Settings) -> Result<Found, Error> {
    let missing = || Error::NotBrought { version: version.to_owned(), env: settings.env.clone() };
    let Root::Directory(directory) = &settings.root else { return Err(missing()) };
    let root = pyfast_root::Root::find(directory, directory)?.ok_or_else(missing)?;
    let name = ProjectEnv::new(&settings.project.name(), &settings.env)?;
    let brought = Brought::of(&root, &name)?.ok_or_else(missing)?;
    let prefix = Prefix::find(&root, &brought.id)?.ok_or_else(missing)?;
    self::brought(&prefix, &brought.channels, settings)
}

/// The interpreter of a prefix that is there.
///
/// # Errors
/// If it cannot be read.
pub fn brought(prefix: &Prefix, channels: &[String], settings: &Settings) -> Result<Found, Error> {
    let wanted = settings.project.config.native.packages.iter();
    let names: Vec<&str> = wanted.map(|wanted| NativePackage::name_in(wanted)).collect();
    let with = prefix.packages.iter().filter(|one| names.contains(&&*one.name));
    let with: Vec<String> = with.map(|one| format!("{} {}", one.name, one.version)).collect();
    let with = if with.is_empty() { String::new() } else { format!(" with {}", with.join(", ")) };
    let why = format!("managed{with}, from {}", channels.join(", "));
    let python = prefix.interpreter().ok_or_else(|| Error::NotBrought {
        version: settings.brought().unwrap_or_default().to_owned(),
        env: settings.env.clone(),
    })?;
    identify(python, why, settings)
}
