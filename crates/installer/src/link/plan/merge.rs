//! The walk over the wheels' trees, all together, that decides what is one link and what is shared.

use std::collections::BTreeMap;

use super::Planner;
use super::sources::Child;
use crate::error::Error;
use crate::link::private::is_changed_in_place;
use crate::link::{Clash, RealMode, Step};
use crate::store::CACHE;

/// Whether Python takes a file for a module; it does not fold case.
fn stem_of_module(name: &str) -> Option<&str> {
    name.strip_suffix(".py").filter(|stem| !stem.is_empty())
}

/// A file or directory that a wheel would have at some path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) source: usize,
    pub(super) child: Child<'a>,
}

/// The module that a name in a directory is, after all wheels have had their say.
#[derive(Debug, Clone, Copy)]
struct Module<'a> {
    stem: &'a str,
    source: usize,
    /// Its directory in the wheel.
    directory: &'a str,
}

impl<'a> Planner<'a> {
    /// Plans everything of the wheels' `root/` but their dist-infos.
    pub(super) fn site_packages(&mut self) -> Result<(), Error> {
        let sources = self.sources;
        let mut children = Vec::new();
        for (source, wheel) in sources.iter().enumerate() {
            children.extend(wheel.top_level().map(|child| Candidate { source, child }));
        }
        let directory = self.spec.interpreter.site_packages();
        self.place_own(&directory, children)
    }

    /// Plans headers and data files.
    pub(super) fn data(&mut self) -> Result<(), Error> {
        let sources = self.sources;
        let mut children = Vec::new();
        for (source, wheel) in sources.iter().enumerate() {
            if !wheel.manifest.has_data {
                continue;
            }
            if wheel.has("data/headers")? {
                self.headers(source)?;
            }
            let data = wheel.children("data/data")?.into_iter();
            children.extend(data.map(|child| Candidate { source, child }));
        }
        self.place_own("", children)
    }

    /// Plans the headers of a wheel, in a directory that has its name.
    fn headers(&mut self, source: usize) -> Result<(), Error> {
        let parents = self.spec.interpreter.headers();
        for (end, _) in parents.match_indices('/') {
            self.own_directory(&parents[..end]);
        }
        self.own_directory(&parents);
        let path = format!("{parents}/{}", self.name(source));
        self.take(&path, source)?;
        let child = Child { name: "headers", inside: "data/headers", directory: true };
        self.place_directory(path, &[Candidate { source, child }], false)
    }

    /// Plans what goes into a directory that every environment has.
    fn place_own(&mut self, directory: &str, children: Vec<Candidate<'a>>) -> Result<(), Error> {
        let mut placed = Vec::with_capacity(children.len());
        let mut children = children;
        children.sort_by_key(|candidate| candidate.child.name);
        for group in children.chunk_by(|one, other| one.child.name == other.child.name) {
            let path = below(directory, group[0].child.name);
            if !self.own.contains(&path) {
                self.take(&path, group[group.len() - 1].source)?;
                placed.extend_from_slice(group);
                continue;
            }
            if !self.same_kind(directory, group)? {
                let source = group[group.len() - 1].source;
                return Err(self.taken_by(None, source, path));
            }
            let within = self.children(group)?;
            self.place_own(&path, within)?;
        }
        self.contents(directory, &placed, false)
    }

    /// Plans what is in a directory; `children` are sorted by name, and in the order of the lock.
    fn contents(
        &mut self,
        directory: &str,
        children: &[Candidate<'a>],
        real: bool,
    ) -> Result<(), Error> {
        let mut modules = Vec::new();
        let mut directories = Vec::new();
        let mut caches: &[Candidate<'a>] = &[];
        for group in children.chunk_by(|one, other| one.child.name == other.child.name) {
            let Candidate { source, child: Child { name, inside, .. } } = group[group.len() - 1];
            if !self.same_kind(directory, group)? {
                self.place_files(below(directory, name), group)?;
                if let Some(stem) = stem_of_module(name) {
                    let inside = inside[..inside.len() - name.len()].trim_end_matches('/');
                    modules.push(Module { stem, source, directory: inside });
                }
            } else if name == CACHE {
                caches = group;
            } else {
                directories.push(group);
            }
        }
        modules.sort_by_key(|module| module.source);
        self.caches(directory, caches, &modules)?;
        directories.into_iter().try_for_each(|group| {
            self.place_directory(below(directory, group[0].child.name), group, real)
        })
    }

    /// Plans a directory that one or several wheels claim.
    fn place_directory(
        &mut self,
        path: String,
        group: &[Candidate<'a>],
        real: bool,
    ) -> Result<(), Error> {
        let first = group[0];
        let real = real || group.len() > 1 || self.sources[first.source].real;
        if !real {
            let wheel = self.sources[first.source].package.sha256;
            let inside = first.child.inside.to_owned();
            self.steps.push(Step::Link { path, wheel, inside });
            return Ok(());
        }
        self.steps.push(Step::Directory { path: path.clone() });
        let mut children = self.children(group)?;
        if group.len() > 1 {
            children.sort_by_key(|candidate| candidate.child.name);
        }
        self.contents(&path, &children, real)
    }

    /// Whether these, which are in a directory, are directories themselves; all must be, or none.
    fn same_kind(&self, directory: &str, group: &[Candidate<'a>]) -> Result<bool, Error> {
        let first = group[0];
        match group.iter().find(|other| other.child.directory != first.child.directory) {
            None => Ok(first.child.directory),
            Some(other) => Err(Error::Clash {
                first: self.name(first.source),
                second: self.name(other.source),
                path: below(directory, first.child.name),
                reason: "one has a file and the other a directory at",
            }),
        }
    }

    /// What is in directories of one path.
    fn children(&self, group: &[Candidate<'a>]) -> Result<Vec<Candidate<'a>>, Error> {
        let sources = self.sources;
        let mut children = Vec::new();
        for &Candidate { source, child } in group {
            let within = sources[source].children(child.inside)?.into_iter();
            children.extend(within.map(|child| Candidate { source, child }));
        }
        Ok(children)
    }

    /// Plans a file; of several the last wins.
    fn place_files(&mut self, path: String, group: &[Candidate<'a>]) -> Result<(), Error> {
        let (winner, losers) = (group[group.len() - 1], &group[..group.len() - 1]);
        for loser in losers {
            let content = |one: &Candidate<'a>| {
                let file = self.sources[one.source].file(one.child.inside)?;
                Ok::<_, Error>((file.sha256, file.size))
            };
            let equal = content(&winner)? == content(loser)?;
            self.clashes.push(Clash {
                path: path.clone(),
                winner: self.name(winner.source),
                loser: self.name(loser.source),
                equal,
            });
        }
        let data = winner.child.inside.starts_with("data/");
        let mode = if is_changed_in_place(&path, data) { RealMode::Copy } else { self.mode };
        self.real(path, winner.source, winner.child.inside, mode);
        Ok(())
    }

    /// Plans a file of the store.
    pub(super) fn real(&mut self, path: String, source: usize, inside: &str, mode: RealMode) {
        if let Some(content) = self.sources[source].rewritten.get(inside) {
            self.steps.push(Step::file(path, content.clone(), true));
            return;
        }
        let wheel = self.sources[source].package.sha256;
        self.steps.push(Step::Real { path, wheel, inside: inside.to_owned(), mode });
    }

    /// Plans the bytecode beside modules: that of the wheel whose module is there, because Python does not
    /// compare it with the module.
    fn caches(
        &mut self,
        directory: &str,
        caches: &[Candidate<'a>],
        modules: &[Module<'a>],
    ) -> Result<(), Error> {
        let mut files: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let mut deeper = Vec::new();
        let owner = |name: &str| {
            let stem = name.strip_suffix(".pyc")?.split_once('.')?.0;
            modules.iter().find(|module| module.stem == stem).map(|module| module.source)
        };
        for candidate in self.children(caches)? {
            let Candidate { source, child } = candidate;
            if child.directory {
                deeper.push(candidate);
            } else if owner(child.name).is_none_or(|owner| owner == source) {
                files.insert(child.name.to_owned(), (source, child.inside.to_owned()));
            }
        }
        for group in modules.chunk_by(|one, other| one.source == other.source) {
            let Module { source, directory: inside, .. } = group[0];
            let Some(end) = self.sources[source].compiled()? else { continue };
            let known = self.sources[source].bytecode(inside)?;
            for module in group {
                let name = format!("{}{end}", module.stem);
                if known.contains(&name) {
                    let inside = format!("{inside}/{CACHE}/{name}");
                    files.insert(name, (source, inside));
                }
            }
        }
        // What is not compiled yet has its place, so that nothing else changes when it is.
        let awaited = self.spec.options.compiled && !modules.is_empty();
        if files.is_empty() && deeper.is_empty() && !awaited {
            return Ok(());
        }
        let path = below(directory, CACHE);
        self.steps.push(Step::Directory { path: path.clone() });
        for (name, (source, inside)) in files {
            self.real(below(&path, &name), source, &inside, self.mode);
        }
        deeper.sort_by_key(|candidate| candidate.child.name);
        self.contents(&path, &deeper, true)
    }

    /// Notes that a package has a path in a directory that every environment has.
    pub(super) fn take(&mut self, path: &str, source: usize) -> Result<(), Error> {
        match self.taken.insert(path.to_owned(), source) {
            None => Ok(()),
            Some(owner) => Err(self.taken_by(Some(owner), source, path.to_owned())),
        }
    }

    /// The error for a path that a package (`None`: the environment itself) has already.
    fn taken_by(&self, owner: Option<usize>, source: usize, path: String) -> Error {
        let first = owner.map_or_else(|| "the environment itself".to_owned(), |one| self.name(one));
        Error::Clash { first, second: self.name(source), path, reason: "both provide" }
    }
}

/// A path in a directory, which may be the environment itself.
fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { [directory, "/", name].concat() }
}
