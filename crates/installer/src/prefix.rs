//! Prefixes: Pythons with native libraries that were brought into a root, made once and read-only from then on. Owns what
//! each says of itself, and how it is told that one was altered; must not know how packages of channels are chosen, had or
//! linked.

mod parts;

pub use parts::{Part, Parts};

use std::collections::BTreeSet;
use std::path::{Component, PathBuf};

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::{NATIVE, prefix_path};
use pyfast_root::{Dir, Durability, ProjectEnv, Root, is_generation_id};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::finding::{Fault, Finding, Subject};
use crate::generation::activate::current;
use crate::interpreter::Interpreter;
use crate::link::EnvironmentSpec;
use crate::store::{CACHE, Store};
use parts::{Walk, parts};

/// What a prefix says of itself.
const DESCRIPTION: &str = "prefix.json";
/// Everything that is in it.
const MANIFEST: &str = "manifest.json";
/// Its files that the manifest does not list.
pub(crate) const OWN: [&str; 2] = [DESCRIPTION, MANIFEST];
/// The most that either has, in bytes.
const LIMIT: u64 = 256 << 20;

/// A package of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativePackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Which of the builds of that version it is.
    pub build: String,
    /// The archive's file name.
    pub file: String,
    /// The archive's digest.
    pub sha256: Sha256,
    /// The archive's size in bytes, where the channel says it.
    pub size: Option<u64>,
    /// Its licence, in the channel's words.
    pub license: Option<String>,
    /// Where the archive is from.
    pub url: String,
    /// What it needs, in the channel's words; empty before its archive was read.
    #[serde(default)]
    pub depends: Vec<String>,
}

impl NativePackage {
    /// The channel that it is from.
    pub fn channel(&self) -> &str {
        let (folder, _file) = self.url.rsplit_once('/').unwrap_or((&self.url, ""));
        folder.rsplit_once('/').map_or(folder, |(channel, _machine)| channel)
    }

    /// The name in what is wanted of a channel: `libpq` of `libpq >=16`.
    pub fn name_in(wanted: &str) -> &str {
        wanted.split([' ', '=', '<', '>', '!', '~', '[', ';']).next().unwrap_or(wanted)
    }
}

/// A prefix in a root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prefix {
    /// Its name: a digest of what is in it.
    pub id: String,
    /// Where it is written.
    pub path: PathBuf,
    /// Its interpreter, relative to it; `None` where there are libraries alone.
    pub python: Option<PathBuf>,
    /// Its packages, sorted by name.
    pub packages: Vec<NativePackage>,
    /// What its packages need of the machine that they run on, in the channels' words.
    pub needs: Vec<String>,
    /// The names of its libraries, sorted.
    pub libraries: Vec<String>,
}

/// What a prefix says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Described {
    /// Its interpreter, relative to it; `None` where there are libraries alone.
    pub python: Option<PathBuf>,
    /// Its packages, sorted by name.
    pub packages: Vec<NativePackage>,
    /// What its packages need of the machine that they run on, in the channels' words.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The names of its libraries, sorted.
    #[serde(default)]
    pub libraries: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Description {
    #[serde(flatten)]
    described: Described,
    /// The digest of the manifest.
    manifest: Sha256,
}

impl Prefix {
    /// The prefix of this id, if it is there and says what it is.
    ///
    /// # Errors
    /// If something else is in its place.
    pub fn find(root: &Root, id: &str) -> Result<Option<Self>, Error> {
        if !is_generation_id(id) {
            return Ok(None);
        }
        let Some(directory) = root.prefix(id)? else { return Ok(None) };
        let Some(found) = description(&directory)? else { return Ok(None) };
        let Described { python, packages, needs, libraries } = found.described;
        let path = root.prefix_path(id);
        Ok(Some(Self { id: id.to_owned(), path, python, packages, needs, libraries }))
    }

    /// Its interpreter, if it has one.
    pub fn interpreter(&self) -> Option<PathBuf> {
        self.python.as_ref().map(|python| self.path.join(python))
    }
}

/// The ids of a root's prefixes; one that was condemned is none.
///
/// # Errors
/// If the directory cannot be read.
pub fn ids(root: &Root) -> Result<BTreeSet<String>, Error> {
    let Some(prefixes) = root.prefixes()? else { return Ok(BTreeSet::new()) };
    let names = prefixes.entries()?.into_iter().filter_map(|entry| entry.name.into_string().ok());
    let mut ids = BTreeSet::new();
    for id in names.filter(|name| is_generation_id(name)) {
        let Some(directory) = root.prefix(&id)? else { continue };
        if directory.facts(DESCRIPTION)?.is_some() {
            ids.insert(id);
        }
    }
    Ok(ids)
}

/// What of a prefix is not as it was made, sorted by path.
///
/// # Errors
/// If it cannot be read.
pub fn verify(root: &Root, id: &str) -> Result<Vec<Finding>, Error> {
    let finding = |path: String, fault: Fault| {
        let subject = Subject::Python { id: id.to_owned() };
        Finding { subject, path, fault }
    };
    let Some(directory) = root.prefix(id)? else {
        return Ok(vec![finding(".".to_owned(), Fault::Missing)]);
    };
    let Some(description) = description(&directory)? else {
        return Ok(vec![finding(DESCRIPTION.to_owned(), Fault::Manifest)]);
    };
    let Some(made) = made(&directory, &description)? else {
        return Ok(vec![finding(MANIFEST.to_owned(), Fault::Manifest)]);
    };
    let mut found = parts(&directory, Walk::Look)?;
    for own in OWN {
        found.remove(own);
    }
    let mut findings = Vec::new();
    for (path, part) in made {
        match found.remove(&path) {
            Some(same) if same == part => {}
            Some(_) => findings.push(finding(path, Fault::Altered)),
            None => findings.push(finding(path, Fault::Missing)),
        }
    }
    // Bytecode that root's Python keeps beside modules is nobody's concern, as in environments.
    let strays = found.into_keys().filter(|path| !path.contains(&format!("/{CACHE}/")));
    findings.extend(strays.map(|path| finding(path, Fault::Extra)));
    findings.sort_unstable();
    Ok(findings)
}

/// What a prefix was made of; `None` where its manifest is not what was written.
fn made(directory: &Dir, description: &Description) -> Result<Option<Parts>, Error> {
    let text = directory.read(MANIFEST, LIMIT)?.unwrap_or_default();
    let made: Option<Parts> = serde_json::from_slice(&text).ok();
    Ok(made.filter(|_| description.manifest == Sha256::of(&text)))
}

/// What a prefix was made of, which must be there.
pub(crate) fn listed(root: &Root, id: &str) -> Result<Parts, Error> {
    let damaged = || Error::Damaged {
        path: root.prefix_path(id).join(MANIFEST),
        reason: "it is not what was written".to_owned(),
    };
    let directory = root.prefix(id)?.ok_or_else(damaged)?;
    let description = description(&directory)?.ok_or_else(damaged)?;
    made(&directory, &description)?.ok_or_else(damaged)
}

/// What is wrong with the prefixes of an environment that are gone, or were condemned. Hashes nothing.
///
/// # Errors
/// If they cannot be read.
pub fn unsound(root: &Root, spec: &EnvironmentSpec) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    for id in ids_of(root, spec) {
        if Prefix::find(root, &id)?.is_none() {
            findings.extend(verify(root, &id)?);
        }
    }
    Ok(findings)
}

/// Makes what is in a directory read-only, and says what it is.
///
/// # Errors
/// If the disk refuses, or something is neither a file nor a link.
pub fn seal(directory: &Dir) -> Result<Parts, Error> {
    parts(directory, Walk::Seal)
}

/// Writes into a sealed directory what makes it a prefix.
///
/// # Errors
/// If the disk refuses.
pub fn describe(directory: &Dir, parts: &Parts, described: Described) -> Result<(), Error> {
    let written = |name: &str, error: serde_json::Error| Error::Damaged {
        path: directory.path().join(name),
        reason: format!("it cannot be written as JSON: {error}"),
    };
    let text = serde_json::to_vec(parts).map_err(|error| written(MANIFEST, error))?;
    directory.write_new(MANIFEST, &text, 0o444)?;
    let description = Description { described, manifest: Sha256::of(&text) };
    let text = serde_json::to_vec(&description).map_err(|error| written(DESCRIPTION, error))?;
    directory.write_new(DESCRIPTION, &text, 0o444)?;
    Ok(())
}

/// What a prefix says of itself; one that cannot be read makes none, so that the next sync makes it anew.
fn description(directory: &Dir) -> Result<Option<Description>, Error> {
    let text = directory.read(DESCRIPTION, LIMIT)?;
    Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
}

/// Takes from what was found to be damaged what makes it a prefix, so that the next sync makes it anew; how many that are.
/// Whoever has the store keeps others from it.
///
/// # Errors
/// If the disk refuses.
pub fn condemn(store: &Store, findings: &[Finding]) -> Result<usize, Error> {
    let ids = findings.iter().filter_map(|finding| match &finding.subject {
        Subject::Python { id } => Some(id),
        _ => None,
    });
    let ids: BTreeSet<&String> = ids.collect();
    let mut count = 0;
    for id in ids {
        let Some(directory) = store.root().prefix(id)? else { continue };
        directory.set_mode(0o755)?;
        count += usize::from(directory.remove_file(DESCRIPTION)?);
    }
    Ok(count)
}

/// The prefix that an interpreter lies in.
pub fn id_of(root: &Root, interpreter: &Interpreter) -> Option<String> {
    let inside = interpreter.executable.strip_prefix(prefix_path(root.seen(), "")).ok()?;
    match inside.components().next()? {
        Component::Normal(id) => Some(id.to_str()?.to_owned()),
        _ => None,
    }
}

/// The prefixes that an environment runs in, or has libraries in.
pub fn ids_of(root: &Root, spec: &EnvironmentSpec) -> Vec<String> {
    let libraries = spec.options.native.as_ref().map(|native| native.prefix.clone());
    id_of(root, &spec.interpreter).into_iter().chain(libraries).collect()
}

/// What was brought for an environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Brought {
    /// What was asked for, in the words of whoever chose.
    pub request: String,
    /// The prefix.
    pub id: String,
    /// The channels that it came from, as they were given.
    pub channels: Vec<String>,
    /// What was chosen.
    pub packages: Vec<NativePackage>,
    /// Whether a channel's own list gave them together.
    #[serde(default)]
    pub whole: bool,
    /// The image for whose containers it was found to suit; `None` on this machine.
    #[serde(default)]
    pub image: Option<String>,
}

impl Brought {
    /// What an environment has; `None` where nothing was brought for it, or nobody can read what.
    ///
    /// # Errors
    /// If the root cannot be read.
    pub fn of(root: &Root, name: &ProjectEnv) -> Result<Option<Self>, Error> {
        let Some(directory) = root.project_env(name)? else { return Ok(None) };
        let text = directory.read(NATIVE, LIMIT)?;
        let found: Option<Self> = text.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(found.filter(|found| is_generation_id(&found.id)))
    }

    /// Whether an environment was made anew since, without it: who asks for the same again takes what was chosen, and
    /// meanwhile nothing is on it.
    ///
    /// # Errors
    /// If the root cannot be read.
    pub fn is_left(&self, root: &Root, name: &ProjectEnv) -> Result<bool, Error> {
        let Some(directory) = root.project_env(name)? else { return Ok(false) };
        let kept = directory.facts(NATIVE)?.map(|facts| facts.modified_ns);
        let last = root.history(name)?.last().map(|last| i128::from(last.at) * 1_000_000);
        // What is not there yet was brought for a sync that did not come to its end.
        if last.is_none() || kept >= last {
            return Ok(false);
        }
        let spec = current(root, name)?.and_then(|current| current.spec(root).ok());
        Ok(spec.is_some_and(|spec| !ids_of(root, &spec).contains(&self.id)))
    }

    /// Says in an environment's directory that it has it.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn keep(&self, directory: &Dir) -> Result<(), Error> {
        let text = serde_json::to_string(self).map_err(|error| Error::Damaged {
            path: directory.path().join(NATIVE),
            reason: format!("it cannot be written as JSON: {error}"),
        })?;
        Ok(directory.replace(NATIVE, text.as_bytes(), 0o644, Durability::Synced)?)
    }
}
