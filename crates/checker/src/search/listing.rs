//! What one directory of a search path has, as imports ask for it. Must not know other directories.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::sources::Listed;
use crate::version::PythonVersion;

/// What a directory has.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Names, and whether each is a directory.
    names: BTreeMap<String, bool>,
    has_extensions: bool,
    /// Names by what they are in small letters, without what sources end in.
    by_small: OnceLock<FxHashMap<String, String>>,
}

impl Listing {
    pub(super) fn of(listed: Vec<Listed>) -> Self {
        let names = listed.into_iter().map(|Listed { name, is_directory }| (name, is_directory));
        let names: BTreeMap<String, bool> = names.collect();
        let has_extensions = names.keys().any(|name| has_end(name, "so"));
        Self { names, has_extensions, by_small: OnceLock::new() }
    }

    pub(super) fn has_directory(&self, name: &str) -> bool {
        self.names.get(name) == Some(&true)
    }

    pub(crate) fn has_file(&self, name: &str) -> bool {
        self.names.get(name) == Some(&false)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// Whether it has a module in machine code that this Python loads.
    pub(super) fn has_extension(&self, name: &str, version: PythonVersion) -> bool {
        if !self.has_extensions {
            return false;
        }
        !self.extensions(name, version).is_empty()
    }

    /// The files that can be the module of this name in machine code.
    pub(super) fn extensions(&self, name: &str, version: PythonVersion) -> Vec<String> {
        let tagged = format!("{name}.cpython-{}{}", version.major, version.minor);
        let plain = [format!("{name}.abi3.so"), format!("{name}.so")].into_iter();
        let from = self.names.range(tagged.clone()..);
        let tagged_here = from.take_while(|(file, _)| file.starts_with(&tagged));
        let tagged_here = tagged_here.filter(|(file, is_directory)| {
            let rest = &file[tagged.len()..];
            let is_longer = rest.starts_with(|next: char| next.is_ascii_digit());
            !**is_directory && has_end(file, "so") && !is_longer
        });
        let tagged_here = tagged_here.map(|(file, _)| file.clone());
        tagged_here.chain(plain.filter(|file| self.has_file(file))).collect()
    }

    /// The source or directory whose module's name is this one but for capital letters.
    pub(super) fn misspelt(&self, name: &str) -> Option<String> {
        let by_small = self.by_small.get_or_init(|| {
            let modules = self.names.iter().rev().filter_map(|(name, &is_directory)| {
                let source = name.strip_suffix(".py");
                let is_module = is_directory == source.is_none();
                let module = is_module.then(|| source.unwrap_or(name))?;
                Some((module.to_lowercase(), name.clone()))
            });
            modules.collect()
        });
        by_small.get(&name.to_lowercase()).cloned()
    }
}

/// Whether a file's name ends so, in small letters as Python wants it.
pub(super) fn has_end(name: &str, end: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, last)| last == end)
}
