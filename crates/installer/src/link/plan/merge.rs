//! The walk over the wheels' trees, all together, that decides what is one link and what is shared.

use std::collections::BTreeMap;
use std::path::Path;

use pyfast_root::{Entry, Kind};

use super::{Planner, stored};
use crate::error::Error;
use crate::link::{Clash, RealMode, Step};

/// Whether Python takes a file for this kind; it does not fold case.
fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// A file or directory that a wheel would have at some path.
#[derive(Debug, Clone)]
struct Candidate {
    source: usize,
    /// Relative to the wheel's directory in the store.
    inside: String,
    directory: bool,
}

type Children = BTreeMap<String, Vec<Candidate>>;

impl Planner<'_> {
    /// Plans everything of the wheels' `root/` but their dist-infos.
    pub(super) fn site_packages(&mut self) -> Result<(), Error> {
        let mut children: Children = BTreeMap::new();
        for (index, source) in self.sources.iter().enumerate() {
            let mut add = |name: &str, directory: bool| {
                let inside = format!("root/{name}");
                let candidate = Candidate { source: index, inside, directory };
                children.entry(name.to_owned()).or_default().push(candidate);
            };
            let (mut modules, mut cache) = (false, false);
            for top in &source.manifest.top_level {
                if top.name != source.manifest.dist_info {
                    add(&top.name, top.directory);
                }
                modules |= has_extension(&top.name, "py");
                cache |= top.name == "__pycache__";
            }
            // Bytecode of top-level modules came after the manifest.
            let wheel = self.wheel(&source.package.sha256)?;
            if modules && !cache && wheel.has_dir("root/__pycache__") {
                add("__pycache__", true);
            }
        }
        let site_packages = self.spec.interpreter.site_packages();
        self.place_all(&site_packages, children)
    }

    /// Plans headers and data files.
    pub(super) fn data(&mut self) -> Result<(), Error> {
        let python = &self.spec.interpreter;
        let headers = format!("include/site/python{}", python.short_version());
        let mut created = false;
        let mut children: Children = BTreeMap::new();
        for index in 0..self.sources.len() {
            let source = &self.sources[index];
            if !source.manifest.has_data {
                continue;
            }
            let wheel = self.wheel(&source.package.sha256)?;
            if wheel.has_dir("data/headers") {
                let inside = "data/headers".to_owned();
                let name = self.name(index);
                let parents = ["include", "include/site", &headers];
                let missing =
                    if std::mem::replace(&mut created, true) { &[][..] } else { &parents };
                for path in missing {
                    self.directory(path);
                }
                let candidate = Candidate { source: index, inside, directory: true };
                self.place(format!("{headers}/{name}"), &[candidate])?;
            }
            if wheel.has_dir("data/data") {
                self.list(index, "data/data", &mut children)?;
            }
        }
        self.place_all("", children)
    }

    /// Adds what is in a directory of a wheel.
    fn list(&self, source: usize, inside: &str, children: &mut Children) -> Result<(), Error> {
        let place = self.wheel(&self.sources[source].package.sha256)?.dir(inside)?;
        for Entry { name, kind } in place.entries()? {
            let damaged = |reason: String| Error::Damaged { path: place.path().to_owned(), reason };
            let name = name.into_string().map_err(|name| {
                damaged(format!("it holds `{}`, which is not UTF-8", name.display()))
            })?;
            if !matches!(kind, Kind::Directory | Kind::File) {
                return Err(damaged(format!("it holds {kind}, `{}`", name.escape_debug())));
            }
            let directory = kind.is_dir();
            let inside = format!("{inside}/{name}");
            let candidate = Candidate { source, inside, directory };
            children.entry(name).or_default().push(candidate);
        }
        Ok(())
    }

    fn place_all(&mut self, directory: &str, children: Children) -> Result<(), Error> {
        for (name, candidates) in children {
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            self.place(path, &candidates)?;
        }
        Ok(())
    }

    /// Plans one path that one or several wheels claim.
    fn place(&mut self, path: String, candidates: &[Candidate]) -> Result<(), Error> {
        let (Some(first), Some(last)) = (candidates.first(), candidates.last()) else {
            return Ok(());
        };
        if let Some(other) = candidates.iter().find(|other| other.directory != first.directory) {
            let reason = "one has a file and the other a directory at";
            return Err(self.clash(first.source, other.source, path, reason));
        }
        if !first.directory {
            return self.place_files(path, candidates);
        }
        let own = self.is_own_directory(&path);
        if !own && let Some(&owner) = self.taken.get(&path) {
            return Err(self.clash(owner, last.source, path, "both provide"));
        }
        let alone = candidates.len() == 1 && !self.sources[first.source].real;
        self.taken.insert(path.clone(), last.source);
        if alone && !own {
            let wheel = self.sources[first.source].package.sha256;
            self.steps.push(Step::Link { path, wheel, inside: first.inside.clone() });
            return Ok(());
        }
        if !own {
            self.directory(&path);
        }
        let mut children = Children::new();
        for candidate in candidates {
            self.list(candidate.source, &candidate.inside, &mut children)?;
        }
        self.place_all(&path, children)
    }

    /// Plans a file; of several the last wins.
    fn place_files(&mut self, path: String, candidates: &[Candidate]) -> Result<(), Error> {
        let Some((winner, losers)) = candidates.split_last() else { return Ok(()) };
        for loser in losers {
            let equal = self.content(winner)? == self.content(loser)?;
            self.clashes.push(Clash {
                path: path.clone(),
                winner: self.name(winner.source),
                loser: self.name(loser.source),
                equal,
            });
        }
        if self.taken.contains_key(&path) || self.is_own_directory(&path) {
            let owner = self.taken.get(&path).copied().unwrap_or(winner.source);
            return Err(self.clash(owner, winner.source, path, "both provide"));
        }
        self.taken.insert(path.clone(), winner.source);
        self.place_file(path, winner.source, winner.inside.clone());
        Ok(())
    }

    /// Plans a file of the store.
    pub(super) fn place_file(&mut self, path: String, source: usize, inside: String) {
        let wheel = self.sources[source].package.sha256;
        let step = if has_extension(&path, "pth") {
            // Tools rewrite these in place.
            Step::Real { path, wheel, inside, mode: RealMode::Copy }
        } else if self.sources[source].real {
            Step::Real { path, wheel, inside, mode: self.real_mode() }
        } else {
            Step::Link { path, wheel, inside }
        };
        self.steps.push(step);
    }

    /// Whether the environment has this directory anyway.
    fn is_own_directory(&self, path: &str) -> bool {
        let python = &self.spec.interpreter;
        matches!(path, "bin" | "lib")
            || path == python.lib_dir
            || path == python.site_packages()
            || self.steps.iter().any(|step| {
                path.starts_with("include")
                    && matches!(step, Step::Directory { path: known } if known == path)
            })
    }

    fn content(&self, candidate: &Candidate) -> Result<Vec<u8>, Error> {
        let wheel = self.wheel(&self.sources[candidate.source].package.sha256)?;
        stored(&wheel, &candidate.inside)
    }

    fn clash(&self, first: usize, second: usize, path: String, reason: &'static str) -> Error {
        Error::Clash { first: self.name(first), second: self.name(second), path, reason }
    }
}
