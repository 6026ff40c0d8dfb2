//! Finding an interpreter on this machine, and remembering what it said of itself.

pub mod channels;
mod managed;
mod wanted;

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use pyfast_index::cache::Cache;
use pyfast_installer::interpreter::Interpreter;
use pyfast_launcher::programs::find_program;
use pyfast_packaging::VersionSpecifiers;
use pyfast_packaging::hash::Sha256;
use pyfast_root::regular_file;

use crate::error::Error;
use crate::settings::{Python, Settings, pinned_by};
use crate::variables::Variables;

pub use managed::{FromChannels, brought};
pub(crate) use wanted::{Pinned, is_range, pinned};

/// An interpreter that was found, before it is asked anything.
#[derive(Debug, Clone)]
pub struct Found {
    /// The file to run.
    pub path: PathBuf,
    /// Why it is this one.
    pub why: String,
    /// Changes when the interpreter does: path, size, time, and what a shim would consult.
    pub identity: String,
}

/// The interpreter of this machine that the environment is for. One that is brought is there once a sync has brought it;
/// for one inside an image it is whatever this machine has.
///
/// # Errors
/// If there is none.
pub fn own(settings: &Settings) -> Result<Found, Error> {
    match &settings.python {
        Python::Host(request) => find(request.as_deref(), settings),
        Python::Managed(version) => managed::find(version, settings),
        Python::Image(_) => find(None, settings),
    }
}

/// Finds the interpreter that `request` (a path, a version, a range of them or a name) means; without one, the first of
/// `VIRTUAL_ENV` and `PATH` that the project is for.
///
/// # Errors
/// If there is none.
pub fn find(request: Option<&str>, settings: &Settings) -> Result<Found, Error> {
    let Some(wanted) = request else { return usual(settings) };
    let path = match meant(wanted, settings)? {
        Some(path) => Some(path),
        None => of_others(wanted, settings)?,
    };
    let path = path.ok_or_else(|| missing(request, settings))?;
    identify(path, settings.python_from.clone(), settings)
}

/// The interpreter that one request means.
fn meant(request: &str, settings: &Settings) -> Result<Option<PathBuf>, Error> {
    if !is_range(request) {
        let is_version = is_version(request);
        return Ok(if is_version { version(request, settings) } else { named(request, settings) });
    }
    let limit = request.parse();
    let limit = limit.map_err(|_invalid| Error::PythonRange { text: request.to_owned() })?;
    Ok(of_range(&limit, settings).map(|found| found.path))
}

/// The first interpreter that there is of the further ones which the file that asks for this one names.
fn of_others(request: &str, settings: &Settings) -> Result<Option<PathBuf>, Error> {
    let directory = &settings.project.directory;
    let Some(Pinned { requests, file }) = pinned(directory)? else { return Ok(None) };
    let is_of_file = settings.python == Python::Host(Some(request.to_owned()))
        && settings.python_from == pinned_by(&file, directory)
        && requests.first().is_some_and(|first| first == request);
    if !is_of_file {
        return Ok(None);
    }
    for other in &requests[1..] {
        if let Some(path) = meant(other, settings)? {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// The one that is taken where none is asked for.
fn usual(settings: &Settings) -> Result<Found, Error> {
    let (path, why) = first(&settings.variables).ok_or_else(|| missing(None, settings))?;
    let found = identify(path, why.to_owned(), settings)?;
    let Some(limit) = wanted::required(&settings.project.directory) else { return Ok(found) };
    if fits(&found, &limit, settings) {
        return Ok(found);
    }
    // Where there is no other, the one that is there is refused with the line.
    Ok(of_range(&limit, settings).unwrap_or(found))
}

/// The first interpreter that a range allows: the usual one, else the newest.
fn of_range(limit: &VersionSpecifiers, settings: &Settings) -> Option<Found> {
    let variables = &settings.variables;
    let usual = first(variables).map(|(path, _)| path);
    let newest = (8..=30).rev().filter_map(|minor| version(&format!("3.{minor}"), settings));
    let mut candidates = usual
        .into_iter()
        .chain(newest)
        .map(|path| identify(path, format!("the first for Python {limit}"), settings).ok());
    candidates.find_map(|found| found.filter(|found| fits(found, limit, settings)))
}

/// Whether an interpreter is of such a version; one that cannot be asked is of none.
fn fits(found: &Found, limit: &VersionSpecifiers, settings: &Settings) -> bool {
    let cache = settings.cache_directory();
    let asked = cache.and_then(|cache| probe(found, &cache));
    asked.is_ok_and(|python| limit.contains(python.version()))
}

pub(crate) fn is_version(request: &str) -> bool {
    let parts: Vec<&str> = request.split('.').collect();
    parts.len() <= 3
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn missing(request: Option<&str>, settings: &Settings) -> Error {
    let is_version = request.is_some_and(|request| is_version(request) || is_range(request));
    let asked =
        matches!(&settings.python, Python::Host(Some(own)) if Some(own.as_str()) == request);
    let by = asked.then(|| settings.python_from.clone());
    Error::NoInterpreter { request: request.map(str::to_owned), is_version, by }
}

fn first(variables: &Variables) -> Option<(PathBuf, &'static str)> {
    let active = variables.get("VIRTUAL_ENV").map(Path::new).and_then(of_environment);
    let on_path = || ["python3", "python"].iter().find_map(|name| on_path(name, variables));
    let active = active.map(|path| (path, "of VIRTUAL_ENV"));
    active.or_else(|| Some((on_path()?, "the first in PATH")))
}

/// The interpreter of an environment. Of one that pyfast made it is the one that it was made for, by the name that it
/// was found by: in an activated shell a sync finds what it finds in others.
fn of_environment(prefix: &Path) -> Option<PathBuf> {
    let python = Some(prefix.join("bin/python")).filter(|python| python.exists())?;
    let config = regular_file::read_text(&prefix.join("pyvenv.cfg")).unwrap_or_default();
    let own = config.lines().any(|line| line.starts_with("pyfast = "));
    let base = fs_err::read_link(&python).ok().filter(|base| own && base.is_absolute());
    Some(base.unwrap_or(python))
}

fn named(request: &str, settings: &Settings) -> Option<PathBuf> {
    if request.contains('/') {
        let path = settings.project.working_directory.join(request);
        // The directory of an environment stands for its interpreter.
        return of_environment(&path).or_else(|| path.is_file().then_some(path));
    }
    let own = || pyenv_versions(&settings.variables).map(|versions| versions.join(request));
    on_path(request, &settings.variables).or_else(|| of_environment(&own()?))
}

/// Where pyenv keeps interpreters and environments, by their names.
fn pyenv_versions(variables: &Variables) -> Option<PathBuf> {
    let root = variables.get("PYENV_ROOT").map(PathBuf::from);
    Some(root.or_else(|| Some(variables.home()?.join(".pyenv")))?.join("versions"))
}

fn version(request: &str, settings: &Settings) -> Option<PathBuf> {
    let variables = &settings.variables;
    let short: Vec<&str> = request.split('.').take(2).collect();
    let managed = || -> Option<PathBuf> {
        let entries = fs_err::read_dir(pyenv_versions(variables)?).ok()?;
        let mut versions: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        versions.retain(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.strip_prefix(request).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        versions.sort_by_key(|path| numbers(path));
        versions.into_iter().map(|path| path.join("bin/python3")).rfind(|path| path.exists())
    };
    let name = format!("python{}", short.join("."));
    let real = || on_path(&name, variables).filter(|path| !is_shim(path));
    if request.matches('.').count() < 2 {
        return real().or_else(managed);
    }
    // Such a name says nothing of the patch level.
    managed().or_else(|| {
        let exact = format!("=={request}").parse().ok()?;
        let found = identify(real()?, String::new(), settings).ok()?;
        fits(&found, &exact, settings).then_some(found.path)
    })
}

fn numbers(path: &Path) -> Vec<u32> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// A program of the search path.
pub fn on_path(name: &str, variables: &Variables) -> Option<PathBuf> {
    find_program(variables.get("PATH")?.as_ref(), name)
}

/// Whether a file is a script that chooses the interpreter itself, as pyenv's are.
fn is_shim(path: &Path) -> bool {
    path.parent().is_some_and(|directory| directory.ends_with("shims"))
}

fn identify(path: PathBuf, why: String, settings: &Settings) -> Result<Found, Error> {
    let real = fs_err::canonicalize(&path);
    let metadata = real.and_then(|real| Ok((fs_err::metadata(&real)?, real)));
    let (metadata, real) = metadata.map_err(Error::Interpreter)?;
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = modified.unwrap_or_default().as_nanos();
    let mut identity =
        format!("{}|{}|{}|{nanoseconds}", path.display(), real.display(), metadata.len());
    if is_shim(&path) {
        identity.push_str(&shim_context(settings));
    }
    Ok(Found { path, why, identity })
}

/// What pyenv's shims look at to choose a version.
fn shim_context(settings: &Settings) -> String {
    let variables = &settings.variables;
    let mut context = format!("|{}", variables.get("PYENV_VERSION").unwrap_or_default());
    let directory = &settings.project.working_directory;
    let local = directory
        .ancestors()
        .find_map(|directory| regular_file::read_text(&directory.join(".python-version")).ok());
    let home = variables.home().map(|home| home.join(".pyenv"));
    let global = variables.get("PYENV_ROOT").map(PathBuf::from).or(home);
    let global = global.and_then(|root| regular_file::read_text(&root.join("version")).ok());
    context.push_str(local.or(global).unwrap_or_default().trim());
    context
}

/// What an interpreter says of itself, asked once and remembered by its identity.
///
/// # Errors
/// If it does not run, or says nothing that is understood.
pub fn probe(found: &Found, cache: &Path) -> Result<Interpreter, Error> {
    remembered(&found.identity, cache, || Ok(Interpreter::probe(&found.path)?))
}

/// The folder of what interpreters said, in the user's cache.
const MEMORY: &str = "interpreters-1";

/// An interpreter by a key that changes when it does.
///
/// # Errors
/// What asking fails with.
pub fn remembered<E>(
    key: &str,
    cache: &Path,
    ask: impl FnOnce() -> Result<Interpreter, E>,
) -> Result<Interpreter, E> {
    let named = format!("{key}|{}", pyfast_installer::interpreter::PROBE);
    let name = Sha256::of(named.as_bytes()).to_string()[..24].to_owned();
    let cache = Cache::new(Some(cache.to_owned()));
    if let Some(text) = cache.recall(MEMORY, &name)
        && let Ok(interpreter) = Interpreter::from_json(&String::from_utf8_lossy(&text))
    {
        return Ok(interpreter);
    }
    let interpreter = ask()?;
    // One that cannot be remembered is asked again next time.
    if let Ok(text) = serde_json::to_string(&interpreter) {
        cache.remember(MEMORY, &name, text.as_bytes());
    }
    Ok(interpreter)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_memory_is_not_written_through_planted_links_nor_waited_for() {
        let cache = tempfile::tempdir().unwrap();
        let (victim, folder) = (cache.path().join("victim"), cache.path().join("interpreters-1"));
        fs_err::write(&victim, "kept").unwrap();
        fs_err::create_dir(&folder).unwrap();
        let python = Path::new("/usr/bin/python3");
        let ask = || Interpreter::probe(python);
        remembered("key", cache.path(), ask).expect("there is an interpreter");
        let entries = || fs_err::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let memory = entries().next().expect("it is remembered");
        fs_err::remove_file(&memory).unwrap();
        symlink(&victim, memory.with_extension(std::process::id().to_string())).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &memory, 0o600.into()).unwrap();
        remembered("key", cache.path(), ask).expect("there is an interpreter");
        assert_eq!(fs_err::read_to_string(&victim).unwrap(), "kept");
        assert!(fs_err::metadata(&memory).unwrap().is_file());
    }
}
