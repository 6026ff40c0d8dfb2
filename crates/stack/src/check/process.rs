//! What a start command starts as the checker takes it: processes, each with its entries and its search path. Must not know
//! what is found in them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pyfast_checker::entry::{Around as _, Known, Lists, Module, Started, Target};
use pyfast_checker::{
    Entry, EntryTarget, Files as _, IsEmpty, PythonVersion, SearchEntry, Service, Wheels, Whose,
    standard_library,
};

use super::facts::Facts;
use super::view::PACKAGES;

/// A process.
#[derive(Debug)]
pub(super) struct Process {
    /// For the checker.
    pub(super) service: Service,
    /// Whether the service does not start without it.
    pub(super) needed: bool,
    /// Whether files that nobody knows here may be among its own.
    pub(super) open: bool,
    /// Whether its words have the loader look for libraries elsewhere.
    pub(super) loads_elsewhere: bool,
}

/// The processes of a service that was understood so; the reason where its files are not known.
pub(super) fn processes(
    facts: &Facts,
    runs: &[Started],
    python: PythonVersion,
    wheels: &Wheels,
) -> Result<Vec<Process>, String> {
    let mut processes: Vec<Process> = Vec::new();
    let mut last: Option<&Started> = None;
    for run in runs {
        let Some(target) = entry_target(facts, &run.target) else { continue };
        let entry = |target, is_first| Entry { target, said: run.words.clone(), is_first };
        let first = entry(target, run.is_first);
        let entries = [first].into_iter().chain(listed(run).map(|target| entry(target, false)));
        let same = last.is_some_and(|last| last.start == run.start && last.needed == run.needed);
        last = Some(run);
        if let Some(process) = processes.last_mut().filter(|_| same) {
            process.service.entries.extend(entries);
            continue;
        }
        let Own { directories: own, open } = own_directories(facts, run)?;
        let packages = SearchEntry { directory: PACKAGES.into(), whose: Whose::Packages };
        let own = own.into_iter().map(|directory| SearchEntry { directory, whose: Whose::Project });
        let service = Service {
            python,
            entries: entries.collect(),
            search_path: own.chain([packages]).collect(),
            standard_library: standard_library(python),
            environment: variables(facts, run),
            empty: empty(facts, run),
            wheels: wheels.clone(),
            is_open: facts.view.packages.is_none(),
        };
        let loads_elsewhere = run.start.variables.keys().any(|name| name.starts_with("LD_"));
        processes.push(Process { service, needed: run.needed, open, loads_elsewhere });
    }
    Ok(processes)
}

/// The directories that come before those of the environment.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) directories: Vec<PathBuf>,
    /// Files that nobody knows here may be among them.
    pub(super) open: bool,
}

pub(super) fn own_directories(facts: &Facts, run: &Started) -> Result<Own, String> {
    let first = run.start.first.iter().map(|path| facts.path(path));
    let python_path = match run.start.variables.get("PYTHONPATH") {
        _ if run.start.ignores_variables => Known::Unset,
        Some(value) if value.contains('\0') => Known::Unknown,
        Some(value) => Known::Value(value.clone()),
        None => facts.variable("PYTHONPATH"),
    };
    let more = match &python_path {
        Known::Value(value) => value.as_str(),
        Known::Unset | Known::Unknown => "",
    };
    let more = more.split(':').filter(|path| !path.is_empty()).map(|path| facts.path(path));
    let mut found: Vec<PathBuf> = Vec::new();
    // What only the image below could set is as if nobody did.
    let is_named =
        |name: &str| run.start.variables.contains_key(name) || facts.variables.contains_key(name);
    let mut open = python_path == Known::Unknown && is_named("PYTHONPATH");
    let marked = first.map(|path| (path, false)).chain(more.map(|path| (path, true)));
    for (directory, is_further) in marked {
        let directory =
            directory.ok_or("in which directory it starts, which only its image says")?;
        if !facts.is_known(&directory) && !is_further {
            return Err(format!("which files are in {}", directory.display()));
        }
        // What the image brings there, or its build, nobody knows here.
        open |=
            is_further && (!facts.is_known(&directory) || facts.view.list(&directory).is_empty());
        if !found.contains(&directory) {
            found.push(directory);
        }
    }
    if found.iter().all(|directory| facts.view.list(directory).is_empty()) && !found.is_empty() {
        let named: Vec<String> = found.iter().map(|path| path.display().to_string()).collect();
        return Err(format!("which files are in {}", named.join(", ")));
    }
    open |= found.iter().any(|directory| facts.is_open(directory));
    Ok(Own { directories: found, open })
}

fn entry_target(facts: &Facts, target: &Target) -> Option<EntryTarget> {
    let import = |module: &str, object: Option<&String>| EntryTarget::Import {
        module: module.to_owned(),
        object: object.cloned(),
    };
    Some(match target {
        Target::Refused(_) => return None,
        Target::Main(name) => EntryTarget::Run(name.clone()),
        Target::Script(path) => EntryTarget::Script(facts.path(path)?),
        Target::Module(Module { name, objects, or_module, fallback, or_other }) => {
            let mut any: Vec<EntryTarget> =
                objects.iter().map(|object| import(name, Some(object))).collect();
            if *or_module {
                any.extend(objects.iter().map(|object| import(&format!("{name}.{object}"), None)));
            }
            any.extend(fallback.iter().map(|name| import(name, None)));
            if *or_other || any.is_empty() {
                any.push(import(name, None));
            }
            match any.len() {
                1 => any.pop()?,
                _ => EntryTarget::Any(any),
            }
        }
    })
}

/// What it imports besides, by names that stand in its module.
fn listed(run: &Started) -> Option<EntryTarget> {
    let Target::Module(Module { name, objects, or_module, fallback, .. }) = &run.target else {
        return None;
    };
    Some(match run.lists? {
        Lists::Django(reader) => EntryTarget::Django { settings: name.clone(), reader },
        Lists::Includes => {
            let inner = objects.iter().filter(|_| *or_module);
            let inner = inner.map(|object| format!("{name}.{object}"));
            EntryTarget::Includes(inner.chain(fallback.clone()).chain([name.clone()]).collect())
        }
    })
}

/// Variables of a process that are certainly set to nothing.
fn empty(facts: &Facts, run: &Started) -> BTreeSet<String> {
    let set = &run.start.variables;
    let own = facts.variables.iter().filter(|(name, _)| !set.contains_key(*name));
    let own = own.map(|(name, value)| (name, value.as_deref()));
    let all = own.chain(set.iter().map(|(name, value)| (name, Some(value.as_str()))));
    all.filter(|(_, value)| *value == Some("")).map(|(name, _)| name.clone()).collect()
}

/// The variables of a process, where all of them are known.
fn variables(facts: &Facts, run: &Started) -> Option<BTreeMap<String, IsEmpty>> {
    if !facts.all_variables {
        return None;
    }
    let own = facts.variables.iter().map(|(name, value)| (name, value.as_deref()));
    let set = run.start.variables.iter().map(|(name, value)| (name, Some(value.as_str())));
    let empty = |value: Option<&str>| match value {
        Some("") => IsEmpty::Yes,
        _ => IsEmpty::No,
    };
    let mut all: BTreeMap<String, IsEmpty> =
        own.chain(set).map(|(name, value)| (name.clone(), empty(value))).collect();
    // What the usual images and every engine set.
    for name in super::facts::OF_PYTHON.into_iter().chain(["HOSTNAME"]) {
        all.entry(name.to_owned()).or_insert(IsEmpty::No);
    }
    Some(all)
}
