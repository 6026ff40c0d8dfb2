//! What a sync remembers of how a generation looked, so that the next one sees at a glance whether somebody has
//! touched it. Must cost next to nothing: a look at the directories and scripts that a hand or another installer
//! changes, not at every file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::{env_path, wheel_place};
use pyfast_root::{Dir, Facts, Root};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Generation;
use super::manifest::{Part, below};
use super::verify::{Written, in_root};
use crate::error::Error;
use crate::link::act::split;
use crate::link::{LinkPlan, Step};
use crate::store::CACHE;
use crate::store::settled::boot_id;

/// How a generation and the wheels that it links into looked.
///
/// A line for the time since the machine was started, then one for each directory, relative to the root, followed by
/// one for each name in it that counts: when its facts were changed, its inode, and the name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamps(String);

impl Stamps {
    /// How a generation that is there looks now.
    ///
    /// # Errors
    /// If its manifest cannot be read.
    pub fn take(root: &Root, generation: &Generation) -> Result<Self, Error> {
        let mut watched = Watched::new(&generation.id);
        if let Written::Parts(parts) = generation.parts(root)? {
            for (path, part) in &parts {
                watched.part(path, part);
            }
        }
        watched.stamps(root, None)
    }

    /// How a generation looks that was just composed as `plan` says. What stamps that hold say of wheels is not looked
    /// at once more; `known` are those, and the wheels that have come since.
    ///
    /// # Errors
    /// If a link is in the place of one of its directories.
    pub fn of_composed(
        root: &Root,
        plan: &LinkPlan,
        known: Option<(&Self, &[Sha256])>,
    ) -> Result<Self, Error> {
        let mut watched = Watched::new(&plan.id);
        for step in &plan.steps {
            watched.step(step);
        }
        watched.stamps(root, known)
    }

    /// Whether nothing that counts was touched since; false after the machine was started anew, because what was
    /// written before may be lost then.
    pub fn hold(&self, root: &Root) -> bool {
        let mut lines = self.0.lines();
        lines.next() == Some(&boot())
            && !self.0.is_empty()
            && Changed::of(root, lines).next().is_none()
    }

    /// What counts in the generation `id` itself, relative to the root.
    pub fn own_places(&self, id: &str) -> Vec<String> {
        let own = env_path(Path::new(""), id);
        let known = self.by_directory();
        let places = known.iter().flat_map(|(directory, lines)| {
            stamped_names(lines).map(move |name| below(directory, name))
        });
        places.filter(|place| Path::new(place).starts_with(&own)).collect()
    }

    /// The wheels of which something was touched since.
    pub(super) fn changed_wheels(&self, root: &Root) -> Vec<Sha256> {
        let mut lines = self.0.lines();
        lines.next();
        Changed::of(root, lines).filter_map(wheel_of).collect()
    }

    /// The lines of each directory.
    fn by_directory(&self) -> FxHashMap<&str, &str> {
        let mut known = FxHashMap::default();
        let (_, mut rest) = self.0.split_once('\n').unwrap_or_default();
        while let Some((directory, after)) = rest.split_once('\n') {
            let end = after.split_inclusive('\n').take_while(|line| line.starts_with(' '));
            let (lines, others) = after.split_at(end.map(str::len).sum());
            known.insert(directory, lines);
            rest = others;
        }
        known
    }
}

/// The wheel that a directory, relative to the root, is of.
fn wheel_of(directory: &str) -> Option<Sha256> {
    directory.split('/').find_map(|name| name.parse().ok())
}

/// Stamps of nothing.
static EMPTY: Stamps = Stamps(String::new());

/// The names that lines of stamps are of.
fn stamped_names(lines: &str) -> impl Iterator<Item = &str> {
    lines.lines().filter_map(|line| line.splitn(4, ' ').nth(3))
}

/// The directories of what is not as its stamp says, one for each stamp. Most directories have one name that counts, so
/// that opening each would cost three calls of the system for one; what is at the same place with the same inode and
/// change is the same, whatever leads there.
struct Changed<'a> {
    root: &'a Root,
    lines: std::str::Lines<'a>,
    directory: Option<&'a str>,
}

impl<'a> Changed<'a> {
    fn of(root: &'a Root, lines: std::str::Lines<'a>) -> Self {
        Self { root, lines, directory: None }
    }
}

impl<'a> Iterator for Changed<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let line = self.lines.next()?;
            let Some(stamped) = line.strip_prefix(' ') else {
                self.directory = Some(line);
                continue;
            };
            let Some(directory) = self.directory else { return Some("") };
            let mut fields = stamped.splitn(3, ' ');
            let known = (|| Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)))();
            let name = fields.next().unwrap_or_default();
            let now = self.root.top().glance(below(directory, name)).map(stamp_of);
            if known.is_none() || known != now {
                return Some(directory);
            }
        }
    }
}

/// The lines of a directory that is looked at now.
fn look_at(root: &Root, directory: &str, names: &BTreeSet<String>) -> Result<String, Error> {
    let open = root.top().find_dir(directory)?;
    let mut lines = format!("{directory}\n");
    for name in names {
        let stamp = open.as_ref().and_then(|open| stamp(open, name));
        let (changed, inode) = stamp.unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(lines, " {changed} {inode} {name}");
    }
    Ok(lines)
}

/// When the facts of a place were changed, and which it is.
fn stamp(directory: &Dir, name: &str) -> Option<(i128, u64)> {
    Some(stamp_of(directory.facts(name).ok()??))
}

fn stamp_of(facts: Facts) -> (i128, u64) {
    (facts.changed_ns, facts.inode)
}

fn boot() -> String {
    boot_id().unwrap_or_default()
}

/// What counts: the directories that installers write into, scripts, and what links in the environment lead to.
struct Watched {
    /// The generation, relative to the root.
    own: String,
    /// The names, by the directory that they are in.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl Watched {
    fn new(id: &str) -> Self {
        let own = env_path(Path::new(""), id).to_string_lossy().into_owned();
        let mut watched = Self { own, names: BTreeMap::new() };
        let (envs, id) = split(&watched.own);
        watched.names.insert(envs.to_owned(), BTreeSet::from([id.to_owned()]));
        watched
    }

    fn part(&mut self, path: &str, part: &Part) {
        match part {
            Part::Directory => self.directory(path),
            Part::File(_) => self.file(path),
            Part::Link { target } => {
                if let Some(place) = in_root(path, target) {
                    self.link(path, &place.to_string_lossy());
                }
            }
            Part::Stored { .. } => {}
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Directory { path } => self.directory(path),
            Step::File { path, .. } => self.file(path),
            Step::Link { path, wheel, inside } => {
                self.link(path, &format!("{}/{inside}", wheel_place(&wheel.to_string())));
            }
            // All of these stay in the environment, or lead out of the root.
            Step::Symlink { .. } | Step::Real { .. } => {}
        }
    }

    fn directory(&mut self, path: &str) {
        let (directory, name) = split(path);
        // Bytecode comes and goes, and is nobody's concern.
        if is_near(directory) && !name.ends_with(".dist-info") && name != CACHE {
            self.watch(&below(&self.own, directory), name);
        }
    }

    fn file(&mut self, path: &str) {
        let (directory, name) = split(path);
        if matches!(directory, "" | "bin") {
            self.watch(&below(&self.own, directory), name);
        }
    }

    /// Watches what a link leads to.
    fn link(&mut self, path: &str, place: &str) {
        let name = split(path).1;
        if !name.ends_with(".dist-info") && !is_compiled(name) {
            let (directory, name) = split(place);
            self.watch(directory, name);
        }
    }

    fn watch(&mut self, directory: &str, name: &str) {
        let names = match self.names.get_mut(directory) {
            Some(names) => names,
            None => self.names.entry(directory.to_owned()).or_default(),
        };
        names.insert(name.to_owned());
    }

    /// Looks at all of it, several directories at once.
    fn stamps(&self, root: &Root, known: Option<(&Stamps, &[Sha256])>) -> Result<Stamps, Error> {
        let (known, since) = known.unwrap_or((&EMPTY, &[]));
        let known = known.by_directory();
        let is_known = |wheel: &Sha256| !since.contains(wheel);
        let look = |(directory, names): (&String, &BTreeSet<String>)| {
            let lines = known.get(directory.as_str());
            let lines = lines.filter(|_| wheel_of(directory).as_ref().is_some_and(is_known));
            match lines.filter(|lines| stamped_names(lines).eq(names)) {
                Some(lines) => Ok(format!("{directory}\n{lines}")),
                None => look_at(root, directory, names),
            }
        };
        let blocks: Vec<String> = self.names.par_iter().map(look).collect::<Result<_, Error>>()?;
        Ok(Stamps(format!("{}\n{}", boot(), blocks.concat())))
    }
}

/// Whether a directory is at most site-packages: what is deeper is many.
fn is_near(directory: &str) -> bool {
    match directory.matches('/').count() {
        0 | 1 => true,
        2 => directory.ends_with("/site-packages"),
        _ => false,
    }
}

/// Whether a file is bytecode by its name, as this crate writes it.
fn is_compiled(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "pyc")
}
