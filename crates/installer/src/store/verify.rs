//! Compares stored wheels with their manifests, and their bytecode with what was written down when it came, byte by byte.
//! Finds what hands, disks and other programs did; a damaged wheel is marked, so that whoever syncs next puts another in its place.

use std::io::Read as _;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Durability, Kind, Root, is_unfinished};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sha2::Digest as _;

use super::manifest::{FILE, Manifest, StoredFile};
use super::{CACHE, DAMAGED, Store, wheels};
use crate::bytecode::Lists;
use crate::error::Error;
use crate::finding::{Fault, Finding, Subject};

/// Bytes that are read at once.
const BUFFER: u64 = 256 << 10;

/// Whether contents are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Names, kinds and sizes.
    Facts,
    /// Every byte.
    Content,
}

/// Re-hashes these wheels; findings are sorted. A wheel that is not in the store is one.
///
/// # Errors
/// If a directory cannot be read.
pub fn verify(root: &Root, wheels: &[Sha256]) -> Result<Vec<Finding>, Error> {
    check(root, wheels, Depth::Content)
}

/// Re-hashes every wheel of the store.
///
/// # Errors
/// As [`verify()`].
pub(crate) fn verify_store(root: &Root) -> Result<Vec<Finding>, Error> {
    let mut findings = verify(root, &wheels(root)?)?;
    // A collection may have taken it meanwhile.
    findings.retain(|finding| finding.wheel().is_none_or(|wheel| has(root, &wheel)));
    Ok(findings)
}

/// Looks at these wheels as deep as that.
pub(crate) fn check(root: &Root, wheels: &[Sha256], depth: Depth) -> Result<Vec<Finding>, Error> {
    let found = wheels.par_iter().map(|wheel| check_wheel(root, wheel, depth));
    let mut found: Vec<Finding> = found.collect::<Result<Vec<_>, _>>()?.concat();
    found.sort_unstable();
    Ok(found)
}

/// Marks the wheels that have findings, and returns them: they count as missing from now on, so that the next
/// sync that needs one fetches it and puts it in the place of the damaged one. Until then environments keep
/// what there is of it.
///
/// # Errors
/// If the mark cannot be written.
pub fn repair(store: &Store, findings: &[Finding]) -> Result<Vec<Sha256>, Error> {
    let mut wheels: Vec<Sha256> = findings.iter().filter_map(Finding::wheel).collect();
    wheels.sort_unstable();
    wheels.dedup();
    wheels.iter().try_for_each(|wheel| store.condemn(wheel))?;
    Ok(wheels)
}

impl Store {
    /// Marks a wheel as damaged. What has its name and is no directory goes at once.
    pub(crate) fn condemn(&self, wheel: &Sha256) -> Result<(), Error> {
        match self.root.wheel(&wheel.to_string()) {
            Ok(Some(directory)) => {
                Ok(directory.replace(DAMAGED, b"", 0o444, Durability::Synced)?)
            }
            Ok(None) => Ok(()),
            Err(_) => self.remove(wheel),
        }
    }
}

fn has(root: &Root, wheel: &Sha256) -> bool {
    // What has its name and is something else counts.
    !matches!(root.wheel(&wheel.to_string()), Ok(None))
}

fn check_wheel(root: &Root, wheel: &Sha256, depth: Depth) -> Result<Vec<Finding>, Error> {
    let finding = |package: Option<&String>, path: &str, fault| Finding {
        subject: Subject::Wheel { sha256: *wheel, package: package.cloned() },
        path: path.to_owned(),
        fault,
    };
    let directory = match root.wheel(&wheel.to_string()) {
        Ok(Some(directory)) => directory,
        Ok(None) => return Ok(vec![finding(None, ".", Fault::Missing)]),
        Err(pyfast_root::Error::Kind { .. }) => {
            return Ok(vec![finding(None, ".", Fault::Altered)]);
        }
        Err(error) => return Err(error.into()),
    };
    let Ok((manifest, files)) = Manifest::read(&directory) else {
        return Ok(vec![finding(None, FILE, Fault::Manifest)]);
    };
    let package = Some(format!("{} {}", manifest.name, manifest.version));
    let mut found = faults(&directory, &files, depth)?;
    if found.is_empty() && directory.has_file(DAMAGED) {
        found.push((".".to_owned(), Fault::Condemned));
    }
    let found = found.into_iter();
    Ok(found.map(|(path, fault)| finding(package.as_ref(), &path, fault)).collect())
}

/// What is other than `files` say, by path.
fn faults(
    directory: &Dir,
    files: &[StoredFile],
    depth: Depth,
) -> Result<Vec<(String, Fault)>, Error> {
    let known: FxHashMap<&str, &StoredFile> =
        files.iter().map(|file| (file.path.as_str(), file)).collect();
    // Before anything is listed: what comes meanwhile is there before its list is.
    let lists = match depth {
        Depth::Facts => Lists::default(),
        Depth::Content => Lists::of(directory)?,
    };
    let mut present: Vec<String> = Vec::new();
    for tree in ["root", "data"] {
        match directory.find_dir(tree) {
            Ok(Some(top)) => list(&top, tree, &mut present)?,
            // What was in it is found missing.
            Ok(None) => {}
            Err(_) => present.push(tree.to_owned()),
        }
    }
    let stray =
        |path: &String| !known.contains_key(path.as_str()) && !is_bytecode(path, &known, &lists);
    let mut found: Vec<(String, Fault)> =
        present.into_iter().filter(stray).map(|path| (path, Fault::Extra)).collect();
    // A wheel's own bytecode is a file as any other.
    let compiled = lists.all().filter(|one| !known.contains_key(one.path.as_str()));
    let compiled: Vec<StoredFile> = compiled.map(StoredFile::from).collect();
    let all: Vec<&StoredFile> = files.iter().chain(&compiled).collect();
    let checked: Vec<Option<Fault>> = all
        .par_iter()
        .map(|file| fault(directory, &file.path, file, depth))
        .collect::<Result<_, Error>>()?;
    for (file, fault) in all.into_iter().zip(checked) {
        found.extend(fault.map(|fault| (file.path.clone(), fault)));
    }
    found.extend(lists.damaged.into_iter().map(|name| (name, Fault::Manifest)));
    Ok(found)
}

/// Whether it is the bytecode of one of the wheel's modules, or what becomes that while somebody compiles. Where that is
/// done for a Python, it is what was written down then.
fn is_bytecode(path: &str, known: &FxHashMap<&str, &StoredFile>, lists: &Lists) -> bool {
    let Some((cache, name)) = path.rsplit_once('/') else { return false };
    let Some(parent) = cache.strip_suffix(CACHE) else { return false };
    if is_unfinished(name) {
        return true;
    }
    let Some((stem, tag)) = bytecode_name(name) else { return false };
    known.contains_key(format!("{parent}{stem}.py").as_str())
        && (!lists.has_tag(tag) || lists.get(tag, path).is_some())
}

/// Of which module a file's name says that it is the bytecode, and for which Python.
pub(crate) fn bytecode_name(name: &str) -> Option<(&str, &str)> {
    name.strip_suffix(".pyc")?.rsplit_once('.')
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

/// What is wrong with a file that must be as `expected`, wherever it is.
pub(crate) fn fault(
    directory: &Dir,
    path: &str,
    expected: &StoredFile,
    depth: Depth,
) -> Result<Option<Fault>, Error> {
    let (mut file, facts) = match directory.open(path) {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Some(Fault::Missing)),
        Err(pyfast_root::Error::Kind { .. }) => return Ok(Some(Fault::Altered)),
        Err(error) => return Err(error.into()),
    };
    let executable = facts.mode & 0o111 != 0;
    if facts.size != expected.size || executable != expected.executable {
        return Ok(Some(Fault::Altered));
    }
    if depth == Depth::Facts {
        return Ok(None);
    }
    let mut digest = sha2::Sha256::new();
    let mut buffer = vec![0; usize::try_from(facts.size.min(BUFFER)).unwrap_or(1).max(1)];
    loop {
        let failed = |error| Error::io("read", &directory.path().join(path))(error);
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
