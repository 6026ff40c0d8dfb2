//! Where a module comes from: the search path of one service, asked in `CPython`'s order and with exact names. Must not know
//! what is in a module, nor who asks.

mod listing;
mod path_files;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;

use crate::sources::Files;
use crate::syntax;
use crate::version::PythonVersion;
use listing::Listing;

/// Whose modules a directory has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The project's: they are checked.
    Project,
    /// Python's own: they are only asked.
    StandardLibrary,
    /// Of installed packages, with `.pth` files: they are only asked.
    Packages,
}

/// One directory of a search path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchEntry {
    /// The directory, as the check's files know it.
    pub directory: PathBuf,
    /// Whose modules it has.
    pub whose: Whose,
}

/// What a name is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// A source file; with the directories of its submodules if it is a package.
    Source {
        path: PathBuf,
        directories: Option<Vec<PathBuf>>,
        whose: Whose,
    },
    /// Something that cannot be read: an extension, bytecode alone.
    Binary {
        directories: Option<Vec<PathBuf>>,
        whose: Whose,
    },
    /// Directories without an `__init__`.
    Namespace {
        directories: Vec<PathBuf>,
        whose: Whose,
    },
    /// Of the standard library, of which the name alone is known.
    Named,
    Missing {
        misspelt: Option<String>,
    },
}

/// A search path.
pub(crate) struct Search<'a> {
    files: &'a dyn Files,
    version: PythonVersion,
    entries: Vec<SearchEntry>,
    standard: &'a BTreeSet<String>,
    /// What finders of editable installations map, by module.
    mapped: BTreeMap<String, PathBuf>,
    /// A finder may know modules that are not seen here.
    pub(crate) is_open: bool,
    /// By paths as they are written.
    listings: Mutex<FxHashMap<OsString, Arc<Listing>>>,
}

/// Modules that are in a process before any of its own code runs: no file of the project takes their place.
const EARLY: [&str; 12] = [
    "abc",
    "codecs",
    "encodings",
    "genericpath",
    "importlib",
    "io",
    "os",
    "posixpath",
    "site",
    "stat",
    "zipimport",
    "_sitebuiltins",
];

impl<'a> Search<'a> {
    pub(crate) fn new(
        entries: &[SearchEntry],
        standard: &'a BTreeSet<String>,
        version: PythonVersion,
        files: &'a dyn Files,
    ) -> Self {
        let mut search = Self {
            files,
            version,
            entries: Vec::new(),
            standard,
            mapped: BTreeMap::new(),
            is_open: false,
            listings: Mutex::default(),
        };
        for entry in entries {
            search.entries.push(entry.clone());
            if entry.whose == Whose::Packages {
                search.read_path_files(&entry.directory);
            }
        }
        search
    }

    /// A module without a dot.
    pub(crate) fn top(&self, name: &str) -> Found {
        let is_early = EARLY.contains(&name)
            || syntax::is_builtin_module(self.version, name) && self.standard.contains(name);
        let mut namespace: Option<Found> = None;
        let mut misspelt = None;
        let mut is_standard_due = true;
        if is_early && self.standard.contains(name) {
            return self.standard_module(name);
        }
        for entry in &self.entries {
            if entry.whose != Whose::Project && is_standard_due {
                is_standard_due = false;
                if self.standard.contains(name) {
                    return self.standard_module(name);
                }
            }
            match self.within(&entry.directory, name, entry.whose) {
                Found::Missing { misspelt: other } => misspelt = misspelt.or(other),
                Found::Namespace { directories, whose } => match &mut namespace {
                    Some(Found::Namespace { directories: all, .. }) => all.extend(directories),
                    _ => namespace = Some(Found::Namespace { directories, whose }),
                },
                found => return found,
            }
        }
        if is_standard_due && self.standard.contains(name) {
            return Found::Named;
        }
        if let Some(path) = self.mapped.get(name) {
            return self.mapped_module(path);
        }
        namespace.unwrap_or(Found::Missing { misspelt })
    }

    /// A module of a package, by its own last name.
    pub(crate) fn inside(&self, directories: &[PathBuf], name: &str, whose: Whose) -> Found {
        let mut namespace = Vec::new();
        let mut misspelt = None;
        for directory in directories {
            match self.within(directory, name, whose) {
                Found::Missing { misspelt: other } => misspelt = misspelt.or(other),
                Found::Namespace { directories, .. } => namespace.extend(directories),
                found => return found,
            }
        }
        if namespace.is_empty() {
            Found::Missing { misspelt }
        } else {
            Found::Namespace { directories: namespace, whose }
        }
    }

    /// Whether the standard library or an installed package has a module of this name too.
    pub(crate) fn is_elsewhere(&self, name: &str) -> bool {
        self.standard.contains(name) || self.installed(name)
    }

    fn installed(&self, name: &str) -> bool {
        let packages = self.entries.iter().filter(|entry| entry.whose == Whose::Packages);
        packages.into_iter().any(|entry| {
            let found = self.within(&entry.directory, name, entry.whose);
            matches!(found, Found::Source { .. } | Found::Binary { .. })
        })
    }

    pub(crate) fn is_standard(&self, name: &str) -> bool {
        self.standard.contains(name)
    }

    fn standard_module(&self, name: &str) -> Found {
        let mut directories =
            self.entries.iter().filter(|entry| entry.whose == Whose::StandardLibrary);
        directories
            .find_map(|entry| match self.within(&entry.directory, name, entry.whose) {
                Found::Missing { .. } | Found::Namespace { .. } => None,
                found => Some(found),
            })
            .unwrap_or(Found::Named)
    }

    fn mapped_module(&self, path: &Path) -> Found {
        let whose = Whose::Project;
        if self.listing(path).has_file("__init__.py") {
            let directories = Some(vec![path.to_path_buf()]);
            return Found::Source { path: path.join("__init__.py"), directories, whose };
        }
        if path.extension().is_some_and(|end| end == "py") {
            return Found::Source { path: path.to_path_buf(), directories: None, whose };
        }
        Found::Namespace { directories: vec![path.to_path_buf()], whose }
    }

    /// One directory: a package, then an extension, then source, then bytecode, then a portion of a namespace.
    fn within(&self, directory: &Path, name: &str, whose: Whose) -> Found {
        let listing = self.listing(directory);
        let is_directory = listing.has_directory(name);
        if is_directory {
            let package = directory.join(name);
            let inner = self.listing(&package);
            let directories = Some(vec![package.clone()]);
            if inner.has_extension("__init__", self.version) {
                return Found::Binary { directories, whose };
            }
            if inner.has_file("__init__.py") {
                return Found::Source { path: package.join("__init__.py"), directories, whose };
            }
            if inner.has_file("__init__.pyc") {
                return Found::Binary { directories, whose };
            }
        }
        if listing.has_extension(name, self.version) {
            return Found::Binary { directories: None, whose };
        }
        let source = format!("{name}.py");
        if listing.has_file(&source) {
            return Found::Source { path: directory.join(source), directories: None, whose };
        }
        if listing.has_file(&format!("{name}.pyc")) {
            return Found::Binary { directories: None, whose };
        }
        if is_directory {
            return Found::Namespace { directories: vec![directory.join(name)], whose };
        }
        let misspelt = match whose {
            Whose::Project => listing.misspelt(name),
            _ => None,
        };
        Found::Missing { misspelt }
    }

    /// The file of an extension module of a package, or without one of the search path; `None` if none of them, or several,
    /// may be it.
    pub(crate) fn extension_file(&self, within: Option<&[PathBuf]>, name: &str) -> Option<PathBuf> {
        let own: Vec<PathBuf> = match within {
            Some(directories) => directories.to_vec(),
            None => self.entries.iter().map(|entry| entry.directory.clone()).collect(),
        };
        for directory in own {
            let inner = directory.join(name);
            for (directory, name) in [(&inner, "__init__"), (&directory, name)] {
                match &self.listing(directory).extensions(name, self.version)[..] {
                    [] => {}
                    [one] => return Some(directory.join(one)),
                    _ => return None,
                }
            }
        }
        None
    }

    pub(crate) fn listing(&self, directory: &Path) -> Arc<Listing> {
        let directory = directory.as_os_str();
        let mut listings = self.listings.lock().expect("nobody panics with it");
        if let Some(listing) = listings.get(directory) {
            return Arc::clone(listing);
        }
        let listing = Arc::new(Listing::of(self.files.list(directory.as_ref())));
        listings.insert(directory.to_owned(), Arc::clone(&listing));
        listing
    }
}
