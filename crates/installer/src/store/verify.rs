//! Compares stored wheels with their manifests, byte by byte. Finds what hands, disks and other programs
//! did; heals by removing the wheel, so that the next sync fetches it again.

use std::fmt;
use std::io::Read as _;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Kind, Root, wheel_place};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::error::Error;
use crate::generation::Generation;
use crate::store::manifest::{FILE, Manifest, StoredFile};
use crate::store::{self, Store};

/// What is wrong with a file of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fault {
    /// Its content, kind or permission to be executed is not the wheel's.
    Altered,
    /// It is not there.
    Missing,
    /// It is not the wheel's.
    Extra,
    /// The wheel's manifest cannot be read.
    Manifest,
}

/// A fault that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The wheel's digest.
    pub wheel: Sha256,
    /// The project and version; the wheel's place below the root where nothing tells them.
    pub package: String,
    /// The file, relative to the wheel's directory in the store.
    pub path: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Altered => "was altered",
            Fault::Missing => "is missing",
            Fault::Extra => "does not belong to it",
            Fault::Manifest => "cannot be read",
        };
        if self.package == unknown(&self.wheel) {
            return write!(f, "{}/{} {fault}", self.package, self.path);
        }
        write!(f, "{}: {} {fault}", self.package, self.path)
    }
}

/// Re-hashes these wheels; findings are sorted by wheel and path. A wheel that is not in the store at all has no
/// findings: it is simply missing.
///
/// # Errors
/// If a directory cannot be read.
pub fn verify(root: &Root, wheels: &[Sha256]) -> Result<Vec<Finding>, Error> {
    let found: Vec<Vec<Finding>> =
        wheels.par_iter().map(|wheel| verify_wheel(root, wheel)).collect::<Result<_, _>>()?;
    let mut found: Vec<Finding> = found.into_iter().flatten().collect();
    found.sort_unstable_by(|one, other| (one.wheel, &one.path).cmp(&(other.wheel, &other.path)));
    Ok(found)
}

/// Re-hashes every wheel of the store.
///
/// # Errors
/// As [`verify()`].
pub fn verify_store(root: &Root) -> Result<Vec<Finding>, Error> {
    verify(root, &store::wheels(root)?)
}

/// Re-hashes every wheel that a generation uses.
///
/// # Errors
/// As [`verify()`], and if the generation's description is damaged.
pub fn verify_generation(root: &Root, generation: &Generation) -> Result<Vec<Finding>, Error> {
    let spec = generation.spec(root)?;
    let wheels: Vec<Sha256> = spec.packages.iter().map(|package| package.sha256).collect();
    let mut findings = verify(root, &wheels)?;
    // Where a manifest does not tell whose it is, the environment does.
    for finding in findings.iter_mut().filter(|one| one.package == unknown(&one.wheel)) {
        let known = spec.packages.iter().find(|package| package.sha256 == finding.wheel);
        finding.package.clone_from(
            &known.map_or_else(String::new, |known| format!("{} {}", known.name, known.version)),
        );
    }
    Ok(findings)
}

/// What stands for the package of a wheel whose manifest does not tell it.
fn unknown(wheel: &Sha256) -> String {
    wheel_place(&wheel.to_string())
}

/// Removes the wheels that have findings, and returns them: they are to be fetched and compiled again.
/// What a generation has as links is healed with the store; hard links and copies keep the old content until
/// the generation is removed and composed again.
///
/// # Errors
/// If a wheel cannot be removed.
pub fn repair(store: &Store, findings: &[Finding]) -> Result<Vec<Sha256>, Error> {
    let mut wheels: Vec<Sha256> = findings.iter().map(|finding| finding.wheel).collect();
    wheels.sort_unstable();
    wheels.dedup();
    wheels.iter().try_for_each(|wheel| store.remove(wheel))?;
    Ok(wheels)
}

fn verify_wheel(root: &Root, wheel: &Sha256) -> Result<Vec<Finding>, Error> {
    let finding = |path: &str, fault| {
        let (package, path) = (unknown(wheel), path.to_owned());
        vec![Finding { wheel: *wheel, package, path, fault }]
    };
    let directory = match root.wheel(&wheel.to_string()) {
        Ok(Some(directory)) => directory,
        Ok(None) => return Ok(Vec::new()),
        Err(pyfast_root::Error::Kind { .. }) => return Ok(finding(".", Fault::Altered)),
        Err(error) => return Err(error.into()),
    };
    let Ok((manifest, files)) = Manifest::read(&directory) else {
        return Ok(finding(FILE, Fault::Manifest));
    };
    let mut found = Vec::new();
    let package = format!("{} {}", manifest.name, manifest.version);
    let mut find = |path: &str, fault| {
        let (package, path) = (package.clone(), path.to_owned());
        found.push(Finding { wheel: *wheel, package, path, fault });
    };
    let known: FxHashMap<&str, &StoredFile> =
        files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut present: Vec<String> = Vec::new();
    for tree in ["root", "data"] {
        match directory.find_dir(tree) {
            Ok(Some(top)) => list(&top, tree, &mut present)?,
            // What was in it is found missing.
            Ok(None) => {}
            Err(_) => present.push(tree.to_owned()),
        }
    }
    for path in &present {
        if !known.contains_key(path.as_str()) && !is_bytecode(path, &known) {
            find(path, Fault::Extra);
        }
    }
    let checked: Vec<(&str, Option<Fault>)> = files
        .par_iter()
        .map(|file| Ok((file.path.as_str(), check(&directory, file)?)))
        .collect::<Result<_, Error>>()?;
    for (path, fault) in checked {
        if let Some(fault) = fault {
            find(path, fault);
        }
    }
    // A collection may have taken it meanwhile.
    let gone = !found.is_empty() && !root.has_wheel(&wheel.to_string());
    Ok(if gone { Vec::new() } else { found })
}

/// Whether it is the bytecode of one of the wheel's modules.
fn is_bytecode(path: &str, known: &FxHashMap<&str, &StoredFile>) -> bool {
    let Some((parent, name)) = path.rsplit_once('/') else { return false };
    let Some(parent) = parent.strip_suffix("__pycache__") else { return false };
    let stem = name.strip_suffix(".pyc").and_then(|name| name.rsplit_once('.'));
    stem.is_some_and(|(stem, _)| known.contains_key(format!("{parent}{stem}.py").as_str()))
}

/// Everything below a directory that is no directory itself.
fn list(directory: &Dir, inside: &str, found: &mut Vec<String>) -> Result<(), Error> {
    for entry in directory.entries()? {
        let name = format!("{inside}/{}", entry.name.to_string_lossy());
        match entry.kind {
            Kind::Directory => list(&directory.dir(&entry.name)?, &name, found)?,
            _ => found.push(name),
        }
    }
    Ok(())
}

fn check(wheel: &Dir, expected: &StoredFile) -> Result<Option<Fault>, Error> {
    let (mut file, facts) = match wheel.open(&expected.path) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Some(Fault::Missing)),
        Err(pyfast_root::Error::Kind { .. }) => return Ok(Some(Fault::Altered)),
        Err(error) => return Err(error.into()),
    };
    let executable = facts.mode & 0o111 != 0;
    if facts.size != expected.size || executable != expected.executable {
        return Ok(Some(Fault::Altered));
    }
    let mut digest = sha2::Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let failed = |error| Error::io("read", &wheel.path().join(&expected.path))(error);
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        digest.update(&buffer[..count]);
    }
    let found = Sha256(digest.finalize().into());
    Ok((found != expected.sha256).then_some(Fault::Altered))
}

#[cfg(test)]
mod tests;
