//! The environment that a command is about: its place, its interpreter, and how both are shown.

use std::path::PathBuf;

use pyfast_installer::Interpreter;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::safe_url::redact;
use pyfast_resolver::Lock;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::interpreters;
use crate::settings::{Python, Settings};

/// The interpreter that the environment is for, asked or remembered.
pub(crate) fn interpreter(settings: &Settings) -> Result<Interpreter, Failure> {
    match &settings.python {
        Python::Host(request) => {
            let found = interpreters::find(request.as_deref(), settings)?;
            interpreters::probe(&found, &settings.cache_directory()?)
        }
        Python::Image(image) => crate::image::interpreter(image, settings),
    }
}

/// The interpreter of this machine whose pip's default index counts: the environment's own, or, for
/// one inside an image, whatever this machine has.
pub(crate) fn host_python(settings: &Settings, own: Option<&Interpreter>) -> Option<PathBuf> {
    if let (Python::Host(_), Some(own)) = (&settings.python, own) {
        return Some(own.executable.clone());
    }
    let found = interpreters::find(None, settings).ok()?;
    let host = interpreters::probe(&found, &settings.cache_directory().ok()?).ok()?;
    Some(host.executable)
}

/// An interpreter of this machine that writes the bytecode that `target` reads.
pub(crate) fn compiling_python(settings: &Settings, target: &Interpreter) -> Option<Interpreter> {
    if matches!(settings.python, Python::Host(_)) {
        return Some(target.clone());
    }
    let found = interpreters::find(Some(&target.short_version()), settings).ok()?;
    let host = interpreters::probe(&found, &settings.cache_directory().ok()?).ok()?;
    (host.magic == target.magic && host.cache_tag == target.cache_tag).then_some(host)
}

/// The packages of a lock as `--json` shows them.
pub(crate) fn packages_json(lock: &Lock) -> Value {
    let packages = lock.packages.iter().map(|package| {
        let source = match &package.location {
            Location::Url(url) => redact(url.as_str()),
            Location::Path(path) => path.display().to_string(),
        };
        let editable = package.tree.as_ref().is_some_and(|tree| tree.editable);
        let mut object = json!({
            "name": package.name.to_string(),
            "version": package.version.to_string(),
            "source": source,
        });
        if editable {
            object["editable"] = json!(true);
        }
        object
    });
    packages.collect()
}
