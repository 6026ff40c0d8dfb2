//! The project's compose files: how they are found, read, interpolated and merged, as Compose does it. Owns the typed
//! model of what the launcher needs and the whole model that is passed through untouched; must not know what is done
//! with either.
//!
//! Sources: the Compose Specification, and `docker-compose config`, which the result must be equal to.

mod canonical;
mod check;
mod contradictions;
mod dotenv;
mod error;
mod find;
mod forms;
mod interpolate;
mod load;
mod merge;
mod model;
mod own;
mod paths;
mod schema;
mod seen;
#[cfg(test)]
mod tests;
mod typed;
mod words;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::Error;
pub(crate) use check::round;
pub use error::{ComposeError, Place};
pub use find::NAMES;
use interpolate::Budget;
pub use model::{
    Build, ComposeProject, Condition, Dependency, Healthcheck, HealthcheckTest, Hook, Service,
    WatchAction, WatchRule, Written,
};
pub(crate) use own::OVERRIDE_MARK;
pub use own::{PRIVATE, is_ours, override_apart, override_of_call};
pub(crate) use paths::absolute;
use seen::Seen;
use yaml::{Mapping, Node, Yaml};

/// What shapes the reading of a compose project.
#[derive(Debug, Clone, Copy)]
pub struct ComposeRequest<'a> {
    /// The directory where the search begins and relative `files` start, absolute.
    pub directory: &'a Path,
    /// Files named by the user, in order; empty to find them.
    pub files: &'a [PathBuf],
    /// The environment of the process.
    pub environment: &'a BTreeMap<String, String>,
    /// Profiles named by the user; empty for those of `COMPOSE_PROFILES`. `*` is all.
    pub profiles: &'a [String],
    /// Services named by the user: their profiles become active.
    pub services: &'a [String],
    /// The project's name where the user gives one.
    pub project_name: Option<&'a str>,
}

impl<'a> ComposeRequest<'a> {
    /// The project of a directory as Compose finds it there.
    pub fn of(directory: &'a Path, environment: &'a BTreeMap<String, String>) -> Self {
        let (files, profiles, services) = (&[], &[], &[]);
        Self { directory, files, environment, profiles, services, project_name: None }
    }
}

/// Finds, reads, interpolates and merges a project's compose files.
///
/// # Errors
/// [`Error::Compose`]: no file is found, one cannot be read, or one makes no sense; with file, line and key.
pub fn read_compose(request: &ComposeRequest<'_>) -> Result<ComposeProject, Error> {
    Ok(read(request, &Seen::default())?)
}

/// The name that a project has by its files and variables.
///
/// # Errors
/// As [`read_compose`], of what names it.
pub fn compose_name(request: &ComposeRequest<'_>) -> Result<String, Error> {
    let seen = Seen::default();
    let found = find::find(request, &seen)?;
    let mut loader = load::Loader::new(found.values.clone(), Budget::default(), &seen);
    Ok(name(request, &found, &mut loader)?)
}

/// The files that a project is read from, or would be: those that it finds, includes and extends, and files of variables.
/// One that cannot be read, or makes no sense, is among them.
pub fn compose_inputs(request: &ComposeRequest<'_>) -> BTreeSet<PathBuf> {
    let seen = Seen::default();
    // What is wrong with them is told where they are used.
    let _ = read(request, &seen);
    seen.files()
}

fn read(request: &ComposeRequest<'_>, seen: &Seen) -> Result<ComposeProject, ComposeError> {
    let found = find::find(request, seen)?;
    // The first one that is wrong hides the others.
    found.files.iter().for_each(|file| seen.note(file));
    let mut loader = load::Loader::new(found.values.clone(), Budget::default(), seen);
    let name = name(request, &found, &mut loader)?;
    let mut values = found.values;
    let profiles = active_profiles(request.profiles, &values);
    let mut warnings = found.warnings;
    values.insert("COMPOSE_PROJECT_NAME".to_owned(), name.clone());
    let used = std::mem::take(&mut loader.variables.used);
    let mut loader = load::Loader::new(values, loader.variables.budget, seen);
    loader.variables.used = used;
    let mut model = loader.project(&found.files, &found.directory)?;
    let version = model.remove("version").as_ref().and_then(Node::scalar);
    let at = model.at.clone();
    model.set("name", Node::text(&name, &at));
    let inactive = leave_out(&mut model, profiles, request.services)?;
    let mut services = type_services(&mut model, &mut loader, &found.directory)?;
    check::references(&model, &mut services, &inactive)?;
    contradictions::check(&model)?;
    for name in &loader.variables.unset {
        warnings.push(format!("the variable {name} is not set, an empty text stands for it"));
    }
    Ok(ComposeProject {
        starts: starts(&model),
        name,
        version,
        directory: found.directory,
        files: found.files,
        own: found.own,
        found: found.searched,
        services,
        inactive: inactive.into_iter().collect(),
        variables: loader.variables.used,
        model: model.to_json(),
        warnings,
    })
}

/// The project's name: the one that is given, the variable's, the files', else the directory's.
fn name(
    request: &ComposeRequest<'_>,
    found: &find::Found,
    loader: &mut load::Loader,
) -> Result<String, ComposeError> {
    let variable = found.values.get("COMPOSE_PROJECT_NAME").map(String::as_str);
    let given = request.project_name.map(|name| (name, "given"));
    let given = given.or(variable.map(|name| (name, "COMPOSE_PROJECT_NAME")));
    match given.filter(|(name, _)| !name.is_empty()) {
        Some((name, _)) if is_project_name(name) => Ok(name.to_owned()),
        Some((name, origin)) => Err(ComposeError::ProjectName { name: name.to_owned(), origin }),
        None => {
            let named = loader.name(&found.files)?;
            Ok(named.unwrap_or_else(|| project_name(&found.directory)))
        }
    }
}

fn active_profiles(named: &[String], values: &BTreeMap<String, String>) -> BTreeSet<String> {
    if !named.is_empty() {
        return named.iter().cloned().collect();
    }
    let list = values.get("COMPOSE_PROFILES").map(String::as_str).unwrap_or_default();
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A directory's name as Compose makes a project's name of it.
fn project_name(directory: &Path) -> String {
    let name = directory.file_name().and_then(|name| name_of(&name.to_string_lossy()));
    name.unwrap_or_else(|| "default".to_owned())
}

/// The name of a project that Compose makes of a text; `None` where nothing of it can be in one.
fn name_of(text: &str) -> Option<String> {
    let kept = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let name: String = text.to_lowercase().chars().filter(kept).collect();
    let name = name.trim_start_matches(['-', '_']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// Whether Compose takes a text as a project's name; it becomes a part of other names, and of paths.
fn is_project_name(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.starts_with(letter) && name.chars().all(|c| letter(c) || matches!(c, '-' | '_'))
}

/// Takes out the services of profiles that are not active, and gives their names.
fn leave_out(
    model: &mut Node,
    mut active: BTreeSet<String>,
    wanted: &[String],
) -> Result<BTreeSet<String>, ComposeError> {
    let at = model.at.clone();
    let missing = || Node::new(Yaml::Null, &at).invalid("services", "the project has no services");
    let services = canonical::get_mut(model, "services").ok_or_else(missing)?;
    let profiles = |node: &Node| -> Vec<String> {
        node.get("profiles")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::scalar)
            .collect()
    };
    for name in wanted {
        active.extend(services.get(name).map(profiles).unwrap_or_default());
    }
    let is_active = |node: &Node| {
        let profiles = profiles(node);
        profiles.is_empty()
            || active.contains("*")
            || profiles.iter().any(|name| active.contains(name))
    };
    let Yaml::Map(entries) = &mut services.value else { return Err(missing()) };
    if entries.is_empty() {
        return Err(missing());
    }
    let (kept, left): (Mapping, Mapping) =
        std::mem::take(entries).into_iter().partition(|(_, node)| is_active(node));
    *entries = kept;
    Ok(left.into_keys().collect())
}

/// Where the words are that services begin with.
fn starts(model: &Node) -> BTreeMap<String, Vec<Written>> {
    let services = model.get("services").into_iter().flat_map(Node::entries);
    let written = |item: &Node| Some(item.at.written(item.scalar()?));
    let of = |service: &Node| {
        let keys = ["entrypoint", "command"].into_iter();
        let items = keys.filter_map(|key| service.get(key)).flat_map(Node::items);
        items.filter_map(written).collect()
    };
    services.map(|(name, service)| (name.clone(), of(service))).collect()
}

/// The typed services.
fn type_services(
    model: &mut Node,
    loader: &mut load::Loader,
    directory: &Path,
) -> Result<BTreeMap<String, Service>, ComposeError> {
    let mut typed = BTreeMap::new();
    let Some(services) = canonical::get_mut(model, "services") else { return Ok(typed) };
    let Yaml::Map(entries) = &mut services.value else { return Ok(typed) };
    for (name, node) in entries {
        let key = format!("services.{name}");
        loader.environment(node, &key)?;
        loader.labels(node, &key)?;
        if let Some(build) =
            canonical::get_mut(node, "build").filter(|build| build.get("context").is_none())
        {
            let context = Node::text(directory.display().to_string(), &build.at);
            build.set("context", context);
        }
        typed.insert(name.clone(), typed::service(node, &key)?);
    }
    Ok(typed)
}
