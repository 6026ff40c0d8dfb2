//! A source that this program builds in a container for foreign code, for another process of it: who asks believes nothing of
//! what comes out.

use std::path::Path;

use pyfast_installer::Error as InstallError;
use pyfast_installer::build::Handed;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::source_dist::SourceDist;
use pyfast_settings::{ResolveFlags, Root, Settings};

use super::{BuildPlace, SourceAnswer};
use crate::error::Error;
use crate::event::Events;
use crate::interpreter::{host_python, interpreter};
use crate::session::Session;

/// A source that is to be built.
#[derive(Debug, Clone, Copy)]
pub struct Alone<'a> {
    /// The file that says which, as JSON.
    pub source: &'a Path,
    /// Where the wheel is left.
    pub out: &'a Path,
    /// Whether the wheel is wanted, also where the metadata can be had without.
    pub whole: bool,
}

/// Builds it.
///
/// # Errors
/// If the source cannot be read or nothing could build it; a build that fails is an answer.
pub fn build_alone(
    what: Alone<'_>,
    flags: &ResolveFlags,
    settings: &Settings,
    events: &Events,
) -> Result<SourceAnswer, Error> {
    let source = read(what.source)?;
    let Root::Directory(root) = &settings.root else { return Err(Error::BuildsInVolume) };
    let python = interpreter(settings)?;
    let host = host_python(settings, Some(&python));
    let (set, cache) = (RequirementSet::default(), settings.cache_directory()?);
    let mut session = Session::new(settings, &set, host.as_deref(), cache, events)?;
    let (store, yard) = (root.clone(), root.clone());
    session.build_in(BuildPlace { store, yard, interpreter: &python }, flags, settings, events)?;
    let builder = session.build.as_ref().ok_or(Error::NoBuilder)?;
    match builder.hand_over(&source, what.whole, what.out) {
        Ok(Handed::Metadata(text)) => Ok(SourceAnswer::Metadata(text)),
        Ok(Handed::Wheel(filename)) => Ok(SourceAnswer::Wheel(filename.to_string())),
        Err(InstallError::Build(failure)) => Ok(SourceAnswer::Failure(failure)),
        Err(error) => Err(error.into()),
    }
}

fn read(path: &Path) -> Result<SourceDist, Error> {
    let text = fs_err::read_to_string(path);
    let text = text.map_err(|error| Error::ReadSource { reason: error.to_string() })?;
    serde_json::from_str(&text).map_err(|error| Error::ReadSource { reason: error.to_string() })
}
