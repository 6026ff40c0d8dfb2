//! Which of the project's files a service can reach, by their imports alone: they are read at once before anything is simulated.
//! Must not know what an import does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::library::{self, Library};
use crate::outline::{From, Step};
use crate::search::{Found, Search, Whose};
use crate::version::PythonVersion;

/// The absolute name that a `from` means in a package; `None` if it leads out of it.
pub(crate) fn absolute(from: &From, package: &str) -> Option<String> {
    if from.level == 0 {
        return Some(from.module.clone());
    }
    let mut parts: Vec<&str> = package.split('.').filter(|part| !part.is_empty()).collect();
    let up = usize::try_from(from.level - 1).ok()?;
    if parts.is_empty() || up >= parts.len() {
        return None;
    }
    parts.truncate(parts.len() - up);
    if !from.module.is_empty() {
        parts.push(&from.module);
    }
    Some(parts.join("."))
}

/// The modules that a step names, each with the packages above it.
pub(crate) fn named(step: &Step, package: &str) -> Vec<String> {
    let mut names = Vec::new();
    match step {
        Step::Import(import) => names.push(import.module.clone()),
        Step::From(from) => {
            let Some(module) = absolute(from, package) else { return names };
            names.extend(from.names.iter().map(|name| format!("{module}.{}", name.name)));
            names.push(module);
        }
        _ => {}
    }
    let parents: Vec<String> = names
        .iter()
        .flat_map(|name| name.match_indices('.').map(|(end, _)| name[..end].to_owned()))
        .collect();
    names.extend(parents);
    names
}

/// Finds a module by its whole name.
pub(crate) fn find(search: &Search<'_>, name: &str) -> Found {
    let mut parts = name.split('.');
    let mut found = search.top(parts.next().unwrap_or_default());
    for part in parts {
        found = match found {
            Found::Source { directories: Some(directories), whose, .. }
            | Found::Binary { directories: Some(directories), whose }
            | Found::Namespace { directories, whose } => search.inside(&directories, part, whose),
            _ => return Found::Missing { misspelt: None },
        };
    }
    found
}

/// A file of the project, and the package that it is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Reached {
    path: PathBuf,
    package: String,
}

/// Reads everything of the project that can be reached from files and modules, many at a time.
pub(crate) fn read_reached(
    search: &Search<'_>,
    library: &Library<'_>,
    version: PythonVersion,
    scripts: &[PathBuf],
    modules: &[String],
) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut due: BTreeSet<Reached> =
        scripts.iter().map(|path| Reached { path: path.clone(), package: String::new() }).collect();
    let mut wanted: Vec<String> = modules.to_vec();
    loop {
        for name in wanted.drain(..) {
            let parents = name.match_indices('.').map(|(end, _)| name[..end].to_owned());
            for name in parents.chain([name.clone()]) {
                if seen.insert(name.clone()) {
                    due.extend(reached(search, &name));
                }
            }
        }
        if due.is_empty() {
            return;
        }
        let files = std::mem::take(&mut due);
        library.read_all(&files.iter().map(|file| file.path.clone()).collect(), version);
        for file in &files {
            wanted.extend(imported(library, version, &file.path, &file.package));
        }
    }
}

fn reached(search: &Search<'_>, name: &str) -> Option<Reached> {
    let Found::Source { path, directories, whose: Whose::Project } = find(search, name) else {
        return None;
    };
    let package = match directories {
        Some(_) => name,
        None => name.rsplit_once('.').map_or("", |(parent, _)| parent),
    };
    Some(Reached { path, package: package.to_owned() })
}

fn imported(
    library: &Library<'_>,
    version: PythonVersion,
    path: &Path,
    package: &str,
) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(read) = library.read(path, version)
        && let Some(outline) = &read.outline
    {
        library::each_step(outline, &mut |step| names.extend(named(step, package)));
    }
    names
}
