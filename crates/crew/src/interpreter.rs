//! The environment that a command is about: its interpreter, and which of this machine stands in for it.

use std::path::PathBuf;

use pyfast_installer::interpreter::Interpreter;

use crate::error::Error;
use pyfast_settings::{Python, Root, Settings, interpreters};

/// The interpreter that the environment is for, asked or remembered.
///
/// # Errors
/// If there is none, or it does not say what it is.
pub fn interpreter(settings: &Settings) -> Result<Interpreter, Error> {
    match &settings.python {
        // One of containers is found by way of their image.
        Python::Managed(_) if let Root::Volume(volume) = &settings.root => {
            Err(Error::NoImage { volume: volume.clone(), why: settings.no_image.clone() })
        }
        Python::Host(_) | Python::Managed(_) => {
            let found = interpreters::own(settings)?;
            Ok(interpreters::probe(&found, &settings.cache_directory()?)?)
        }
        Python::Image(image) => crate::engine::interpreter(image, settings),
    }
}

/// The interpreter of this machine whose pip's default index counts: the environment's own, or, for
/// one inside an image, whatever this machine has.
pub fn host_python(settings: &Settings, own: Option<&Interpreter>) -> Option<PathBuf> {
    if let (Python::Host(_), Some(own)) = (&settings.python, own) {
        return Some(own.executable.clone());
    }
    let found = interpreters::find(None, settings).ok();
    let cache = settings.cache_directory().ok();
    let host = found.zip(cache).and_then(|(found, cache)| interpreters::probe(&found, &cache).ok());
    // One that was brought may be the only one.
    let own = own.filter(|_| settings.python.is_here());
    Some(host.as_ref().or(own)?.executable.clone())
}

/// An interpreter of this machine that writes the bytecode that `target` reads.
pub fn compiling_python(settings: &Settings, target: &Interpreter) -> Option<Interpreter> {
    if settings.python.is_here() {
        return Some(target.clone());
    }
    let found = interpreters::find(Some(&target.short_version()), settings).ok()?;
    let host = interpreters::probe(&found, &settings.cache_directory().ok()?).ok()?;
    (host.magic == target.magic && host.cache_tag == target.cache_tag).then_some(host)
}
