//! Which of the project's files a service can reach, by their imports alone: they are read while it is simulated.
//! Must not know what an import does.

use std::path::PathBuf;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::library::Library;
use crate::outline::{From, Name, Outline, Step};
use crate::search::{Found, Search, Whose};
use crate::steps;
use crate::version::PythonVersion;

/// The absolute name that a `from` means in a package; `None` if it leads out of it.
pub(crate) fn absolute(from: &From, package: &str) -> Option<String> {
    if from.level == 0 {
        return Some(from.module.to_string());
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

/// The modules that a step names, which may be names in modules; the packages above them are named with them.
pub(crate) fn named(step: &Step, package: &str, act: &mut dyn FnMut(Name)) {
    match step {
        Step::Import(import) => act(import.module.clone()),
        Step::From(from) => {
            let Some(module) = absolute(from, package) else { return };
            if from.names.is_empty() {
                return act(module.into());
            }
            for name in &from.names {
                act(Name::join(&[&*module, &*name.name], "."));
            }
        }
        _ => {}
    }
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

/// Whether a module may have a name by its own text. That a `package` imports one of its own modules from itself does not
/// count.
pub(crate) fn may_bind(outline: &Outline, package: Option<&str>, name: &str) -> bool {
    let mut may = outline.is_open || outline.globals.iter().any(|global| global == name);
    steps::each(&outline.body, &mut |step| {
        may |= match step {
            Step::From(from) if !from.is_local => {
                let is_itself =
                    package.is_some_and(|own| absolute(from, own).is_some_and(|of| of == own));
                let mut others = from.names.iter().filter(|one| !is_itself || one.name != name);
                from.names.is_empty()
                    || others.any(|one| [name, "__getattr__"].contains(&one.bound().as_str()))
            }
            step => steps::binds(step, name) || steps::binds(step, "__getattr__"),
        };
    });
    may
}

/// A file of the project, and the package that it is in.
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
    let mut seen: FxHashSet<Name> = FxHashSet::default();
    let of_script = |path: &PathBuf| Reached { path: path.clone(), package: String::new() };
    let mut due: Vec<Reached> = scripts.iter().map(of_script).collect();
    let mut wanted: FxHashSet<Name> = modules.iter().map(Name::from).collect();
    loop {
        let mut new: Vec<Name> = Vec::new();
        for part in wanted.iter().flat_map(|name| with_parents(name)) {
            if !seen.contains(part) {
                seen.insert(part.into());
                new.push(part.into());
            }
        }
        due.par_extend(new.par_iter().filter_map(|name| reached(search, name)));
        if due.is_empty() {
            return;
        }
        let files = std::mem::take(&mut due);
        let named = files.par_iter().map(|file| imported(library, version, file));
        wanted = named.reduce(FxHashSet::default, |one, other| {
            let (mut all, more) = if one.len() < other.len() { (other, one) } else { (one, other) };
            all.extend(more);
            all
        });
    }
}

/// A module and the packages above it.
pub(crate) fn with_parents(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
    ends.map(|end| &name[..end])
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

/// The modules that a file names; it is read for that.
fn imported(library: &Library<'_>, version: PythonVersion, file: &Reached) -> FxHashSet<Name> {
    let mut names = FxHashSet::default();
    if let Some(read) = library.read(&file.path, version)
        && let Some(outline) = &read.outline
    {
        steps::each_step(outline, &mut |step| {
            named(step, &file.package, &mut |name| {
                names.insert(name);
            });
        });
    }
    names
}
