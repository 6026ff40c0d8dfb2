//! A Python that is brought from channels for an environment, with native libraries. Owns where it is brought to, and
//! whether this program can do that at all.

#[cfg(feature = "native")]
mod before;
#[cfg(feature = "native")]
mod bringing;
#[cfg(feature = "native")]
mod channels;
#[cfg(feature = "native")]
mod cutoff;
#[cfg(feature = "native")]
mod ground;

#[cfg(feature = "native")]
pub(crate) use bringing::{bring, bring_asked, here, locked, platform, print, python_of};

use std::path::{Path, PathBuf};

use pyfast_environment::Subject;
use pyfast_installer::prefix::Prefix;
use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_resolver::native::NativeLock;

use crate::engine::direct;
use crate::volume_place::VolumePlace;

/// What is there of channels for an environment.
#[derive(Clone)]
pub(crate) struct Managed {
    /// Where it lies, and what it is made of.
    pub(crate) prefix: Prefix,
    /// The same for a lock.
    pub(crate) native: NativeLock,
}

/// Where it is brought to.
#[cfg_attr(not(feature = "native"), expect(dead_code, reason = "nobody brings anything there"))]
pub(crate) struct Ground<'a> {
    /// The root, where this process writes it.
    written: Option<PathBuf>,
    /// The root, as Python sees it.
    seen: PathBuf,
    /// The volume, and the id of the image whose containers see it.
    volume: Option<(&'a VolumePlace<'a>, String)>,
}

impl<'a> Ground<'a> {
    /// A root of this machine.
    pub(crate) fn here(root: &Path) -> Self {
        Self { written: Some(root.to_owned()), seen: root.to_owned(), volume: None }
    }

    /// A volume, for containers of the image of this id.
    pub(crate) fn volume(place: &'a VolumePlace<'a>, image: String) -> Self {
        let (written, seen) = (direct(place.volume), MOUNT_POINT.into());
        Self { written, seen, volume: Some((place, image)) }
    }
}

/// Whose it is, and in which root, for one that another process asks for.
#[cfg_attr(not(feature = "native"), expect(dead_code, reason = "nobody brings anything there"))]
pub(crate) struct Of<'a> {
    pub(crate) root: &'a Path,
    pub(crate) subject: &'a Subject,
}

/// Of a program that was built without those who read channels.
#[cfg(not(feature = "native"))]
mod nobody {
    use std::path::Path;

    use pyfast_environment::question::{Bringing, Had, MachineFacts};
    use pyfast_settings::Settings;
    use pyfast_settings::interpreters::FromChannels;

    use super::{Ground, Managed, NativeLock, Of};
    use crate::error::Error;
    use crate::task::Task;

    fn refused(what: FromChannels<'_>) -> Error {
        let what = what.python().map(|version| format!("the Python {version}"));
        Error::NotBuiltIn { what: what.unwrap_or_else(|| "native libraries".to_owned()) }
    }

    pub(crate) fn bring(
        _: Task<'_>,
        what: FromChannels<'_>,
        _: &Ground<'_>,
    ) -> Result<Managed, Error> {
        Err(refused(what))
    }

    pub(crate) fn locked(
        _: Task<'_>,
        what: FromChannels<'_>,
        _: Option<(&Path, &str)>,
    ) -> Result<NativeLock, Error> {
        Err(refused(what))
    }

    pub(crate) fn print(_: Task<'_>, what: FromChannels<'_>) -> Result<String, Error> {
        Err(refused(what))
    }

    pub(crate) fn python_of(_: &NativeLock) -> Option<String> {
        None
    }

    pub(crate) fn platform(_: &Settings) -> Result<String, Error> {
        Err(refused(FromChannels::Libraries))
    }

    pub(crate) fn here() -> Result<MachineFacts, Error> {
        Err(refused(FromChannels::Libraries))
    }

    pub(crate) fn bring_asked(_: Task<'_>, _: Bringing, _: &Of<'_>) -> Result<Had, Error> {
        Err(refused(FromChannels::Libraries))
    }
}

#[cfg(not(feature = "native"))]
pub(crate) use nobody::{bring, bring_asked, here, locked, platform, print, python_of};
