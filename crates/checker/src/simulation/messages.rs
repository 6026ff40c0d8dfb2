//! The sentences: why something fails, and what helps. Must not know how it was found.

use std::path::{Path, PathBuf};

use super::failing::Draft;
use super::table::{Loss, Lost, Status};
use super::{Frame, Simulation};
use crate::advice::{lacking, nearest, project_of, removed};
use crate::finding::{Place, Rule};
use crate::outline::{From, Name, Use};
use crate::search::{Found, Whose};
use crate::service::EntryTarget;
use crate::steps;

/// A module that nothing has.
pub(super) fn missing(
    simulation: &Simulation<'_>,
    frame: &Frame,
    at: u32,
    name: &str,
    misspelt: Option<&str>,
) -> Draft {
    let mut draft = simulation.draft(frame, at, Rule::MissingModule, name);
    draft.message = format!("there is no module `{name}`");
    // Made by a build from something else, which may be what an image does.
    let last = name.rsplit('.').next().unwrap_or_default();
    draft.is_doubtful = ["_pb2", "_pb2_grpc", "_version"].iter().any(|end| last.ends_with(end))
        || is_built(simulation, name);
    if let Some(other) = misspelt {
        draft.message = format!("there is no module `{name}`: the file is called `{other}`");
        draft.hint = Some(
            "write it as the file is written: containers tell capital letters from small ones"
                .to_owned(),
        );
    } else if let Some((parent, last)) = name.rsplit_once('.') {
        draft.message = format!("the package `{parent}` has no module `{last}`");
        draft.hint = Some(near(simulation, parent, last).map_or_else(
            || format!("write it, or take the import out; `{parent}` is the project's own"),
            |other| format!("`{parent}` has `{other}`"),
        ));
    } else if let Some(removed) = removed(name, simulation.service.python.minor) {
        draft.message = format!(
            "Python has no module `{name}` any more since 3.{}, and the service runs {}",
            removed.since, simulation.service.python
        );
        draft.hint = Some(removed.instead.to_owned());
    } else {
        draft.hint = project_of(name, &simulation.service.wheels)
            .map(|project| format!("add `{project}` to the requirements"))
            .or_else(|| near_module(simulation, name).map(|near| format!("there is `{near}`")));
    }
    if misspelt.is_none()
        && let Some(hint) = left_out(simulation, name)
            .or_else(|| above_script(simulation, name))
            .or_else(|| in_sources(simulation, name))
    {
        draft.hint = Some(hint);
    }
    draft
}

/// That a module is in the project, and not among the files of this service.
fn left_out(simulation: &Simulation<'_>, name: &str) -> Option<String> {
    let (parent, last) = name.rsplit_once('.').unwrap_or(("", name));
    let package = simulation.modules.get(parent).and_then(|module| module.directories.clone());
    let directories = package.unwrap_or_else(|| own_directories(simulation));
    let files = simulation.library.files;
    let names = [format!("{last}.py"), last.to_owned()];
    let places = directories.iter().flat_map(|place| names.iter().map(|name| place.join(name)));
    let (place, file) = places.into_iter().find_map(|path| Some((files.left_out(&path)?, path)))?;
    Some(format!(
        "the project has {}, and nothing brings it to {}: copy or mount it there, or look whether `.dockerignore` leaves it out",
        place.display(),
        file.display()
    ))
}

/// That a module is beside the directory of the script that is started, where Python does not look.
fn above_script(simulation: &Simulation<'_>, name: &str) -> Option<String> {
    let top = name.split('.').next()?;
    let scripts = simulation.service.entries.iter().filter_map(|entry| match &entry.target {
        EntryTarget::Script(path) => Some(path),
        _ => None,
    });
    let mut scripts: Vec<&PathBuf> = scripts.collect();
    let script = scripts.pop().filter(|_| scripts.is_empty())?;
    let own = script.parent()?;
    let above = own.parent()?;
    let listing = simulation.search.listing(above);
    if !listing.names().any(|one| one == top || one.strip_suffix(".py") == Some(top)) {
        return None;
    }
    let module = script.strip_prefix(above).ok()?.with_extension("");
    let module: Vec<&str> = module.iter().filter_map(|part| part.to_str()).collect();
    Some(format!(
        "it is in {above}, and a script is started with {own} alone: write `python -m {}` in {above}, or set `PYTHONPATH` to it",
        module.join("."),
        above = above.display(),
        own = own.display(),
    ))
}

/// That a module is in the project's `src`, which an installation of the project brings onto the search path.
pub(super) fn in_sources(simulation: &Simulation<'_>, name: &str) -> Option<String> {
    let top = name.split('.').next()?;
    let sources = own_directories(simulation).into_iter().map(|own| own.join("src"));
    let source = sources.into_iter().find(|source| {
        let listing = simulation.search.listing(source);
        listing.names().any(|one| one == top || one.strip_suffix(".py") == Some(top))
    })?;
    Some(format!(
        "it is in {source}, which is not searched: install the project into the environment (`-e .` in its requirements; what a Dockerfile installs is not in it), or set `PYTHONPATH={source}`",
        source = source.display()
    ))
}

/// Whether a source stands there of which a build makes the module, or the project says that something makes it.
fn is_built(simulation: &Simulation<'_>, name: &str) -> bool {
    let (parent, last) = name.rsplit_once('.').unwrap_or(("", name));
    let package = simulation.modules.get(parent).and_then(|module| module.directories.clone());
    let directories = package.unwrap_or_else(|| own_directories(simulation));
    directories.iter().any(|directory| {
        let listing = simulation.search.listing(directory);
        ["pyx", "c", "cpp"].iter().any(|end| listing.has_file(&format!("{last}.{end}")))
            || [format!("{last}.py"), last.to_owned(), format!("{last}/__init__.py")]
                .iter()
                .any(|name| simulation.library.files.is_made(&directory.join(name)))
    })
}

/// The module whose name is nearest, by its whole name.
pub(super) fn near_module(simulation: &Simulation<'_>, name: &str) -> Option<String> {
    match name.rsplit_once('.') {
        Some((parent, last)) => Some(format!("{parent}.{}", near(simulation, parent, last)?)),
        None => nearest_in(simulation, &own_directories(simulation), name),
    }
}

fn own_directories(simulation: &Simulation<'_>) -> Vec<PathBuf> {
    let entries = simulation.service.search_path.iter();
    let entries = entries.filter(|entry| entry.whose == Whose::Project);
    entries.map(|entry| entry.directory.clone()).collect()
}

/// The submodule whose name is nearest.
fn near(simulation: &Simulation<'_>, parent: &str, last: &str) -> Option<String> {
    let directories = simulation.modules.get(parent)?.directories.clone()?;
    nearest_in(simulation, &directories, last)
}

fn nearest_in(simulation: &Simulation<'_>, directories: &[PathBuf], last: &str) -> Option<String> {
    let names = directories.iter().flat_map(|directory| {
        let listing = simulation.search.listing(directory);
        listing
            .names()
            .map(|name| name.strip_suffix(".py").unwrap_or(name).to_owned())
            .filter(|name| !name.starts_with("__"))
            .collect::<Vec<_>>()
    });
    let names: Vec<String> = names.collect();
    nearest(last, names.iter().map(String::as_str)).map(str::to_owned)
}

/// A module of an installed package, which has others.
pub(super) fn missing_foreign(
    simulation: &Simulation<'_>,
    frame: &Frame,
    at: u32,
    name: &str,
) -> Draft {
    let mut draft = simulation.draft(frame, at, Rule::MissingModule, name);
    let (parent, last) = name.rsplit_once('.').unwrap_or(("", name));
    draft.message = format!("the installed package `{parent}` has no module `{last}`");
    draft.hint = Some("another version of the package may have it".to_owned());
    draft
}

pub(super) fn no_package(
    simulation: &Simulation<'_>,
    frame: &Frame,
    at: u32,
    parent: &str,
    name: &str,
) -> Draft {
    let mut draft = simulation.draft(frame, at, Rule::MissingModule, name);
    draft.message = format!("there is no module `{name}`: `{parent}` is a module, not a package");
    if is_shadow(simulation, parent) {
        draft.rule = Rule::ShadowedModule;
        draft.message = shadow(simulation, parent);
        draft.hint = Some(rename(simulation, parent));
    }
    draft
}

/// A relative import that leads nowhere.
pub(super) fn no_parent(simulation: &Simulation<'_>, frame: &Frame, from: &From) -> Draft {
    let name = format!("{}{}", ".".repeat(from.level as usize), from.module);
    let mut draft = simulation.draft(frame, from.at, Rule::MissingModule, &name);
    let package = simulation.modules.get(&frame.module).map_or("", |module| &module.package);
    if package.is_empty() {
        draft.message =
            format!("`{name}` is relative, and this file is started as no part of a package");
        draft.hint = Some(
            "import it by its whole name, or start the module with `python -m package.module`"
                .to_owned(),
        );
    } else {
        draft.message = format!("`{name}` leads out of the package `{package}`");
        draft.hint = Some("import it by its whole name".to_owned());
    }
    draft.about = format!("{} {name}", frame.module);
    draft
}

/// `from module import name`, and the module does not have it.
pub(super) fn no_name(
    simulation: &Simulation<'_>,
    frame: &Frame,
    at: u32,
    module: &str,
    name: &str,
) -> Draft {
    let known = &simulation.modules[module];
    if known.directories.is_some()
        && known.status == Status::Done
        && !binds(simulation, module, name)
    {
        // The same cause as an import of the module itself.
        let mut draft = missing(simulation, frame, at, &format!("{module}.{name}"), None);
        draft.message =
            format!("the package `{module}` has no module `{name}`, and binds no such name");
        return draft;
    }
    no_attribute(simulation, frame, at, module, name)
}

/// Whether the text of a module binds a name anywhere.
fn binds(simulation: &Simulation<'_>, module: &str, name: &str) -> bool {
    let read = simulation.modules.get(module).and_then(|known| known.read.as_ref());
    let outline = read.and_then(|read| read.outline.as_ref());
    outline.is_some_and(|outline| steps::bound(&outline.body).contains(name))
}

/// `module.name`, and the module does not have it.
pub(super) fn no_attribute(
    simulation: &Simulation<'_>,
    frame: &Frame,
    at: u32,
    module: &str,
    name: &str,
) -> Draft {
    let about = format!("{module}.{name}");
    let known = &simulation.modules[module];
    let binds = binds(simulation, module, name);
    let inner = simulation.modules.get(about.as_str()).map(|inner| inner.status);
    let asks_itself = known.status == Status::Running && frame.module == module;
    if is_shadow(simulation, module) && (!binds || asks_itself) {
        let mut draft = simulation.draft(frame, at, Rule::ShadowedModule, module);
        draft.message = shadow(simulation, module);
        draft.hint = Some(rename(simulation, module));
        return draft;
    }
    if inner == Some(Status::Running) {
        let mut draft = cycle(simulation, frame, at, &about, name);
        draft.message = format!(
            "`{about}` is still being imported when `{}` asks `{module}` for it: they import each other",
            frame.module
        );
        draft.hint = Some(format!("write `import {about} as {name}` and use it in functions"));
        return draft;
    }
    if known.status == Status::Running && binds {
        return cycle(simulation, frame, at, module, name);
    }
    let mut draft = simulation.draft(frame, at, Rule::MissingName, &about);
    draft.message = format!("the module `{module}` has no `{name}`");
    if known.directories.as_ref().is_some_and(|directories| {
        !matches!(
            simulation.search.inside(directories, name, Whose::Project),
            Found::Missing { .. }
        )
    }) {
        draft.message = format!("nothing has imported `{about}` when it is asked for here");
        draft.hint = Some(format!("write `import {about}`"));
        return draft;
    }
    draft.hint = nearest(name, known.names.keys().map(Name::as_str))
        .map(|other| format!("it has `{other}`"))
        .or_else(|| {
            let path = known.path.as_ref()?;
            Some(format!("define it in {}, or take it out here", short(simulation, path)))
        });
    draft
}

/// A module is asked for what it binds further down, while it waits for the one that asks.
fn cycle(simulation: &Simulation<'_>, frame: &Frame, at: u32, module: &str, name: &str) -> Draft {
    let mut draft = simulation.draft(frame, at, Rule::ImportCycle, &format!("{module}.{name}"));
    let begin = simulation.running.iter().rposition(|running| running.module == module);
    let ring = begin.map_or(&[][..], |begin| &simulation.running[begin..]);
    let mut related: Vec<(Place, String)> = Vec::new();
    for pair in ring.windows(2) {
        if let Some(place) = &pair[1].place {
            related.push((
                place.clone(),
                format!("`{}` imports `{}` here", pair[0].module, pair[1].module),
            ));
        }
    }
    // What was imported unseen may have been there before, and then the order was another.
    draft.is_doubtful = has_unseen(simulation)
        || ring.iter().any(|running| simulation.perhaps.contains(&running.module));
    draft.message = if ring.len() < 2 {
        format!("`{module}` asks itself for `{name}` before that is bound")
    } else {
        format!(
            "`{module}` has not bound `{name}` yet when `{}` asks for it: they import each other",
            frame.module
        )
    };
    draft.related = related;
    draft.hint = Some(format!(
        "in `{module}`, move the import below `{name}`; or import the module here instead of the name and use it in functions; or import inside the function that needs it"
    ));
    draft
}

/// Whether the project's code imports modules that are not seen here.
pub(super) fn has_unseen(simulation: &Simulation<'_>) -> bool {
    simulation.modules.values().any(|known| {
        let outline = known.read.as_ref().and_then(|read| read.outline.as_ref());
        outline.is_some_and(|outline| outline.has_unseen_imports)
    })
}

/// Whether a file of the project stands where another module of the same name is meant.
fn is_shadow(simulation: &Simulation<'_>, module: &str) -> bool {
    !module.contains('.') && simulation.search.is_elsewhere(module)
}

pub(super) fn shadow(simulation: &Simulation<'_>, module: &str) -> String {
    let other = if simulation.search.is_standard(module) {
        "module of the standard library"
    } else {
        "installed package"
    };
    let path = simulation.modules.get(module).and_then(|module| module.path.clone());
    let path = path.or_else(|| simulation.file_of(module));
    let file = path.map_or_else(|| module.to_owned(), |path| short(simulation, &path));
    format!("`{module}` is the project's own file {file} here, not the {other} of that name")
}

fn rename(simulation: &Simulation<'_>, module: &str) -> String {
    let path = simulation.modules.get(module).and_then(|module| module.path.as_ref());
    let file = path.map_or_else(|| module.to_owned(), |path| short(simulation, path));
    format!("give {file} another name")
}

/// A name that nothing binds.
pub(super) fn undefined(simulation: &Simulation<'_>, frame: &Frame, used: &Use) -> Draft {
    let name = used.path.first();
    let about = format!("{} {name}", frame.module);
    let mut draft = simulation.draft(frame, used.start, Rule::UndefinedName, &about);
    draft.message = format!("nothing binds the name `{name}`");
    let known = simulation.modules.get(&frame.module);
    let outline =
        known.and_then(|known| known.read.as_ref()).and_then(|read| read.outline.as_ref());
    if used.is_hidden {
        draft.message =
            format!("`{name}` is a name of the class, which what is inside of it does not see");
        draft.hint = Some(format!(
            "in methods write `self.{name}`; in a comprehension give it in the first `for`, or write a loop"
        ));
    } else if let Some(lost) = known.and_then(|known| known.lost.get(name)) {
        (draft.message, draft.hint) = gone(name, *lost);
    } else if outline.is_some_and(|outline| steps::bound(&outline.body).contains(name)) {
        draft.message = format!("the name `{name}` is bound only further down");
        draft.hint = Some("move what needs it below".to_owned());
    } else if let Some(other) =
        known.and_then(|known| nearest(name, known.names.keys().map(Name::as_str)))
    {
        draft.hint = Some(format!("there is `{other}`"));
    } else if let Some(other) = nearest(name, ["True", "False", "None"]) {
        draft.hint = Some(format!("there is `{other}`"));
    } else if simulation.search.is_standard(name) {
        draft.hint = Some(format!("`import {name}`"));
    }
    draft
}

/// Why a name that was bound is not any more, and what helps.
fn gone(name: &str, lost: Lost) -> (String, Option<String>) {
    let line = lost.line;
    match lost.why {
        Loss::Deleted => (format!("the name `{name}` was deleted in line {line}"), None),
        Loss::Handled => (
            format!("the name `{name}` is unbound at the end of its `except` (line {line})"),
            Some(format!("keep it under another name inside the `except`: `error = {name}`")),
        ),
        Loss::Failed => (
            format!(
                "nothing binds the name `{name}`: line {line} fails, which is caught, and leaves it unbound"
            ),
            Some(format!(
                "bind it in the `except` too (`{name} = None`), and ask for it before it is used"
            )),
        ),
    }
}

/// A name that somebody else's module does not have.
pub(super) fn no_foreign_name(
    simulation: &Simulation<'_>,
    frame: &Frame,
    at: u32,
    module: &str,
    name: &str,
) -> Draft {
    let mut draft = simulation.draft(frame, at, Rule::MissingName, &format!("{module}.{name}"));
    let first = module.split('.').next().unwrap_or_default();
    let whose = if simulation.search.is_standard(first) {
        format!("Python {}'s", simulation.service.python)
    } else {
        "the installed".to_owned()
    };
    draft.message = format!("{whose} `{module}` has no `{name}`");
    let names = simulation.foreign.names(module);
    let by_version = lacking(module, name, simulation.service.python);
    draft.hint = by_version.or_else(|| {
        nearest(name, names.iter().map(Name::as_str)).map(|other| format!("it has `{other}`"))
    });
    draft
}

/// A path as people know it: below the directory of the project that has it.
fn short(simulation: &Simulation<'_>, path: &Path) -> String {
    let entries = simulation.service.search_path.iter();
    let below = entries.filter_map(|entry| path.strip_prefix(&entry.directory).ok());
    let shortest = below.min_by_key(|below| below.components().count());
    shortest.unwrap_or(path).display().to_string()
}
