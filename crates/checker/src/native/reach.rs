//! Which extension modules a start loads for certain: imports that stand in no branch, no function and no `try` that goes
//! on without them, from the entries on, through packages too. Must not know what is in an extension module.

mod certain;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pyfast_elf::is_object_name;
use serde::{Deserialize, Serialize};

use crate::finding::Place;
use crate::library::{Library, ReadFiles};
use crate::outline::{Call, From, Step, Stop, Test};
use crate::reached::{absolute, find, may_bind};
use crate::search::{Found, Search, SearchEntry, Whose};
use crate::service::{EntryTarget, Service};
use crate::sources::Disk;
use crate::steps;
use crate::version::PythonVersion;
use certain::{changes_modules, goes_on, may_end};

/// How deep modules import each other at most.
const DEEPEST: usize = 400;

/// Packages that load the extension module of their own name by code that is not followed.
const LOADERS: [&str; 1] = ["cv2"];

/// An extension module that is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// Its file.
    pub object: PathBuf,
    /// The import of the project's own that leads to it; `None` where the start command itself does.
    #[serde(skip)]
    pub place: Option<Place>,
    /// The modules from that import to it.
    pub chain: Vec<String>,
}

/// What a start loads, as far as sources can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// In the order in which they are loaded.
    pub loaded: Vec<Loaded>,
    /// Modules of packages whose sources cannot be read here, with the imports that lead to them.
    pub beyond: Vec<(String, Option<Place>)>,
}

/// A library that the project's own code opens by its name (`ctypes.CDLL("libx.so.1")`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The name.
    pub library: String,
    /// Where.
    pub place: Place,
}

/// The libraries that the project's own modules open by themselves while they are imported; packages are not followed.
pub fn opened(service: &Service, library: &Library<'_>) -> Vec<Opened> {
    let search =
        Search::new(&service.search_path, &service.standard_library, service.python, library.files);
    library.with_room(|| {
        let mut walk = Walk::new(search, library, service.python);
        walk.is_own_only = true;
        for entry in &service.entries {
            walk.entry(&entry.target);
        }
        walk.opened
    })
}

/// What the entries of a service load.
pub fn reach(service: &Service, library: &Library<'_>) -> Reach {
    let mut search =
        Search::new(&service.search_path, &service.standard_library, service.python, library.files);
    search.is_open |= service.is_open;
    if search.is_open {
        return Reach::default();
    }
    library.with_room(|| {
        let mut walk = Walk::new(search, library, service.python);
        for entry in &service.entries {
            walk.entry(&entry.target);
        }
        walk.reach
    })
}

/// What these modules of a directory of packages load, each chain beginning with one of them.
pub fn reach_in(packages: &Path, python: PythonVersion, modules: &[String]) -> Vec<Loaded> {
    let read = ReadFiles::default();
    let library = Library::new(&Disk, &read);
    let entry = SearchEntry { directory: packages.to_path_buf(), whose: Whose::Packages };
    let standard = crate::advice::standard_library(python);
    let search = Search::new(&[entry], &standard, python, &Disk);
    library.with_room(|| {
        let mut walk = Walk::new(search, &library, python);
        for module in modules {
            walk.load(module, None);
        }
        walk.reach.loaded
    })
}

struct Walk<'a> {
    search: Search<'a>,
    library: &'a Library<'a>,
    python: PythonVersion,
    seen: BTreeSet<String>,
    /// The modules that are running, from the import of the project's own on.
    chain: Vec<String>,
    /// That import.
    place: Option<Place>,
    depth: usize,
    /// Nobody knows what comes next, or whether anything does.
    ended: bool,
    /// Packages are passed over.
    is_own_only: bool,
    opened: Vec<Opened>,
    reach: Reach,
}

/// The module whose steps are looked at.
struct Module<'m> {
    path: &'m Path,
    package: String,
    is_main: bool,
    is_own: bool,
}

impl<'a> Walk<'a> {
    fn new(search: Search<'a>, library: &'a Library<'a>, python: PythonVersion) -> Self {
        let (seen, chain, place, opened, reach) = Default::default();
        let (depth, ended, is_own_only) = Default::default();
        Self {
            search,
            library,
            python,
            seen,
            chain,
            place,
            depth,
            ended,
            is_own_only,
            opened,
            reach,
        }
    }

    fn entry(&mut self, target: &EntryTarget) {
        match target {
            EntryTarget::Import { module, .. } | EntryTarget::File(module) => {
                self.load(module, None);
            }
            EntryTarget::Run(name) => self.run(name),
            EntryTarget::Script(path) => {
                let package = String::new();
                self.file(&Module { path, package, is_main: true, is_own: true });
            }
            // What is listed comes behind everything that is certain.
            EntryTarget::Django { .. } | EntryTarget::Includes(_) => {}
            EntryTarget::Any(targets) => {
                let there = |target: &&EntryTarget| match target {
                    EntryTarget::Import { module, .. } | EntryTarget::Run(module) => {
                        !matches!(find(&self.search, module), Found::Missing { .. })
                    }
                    _ => true,
                };
                if let Some(first) = targets.iter().find(there) {
                    self.entry(first);
                }
            }
        }
    }

    /// `python -m`: the packages above are imported, then the module runs as `__main__`.
    fn run(&mut self, name: &str) {
        let is_package = match find(&self.search, name) {
            Found::Source { directories, .. } => directories.is_some(),
            Found::Namespace { .. } => true,
            _ => false,
        };
        let name = if is_package { format!("{name}.__main__") } else { name.to_owned() };
        let package = name.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
        if !package.is_empty() {
            self.load(&package, None);
        }
        if let Found::Source { path, whose, .. } = find(&self.search, &name) {
            let is_own = whose == Whose::Project;
            self.file(&Module { path: &path, package, is_main: true, is_own });
        }
    }

    /// Imports a module, with the packages above it.
    fn load(&mut self, name: &str, from: Option<&Module<'_>>) {
        let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
        for end in ends {
            let part = &name[..end];
            if self.ended || self.depth > DEEPEST {
                return;
            }
            if self.seen.contains(part) {
                continue;
            }
            match find(&self.search, part) {
                Found::Source { path, directories, whose } => {
                    let is_own = whose == Whose::Project;
                    if !is_own && self.is_own_only {
                        return;
                    }
                    if !is_own && self.library.read(&path, self.python).is_none() {
                        let place = self.place.clone();
                        self.reach.beyond.push((name.to_owned(), place));
                        return;
                    }
                    self.seen.insert(part.to_owned());
                    let package = match directories {
                        Some(_) => part,
                        None => part.rsplit_once('.').map_or("", |(parent, _)| parent),
                    };
                    let package = package.to_owned();
                    self.chain.push(part.to_owned());
                    self.file(&Module { path: &path, package, is_main: false, is_own });
                    if LOADERS.contains(&part) && !is_own {
                        let inner = format!("{part}.{part}");
                        self.extension(&inner, None);
                    }
                    self.chain.pop();
                }
                Found::Binary { .. } => {
                    self.seen.insert(part.to_owned());
                    self.extension(part, from);
                }
                Found::Namespace { .. } => {}
                // A module that is missing is another rule's.
                Found::Named | Found::Missing { .. } => return,
            }
        }
    }

    fn extension(&mut self, name: &str, from: Option<&Module<'_>>) {
        let file = match name.rsplit_once('.') {
            None => self.search.extension_file(None, name),
            Some((parent, last)) => match find(&self.search, parent) {
                Found::Source { directories: Some(directories), .. }
                | Found::Binary { directories: Some(directories), .. }
                | Found::Namespace { directories, .. } => {
                    self.search.extension_file(Some(&directories), last)
                }
                _ => None,
            },
        };
        let Some(object) = file else { return };
        // The project's own files are where the import stands.
        let mut chain = self.chain.clone();
        if from.is_some_and(|from| from.is_own) {
            chain.clear();
        }
        chain.push(name.to_owned());
        self.reach.loaded.push(Loaded { object, place: self.place.clone(), chain });
    }

    fn file(&mut self, module: &Module<'_>) {
        let read = self.library.read(module.path, self.python);
        let Some(outline) = read.as_ref().and_then(|read| read.outline.as_ref()) else {
            // It does not compile: nothing comes behind it.
            self.ended = true;
            return;
        };
        let before = self.place.clone();
        let chain = self.chain.clone();
        if module.is_own {
            self.chain.clear();
        }
        self.depth += 1;
        self.steps(&outline.body, module);
        self.depth -= 1;
        self.chain = chain;
        self.place = before;
    }

    fn steps(&mut self, steps: &[Step], module: &Module<'_>) {
        for step in steps {
            if self.ended {
                return;
            }
            if let Step::Call(call) = step
                && module.is_own
                && let Some(library) = opens(call)
                && self.has_of_ctypes(module.path, call.called.path.first())
            {
                let place = self.library.place(module.path, call.called.at, self.python);
                self.opened.push(Opened { library, place });
            }
            match step {
                Step::Import(import) => {
                    self.note(module, import.at);
                    self.load(&import.module, Some(module));
                }
                Step::From(from) => {
                    self.note(module, from.at);
                    self.from(from, module);
                }
                Step::Branch { test, then, otherwise } => match &**test {
                    Test::Known(true) => self.steps(then, module),
                    Test::IsMain(is) if *is == module.is_main => self.steps(then, module),
                    Test::Known(false) | Test::IsMain(_) => self.steps(otherwise, module),
                    _ => {
                        self.ended |=
                            may_end(then, module.is_own) || may_end(otherwise, module.is_own);
                    }
                },
                Step::Try(attempt) if goes_on(attempt) => {
                    self.ended |= may_end(std::slice::from_ref(step), module.is_own);
                }
                Step::Try(attempt) => {
                    self.steps(&attempt.body, module);
                    self.steps(&attempt.orelse, module);
                    self.steps(&attempt.finally, module);
                }
                Step::Class(class) => self.steps(&class.body, module),
                Step::Loop { .. } | Step::Perhaps(_) => {
                    self.ended |= may_end(std::slice::from_ref(step), module.is_own);
                }
                Step::Stop(Stop::Leaves) => return,
                Step::Stop(_) => self.ended = true,
                step => self.ended |= module.is_own && changes_modules(step),
            }
        }
    }

    /// Whether a file has a name of ctypes, and of nobody else.
    fn has_of_ctypes(&self, path: &Path, name: &str) -> bool {
        let read = self.library.read(path, self.python);
        let Some(outline) = read.as_ref().and_then(|read| read.outline.as_ref()) else {
            return false;
        };
        let (mut has, mut has_other) = (false, false);
        steps::each_step(outline, &mut |step| {
            let of = match step {
                Step::Import(import) => import.module.as_str(),
                Step::From(from) if from.level == 0 => from.module.as_str(),
                _ => "",
            };
            let is_ctypes = of.split('.').next() == Some("ctypes");
            let binds = steps::binds(step, name);
            let is_star = matches!(step, Step::From(from) if from.names.is_empty());
            has |= is_ctypes && (binds || is_star);
            has_other |= !is_ctypes && (binds || is_star);
        });
        has && !has_other
    }

    /// Imports of the project's own are what is spoken of.
    fn note(&mut self, module: &Module<'_>, at: u32) {
        if module.is_own {
            self.place = Some(self.library.place(module.path, at, self.python));
        }
    }

    fn from(&mut self, from: &From, module: &Module<'_>) {
        let Some(name) = absolute(from, &module.package) else { return };
        self.load(&name, Some(module));
        let binds = |imported: &str| match find(&self.search, &name) {
            Found::Source { path, directories, .. } => {
                let read = self.library.read(&path, self.python);
                let outline = read.as_ref().and_then(|read| read.outline.as_ref());
                let package = directories.is_some().then_some(&*name);
                outline.is_none_or(|outline| may_bind(outline, package, imported))
            }
            Found::Namespace { .. } => false,
            _ => true,
        };
        let modules: Vec<String> = from
            .names
            .iter()
            .filter(|imported| !binds(&imported.name))
            .map(|imported| format!("{name}.{}", imported.name))
            .collect();
        // Of what cannot be read everything is asked elsewhere.
        let beyond = self.reach.beyond.iter().any(|(module, _)| *module == name);
        for inner in modules.into_iter().filter(|_| !beyond) {
            self.load(&inner, Some(module));
        }
    }
}

/// The library that a call opens by a name that the loader looks for.
fn opens(call: &Call) -> Option<String> {
    let mut of = call.called.path.names().rev();
    let is_ctypes = |of: Option<&str>| matches!(of, None | Some("ctypes"));
    let opens = match (of.next()?, of.next()) {
        ("CDLL" | "PyDLL", of) => is_ctypes(of),
        ("LoadLibrary", Some("cdll")) => is_ctypes(of.next()),
        _ => false,
    };
    let text = call.text.as_ref().filter(|_| opens)?;
    (is_object_name(text) && text.starts_with("lib") && !text.contains('/'))
        .then(|| text.to_string())
}

#[cfg(test)]
mod tests;
