//! Which native libraries a system has that Python runs in: an image's, or this machine's. Asked once for each and kept below
//! the user's cache directory. Must not know what is made of it.

use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use pyfast_checker::native::{Image, LISTING};
use pyfast_installer::link::Native;
use pyfast_installer::prefix::Prefix;
use pyfast_launcher::volume::{INTERPRETERS, ProbeRequest, probe};
use pyfast_packaging::hash::Sha256;
use pyfast_settings::interpreters::Found;
use pyfast_settings::{Settings, kept};

use crate::engine::Connection;
use crate::error::Error;

/// How long the interpreter of an image may take to list its libraries.
const DEADLINE: Duration = Duration::from_mins(1);
/// The folder in the cache.
const KEPT: &str = "libraries";
/// What the loader of this machine looks libraries up in; written whenever a package brings one.
const OF_LOADER: &str = "/etc/ld.so.cache";

/// A system that answered.
#[derive(Debug)]
pub struct Known {
    /// What the answer depends on.
    pub key: String,
    /// What it has.
    pub libraries: Image,
}

/// Those of an image.
///
/// # Errors
/// If there is no such image, or it does not answer.
pub fn of_image(name: &str, connection: &Connection, settings: &Settings) -> Result<Known, Error> {
    let id = connection.image_id(name)?;
    known(&id, settings, || {
        let (candidates, deadline) = (&INTERPRETERS, DEADLINE);
        let request =
            ProbeRequest { image: &id, script: LISTING, candidates, deadline, volume: None };
        let answer = connection.wait(probe(&connection.engine, &request))?;
        read(&answer.stdout, name)
    })
}

/// Those of this machine, as one of its interpreters finds them.
pub(crate) fn of_here(found: &Found, settings: &Settings) -> Result<Known, Error> {
    let facts = fs_err::metadata(OF_LOADER).and_then(|facts| facts.modified()).ok();
    let changed = facts.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    known(&format!("{} {}", found.identity, changed.as_nanos()), settings, || {
        let mut python = Command::new(&found.path);
        python.args(["-I", "-S", "-c", LISTING]).stdin(Stdio::null());
        // It is about what is found without.
        python.env_remove("LD_LIBRARY_PATH").env_remove("LD_PRELOAD");
        let what = found.path.display().to_string();
        let answer = python.output().map_err(|error| wrong(&what, error.to_string()))?;
        read(&answer.stdout, &what)
    })
}

/// What an environment of a system has to have looked for in a prefix.
pub(crate) fn lacking(prefix: &Prefix, system: &Known) -> Native {
    let names = prefix.libraries.iter().filter(|name| !system.libraries.has(name));
    Native { prefix: prefix.id.clone(), libraries: names.cloned().collect() }
}

fn known(
    of: &str,
    settings: &Settings,
    ask: impl FnOnce() -> Result<Image, Error>,
) -> Result<Known, Error> {
    let key = Sha256::of(format!("{of}|{LISTING}").as_bytes()).to_string();
    let file = settings.cache_directory()?.join(KEPT).join(format!("{}.json", &key[..24]));
    if let Some(libraries) = kept::read::<Image>(&file) {
        return Ok(Known { key, libraries });
    }
    let libraries = ask()?;
    // What cannot be kept is asked again.
    let _ = kept::write(&file, &libraries);
    Ok(Known { key, libraries })
}

fn read(answer: &[u8], what: &str) -> Result<Image, Error> {
    Image::from_answer(answer).map_err(|error| wrong(what, error.to_string()))
}

fn wrong(what: &str, reason: String) -> Error {
    Error::Libraries { what: what.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_is_told_with_who_gave_it() {
        let error = read(b"no list", "slim").expect_err("it is none").to_string();
        assert!(error.contains("slim") && error.contains("no list of libraries"), "{error}");
    }
}
