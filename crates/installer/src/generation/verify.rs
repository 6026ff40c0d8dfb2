//! Compares a generation with its manifest: what is altered, missing, or does not belong to it. Bytecode is compared with
//! that of the store where nobody else writes any; what Python itself keeps beside modules on a host is nobody's concern, nor
//! is a lock of another installer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::wheel_place;
use pyfast_root::lease::DESCRIPTION;
use pyfast_root::{Dir, Facts, Kind, Root, is_unfinished};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::manifest::{self, Part, Parts, below};
use super::stamps::Stamps;
use super::{Generation, LOCK_COPY, SETTLED};
use crate::bytecode::listed;
use crate::error::Error;
use crate::finding::{Fault, Finding, Subject};
use crate::link::act::split;
use crate::link::{EnvironmentSpec, LinkMode};
use crate::prefix;
use crate::store::manifest::StoredFile;
use crate::store::verify::{self, Depth, bytecode_name, fault};
use crate::store::{self, CACHE};

/// Files of a generation that its manifest does not list.
const OWN: [&str; 4] = [DESCRIPTION, LOCK_COPY, manifest::FILE, SETTLED];
/// What uv keeps its turn by, also where it has nothing to do.
const TURN: &str = ".lock";

/// Hashes everything that a generation consists of: its own files, and every wheel that it uses.
///
/// # Errors
/// If a directory cannot be read, or the generation's description is damaged.
pub fn verify_generation(root: &Root, generation: &Generation) -> Result<Vec<Finding>, Error> {
    let spec = generation.spec(root)?;
    let mut findings = named(verify::verify(root, &wheels(&spec))?, &spec);
    findings.extend(generation.verify_own(root)?);
    for id in prefix::ids_of(root, &spec) {
        findings.extend(prefix::verify(root, &id)?);
    }
    Ok(findings)
}

/// Hashes everything that a root holds: every wheel, and everything that is private to a generation.
///
/// # Errors
/// If a directory cannot be read.
pub fn verify_root(root: &Root) -> Result<Vec<Finding>, Error> {
    let mut findings = verify::verify_store(root)?;
    let stored = store::wheels(root)?;
    let mut pythons: BTreeSet<String> = prefix::ids(root)?;
    for generation in Generation::all(root)? {
        let Ok(spec) = generation.spec(root) else {
            let (subject, path) = (generation.subject(), DESCRIPTION.to_owned());
            findings.push(Finding { subject, path, fault: Fault::Manifest });
            continue;
        };
        findings.extend(generation.verify_own(root)?);
        let gone = wheels(&spec).into_iter().filter(|wheel| stored.binary_search(wheel).is_err());
        let gone: Vec<Sha256> = gone.collect();
        findings.extend(named(verify::verify(root, &gone)?, &spec));
        pythons.extend(prefix::ids_of(root, &spec));
    }
    for id in pythons {
        findings.extend(prefix::verify(root, &id)?);
    }
    findings.sort_unstable();
    findings.dedup();
    Ok(findings)
}

/// Looks at names, kinds and sizes of what a generation consists of, and at whether its wheels are there. With
/// the stamps of an earlier look, the wheels that were changed since are looked at, too. Findings of wheels are
/// healed by fetching those, all others by composing the generation anew.
///
/// # Errors
/// As [`verify_generation`].
pub fn look(
    root: &Root,
    generation: &Generation,
    known: Option<&Stamps>,
) -> Result<Vec<Finding>, Error> {
    let spec = generation.spec(root)?;
    let all = wheels(&spec);
    let gone = all.iter().copied().filter(|wheel| !store::is_sound(root, wheel));
    let mut closer: BTreeSet<Sha256> = gone.collect();
    closer.extend(known.iter().flat_map(|known| known.changed_wheels(root)));
    closer.retain(|wheel| all.contains(wheel));
    let closer: Vec<Sha256> = closer.into_iter().collect();
    let mut findings = named(verify::check(root, &closer, Depth::Facts)?, &spec);
    findings.extend(generation.check(root, Depth::Facts)?);
    Ok(findings)
}

fn wheels(spec: &EnvironmentSpec) -> Vec<Sha256> {
    spec.packages.iter().map(|package| package.sha256).collect()
}

/// Where a manifest does not tell whose it is, the environment does.
fn named(mut findings: Vec<Finding>, spec: &EnvironmentSpec) -> Vec<Finding> {
    for finding in &mut findings {
        let Subject::Wheel { sha256, package: package @ None } = &mut finding.subject else {
            continue;
        };
        let known = spec.packages.iter().find(|package| package.sha256 == *sha256);
        *package = known.map(|known| format!("{} {}", known.name, known.version));
    }
    findings
}

impl Generation {
    fn subject(&self) -> Subject {
        Subject::Environment { id: self.id.clone() }
    }

    /// Hashes what the generation has of its own.
    ///
    /// # Errors
    /// As [`verify_generation`].
    pub fn verify_own(&self, root: &Root) -> Result<Vec<Finding>, Error> {
        self.check(root, Depth::Content)
    }

    /// Compares the generation with its manifest; findings are sorted by path.
    fn check(&self, root: &Root, depth: Depth) -> Result<Vec<Finding>, Error> {
        let finding =
            |(path, fault): (String, Fault)| Finding { subject: self.subject(), path, fault };
        let directory = self.directory(root)?;
        let parts = match self.parts(root)? {
            Written::Parts(parts) => parts,
            Written::Never => return Ok(Vec::new()),
            Written::Damaged => {
                return Ok(vec![finding((manifest::FILE.to_owned(), Fault::Manifest))]);
            }
        };
        let spec = self.spec(root).ok().filter(|_| depth == Depth::Content);
        // On hosts Python writes its own in the place of what it finds too old.
        let spec = spec.filter(|spec| spec.options.link_mode == LinkMode::Tree);
        let tag = spec.as_ref().and_then(|spec| spec.interpreter.cache_tag.as_deref());
        let check = Check { root, directory: &directory, parts: &parts, depth, tag };
        let mut present = Present::default();
        check.list(&directory, "", &mut present)?;
        let strays = present.strays.iter().map(|path| (path.clone(), Fault::Extra));
        let mut found: Vec<(String, Fault)> = strays.chain(check.all(&present)?).collect();
        found.sort_unstable();
        Ok(found.into_iter().map(finding).collect())
    }
}

/// What a manifest says.
pub(super) enum Written {
    /// These parts.
    Parts(Parts),
    /// The generation was composed before there were manifests.
    Never,
    /// It is not what was written.
    Damaged,
}

/// One comparison.
struct Check<'a> {
    root: &'a Root,
    directory: &'a Dir,
    parts: &'a Parts,
    depth: Depth,
    /// The cache tag of bytecode that is compared with the store's.
    tag: Option<&'a str>,
}

/// What is there.
#[derive(Default)]
struct Present {
    /// What belongs there, and what it is.
    kinds: FxHashMap<String, Kind>,
    /// What does not.
    strays: Vec<String>,
    /// Bytecode that came after the manifest was written.
    bytecode: Vec<String>,
}

impl Present {
    fn has_directory(&self, path: &str) -> bool {
        path.is_empty() || self.kinds.get(path) == Some(&Kind::Directory)
    }
}

impl Check<'_> {
    /// Looks at everything that is there, in directories that belong there.
    fn list(&self, directory: &Dir, inside: &str, present: &mut Present) -> Result<(), Error> {
        for entry in directory.entries()? {
            let path = below(inside, &entry.name.to_string_lossy());
            match self.parts.get(&path) {
                Some(part) => {
                    if *part == Part::Directory && entry.kind.is_dir() {
                        self.list(&directory.dir(&entry.name)?, &path, present)?;
                    }
                    present.kinds.insert(path, entry.kind);
                }
                None if entry.kind.is_dir() && entry.name == CACHE => {}
                None if inside.ends_with(CACHE) && is_bytecode(&path) => {
                    present.bytecode.push(path);
                }
                None if path == TURN && entry.kind == Kind::File => {}
                None if OWN.contains(&path.as_str()) && entry.kind == Kind::File => {}
                None => present.strays.push(path),
            }
        }
        Ok(())
    }

    /// What should be there and is not, or is another.
    fn all(&self, present: &Present) -> Result<Vec<(String, Fault)>, Error> {
        let stored = self.stored();
        let parts: Vec<(&String, &Part)> = self.parts.iter().collect();
        let faults = parts.par_iter().map(|(path, part)| {
            match present.kinds.get(*path) {
                Some(kind) if *kind == part.kind() => self.part(path, part, &stored),
                Some(_) => Ok(Some(Fault::Altered)),
                // A directory that is missing says it of everything in it.
                None => Ok(present.has_directory(split(path).0).then_some(Fault::Missing)),
            }
        });
        let faults: Vec<Option<Fault>> = faults.collect::<Result<_, Error>>()?;
        let faults = parts.into_iter().map(|(path, _)| path).zip(faults);
        let mut found: Vec<(String, Fault)> =
            faults.filter_map(|(path, fault)| Some((path.clone(), fault?))).collect();
        for path in &present.bytecode {
            found.extend(self.late(path, &stored)?.map(|fault| (path.clone(), fault)));
        }
        Ok(found)
    }

    /// What is wrong with bytecode that the manifest does not list, of a module that the store has the bytecode of.
    fn late(&self, path: &str, stored: &Stored) -> Result<Option<Fault>, Error> {
        let (cache, name) = split(path);
        let found = bytecode_name(name).filter(|(_, tag)| Some(*tag) == self.tag);
        let Some((stem, _)) = found else { return Ok(None) };
        let Some(Part::Stored { wheel, inside }) =
            self.parts.get(&below(split(cache).0, &format!("{stem}.py")))
        else {
            return Ok(None);
        };
        let inside = below(&below(split(inside).0, CACHE), name);
        self.part(path, &Part::Stored { wheel: *wheel, inside }, stored)
    }

    /// What the wheels say of files that the generation has as hard links or copies; a wheel that is gone
    /// or unreadable says nothing, and is found by itself.
    fn stored(&self) -> Stored {
        let mut stored = Stored::new();
        if self.depth == Depth::Facts {
            return stored;
        }
        for part in self.parts.values() {
            let Part::Stored { wheel, .. } = part else { continue };
            stored.entry(*wheel).or_insert_with(|| {
                let files = store::files(self.root, wheel).unwrap_or_default();
                let compiled = self
                    .tag
                    .and_then(|tag| listed(&store::directory(self.root, wheel).ok()?, tag).ok());
                let compiled = compiled.unwrap_or_default();
                let compiled = compiled.iter().map(StoredFile::from);
                let all = compiled.chain(files);
                all.map(|file| (file.path.clone(), file)).collect()
            });
        }
        stored
    }

    /// What is wrong with a part that is there and of its kind.
    fn part(&self, path: &str, part: &Part, stored: &Stored) -> Result<Option<Fault>, Error> {
        match part {
            Part::Directory => Ok(None),
            Part::Link { target } => self.link(path, target),
            Part::File(file) => fault(self.directory, path, file, self.depth),
            Part::Stored { wheel, inside } => {
                let Some(file) = stored.get(wheel).and_then(|files| files.get(inside)) else {
                    return Ok(None);
                };
                if self
                    .is_second_name(path, &format!("{}/{inside}", wheel_place(&wheel.to_string())))
                {
                    return Ok(None);
                }
                fault(self.directory, path, file, self.depth)
            }
        }
    }

    /// Whether a path is another name of a file of the store, which is looked at there.
    fn is_second_name(&self, path: &str, original: &str) -> bool {
        let same = |facts: Facts| (facts.device, facts.inode);
        let own = self.directory.facts(path).ok().flatten().map(same);
        own.is_some() && own == self.root.top().facts(original).ok().flatten().map(same)
    }

    /// A link must lead where it did; what it leads to in this root must be there. A wheel that is gone is
    /// found by itself.
    fn link(&self, path: &str, target: &str) -> Result<Option<Fault>, Error> {
        if self.directory.read_link(path)?.as_deref() != Some(Path::new(target)) {
            return Ok(Some(Fault::Altered));
        }
        let Some(inside) = in_root(path, target) else { return Ok(None) };
        let there = matches!(self.root.top().facts(&inside), Ok(Some(_)));
        let gone = wheel_of(&inside).is_some_and(|wheel| !self.root.has_wheel(wheel));
        Ok((!there && !gone).then_some(Fault::Dangling))
    }
}

/// The digest of the wheel that a path of the root is in.
fn wheel_of(inside: &Path) -> Option<&str> {
    let mut names = inside.iter().filter_map(|name| name.to_str());
    names.find(|name| name.parse::<Sha256>().is_ok())
}

/// Files of wheels, by wheel and path.
type Stored = BTreeMap<Sha256, FxHashMap<String, StoredFile>>;

/// Python's and its tools' own, and this program's: `module.cpython-311.pyc`, and its like while it is written.
fn is_bytecode(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(_, name)| name.contains(".pyc") || is_unfinished(name))
}

/// What a link of a generation leads to, relative to the root; `None` for one that stays in the generation or leads out
/// of the root.
pub(super) fn in_root(path: &str, target: &str) -> Option<PathBuf> {
    let above = pyfast_root::layout::GENERATION_DEPTH + path.matches('/').count();
    let mut parts = Path::new(target).components();
    for _ in 0..above {
        (parts.next()? == Component::ParentDir).then_some(())?;
    }
    Some(parts.as_path().to_owned())
        .filter(|inside| inside.components().all(|part| matches!(part, Component::Normal(_))))
}

#[cfg(test)]
mod tests;
