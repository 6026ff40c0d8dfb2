//! Modules of others, which are only asked: is there such a module, does it bind such a name. Must not judge them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::failing::{Kind, Raised};
use super::table::{All, MAGIC, Value};
use super::{Frame, Simulation, messages};
use crate::advice::lacking;
use crate::outline::{self, Bound, From, Name, Step};
use crate::reached;
use crate::search::{Found, Whose};
use crate::steps;

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    /// What is missing.
    No(String),
    Unknown,
}

/// What a module of somebody else's has, if that can be told.
#[derive(Debug, Clone, Default)]
struct Names {
    bound: BTreeSet<Name>,
    is_open: bool,
    all: All,
}

/// What has been asked.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    asked: FxHashMap<String, Arc<Names>>,
    /// Where modules were found.
    found: FxHashMap<String, Found>,
    /// What was answered about attributes, by whole names.
    answers: FxHashMap<Name, Answer>,
    /// Attributes that the project's code sets; `*` for any.
    patched: BTreeSet<String>,
    /// Modules whose names are being read.
    open: BTreeSet<String>,
}

impl Foreign {
    pub(super) fn patch(&mut self, module: &str, attribute: &str) {
        self.patched.insert(format!("{module}.{attribute}"));
        self.answers.clear();
    }

    fn is_patched(&self, module: &str, attribute: &str) -> bool {
        !self.patched.is_empty()
            && (self.patched.contains(attribute) || self.patched.contains(&format!("{module}.*")))
    }

    /// The names of a module that was asked before.
    pub(super) fn names(&self, module: &str) -> Vec<Name> {
        let asked = self.asked.get(module);
        asked.map(|names| names.bound.iter().cloned().collect()).unwrap_or_default()
    }
}

impl Simulation<'_> {
    /// Whether there is a module, with all packages above it.
    pub(super) fn foreign_module(&self, name: &str) -> Answer {
        let mut at = name.len();
        let mut parts = name.split('.');
        let first = parts.next().unwrap_or_default();
        let mut found = self.search.top(first);
        let mut end = first.len();
        for part in parts {
            end += 1 + part.len();
            found = match found {
                Found::Source { path, directories: Some(directories), whose } => {
                    let inner = self.search.inside(&directories, part, whose);
                    if matches!(inner, Found::Missing { .. }) && self.makes_modules(&path) {
                        return Answer::Unknown;
                    }
                    inner
                }
                Found::Namespace { directories, whose } => {
                    self.search.inside(&directories, part, whose)
                }
                // A module that is no package can still have put others into the table, as `os` does.
                _ => return Answer::Unknown,
            };
            if matches!(found, Found::Missing { .. }) {
                at = end;
                break;
            }
        }
        match found {
            Found::Missing { .. } => Answer::No(name[..at].to_owned()),
            _ => Answer::Yes,
        }
    }

    /// Whether a package can have modules that no file is.
    fn makes_modules(&self, path: &Path) -> bool {
        let Some(read) = self.library.read(path, self.service.python) else { return true };
        let Some(outline) = &read.outline else { return true };
        let mut makes = outline.is_open;
        steps::each_step(outline, &mut |step| {
            makes |= match step {
                Step::OpensModules => true,
                Step::Bind(bind) => bind.name == "__path__",
                Step::Use(used) => used.path.names().any(|name| {
                    matches!(name, "__path__" | "extend_path" | "modules" | "meta_path")
                }),
                Step::SetItem(item) => item.of.path.names().any(|name| name == "modules"),
                Step::SetAttribute(used) => used.path.names().any(|name| name == "__path__"),
                _ => false,
            };
        });
        makes
    }

    /// Whether a module binds a name, or has a module of it.
    pub(super) fn foreign_attribute(&mut self, module: &str, name: &str) -> Answer {
        let inner = Name::join(&[module, name], ".");
        if let Some(answer) = self.foreign.answers.get(&inner) {
            return answer.clone();
        }
        let answer = self.look_for_attribute(module, name, inner.to_string());
        self.foreign.answers.insert(inner, answer.clone());
        answer
    }

    fn look_for_attribute(&mut self, module: &str, name: &str, inner: String) -> Answer {
        if MAGIC.contains(&name) || self.foreign.is_patched(module, &inner) {
            return Answer::Unknown;
        }
        let found = self.found_foreign(module);
        let is_standard =
            matches!(found, Found::Named | Found::Source { whose: Whose::StandardLibrary, .. });
        // Of which Python it is may be a guess where nothing is known of the environment.
        if is_standard
            && !self.service.is_open
            && lacking(module, name, self.service.python).is_some()
        {
            return Answer::No(inner);
        }
        let Found::Source { path, directories, whose } = found else {
            return Answer::Unknown;
        };
        if let Some(directories) = &directories
            && !matches!(self.search.inside(directories, name, whose), Found::Missing { .. })
        {
            // Whether somebody has imported it is their business.
            return Answer::Unknown;
        }
        let names = self.foreign_names(module, &path, directories.is_some());
        if names.bound.contains(name) {
            Answer::Yes
        } else if names.is_open || whose == Whose::Project {
            Answer::Unknown
        } else {
            Answer::No(inner)
        }
    }

    fn found_foreign(&mut self, module: &str) -> Found {
        if let Some(found) = self.foreign.found.get(module) {
            return found.clone();
        }
        let found = reached::find(self.search, module);
        self.foreign.found.insert(module.to_owned(), found.clone());
        found
    }

    fn foreign_names(&mut self, module: &str, path: &Path, is_package: bool) -> Arc<Names> {
        if let Some(names) = self.foreign.asked.get(module) {
            return Arc::clone(names);
        }
        let mut names = Names { is_open: true, ..Names::default() };
        let read = self.library.read(path, self.service.python);
        if let Some(outline) = read.as_ref().and_then(|read| read.outline.as_ref())
            && self.foreign.open.insert(module.to_owned())
        {
            names = Names { is_open: outline.is_open, ..Names::default() };
            names.bound = steps::bound(&outline.body);
            names.bound.extend(outline.globals.iter().cloned());
            let package = if is_package {
                module
            } else {
                module.rsplit_once('.').map_or("", |(parent, _)| parent)
            };
            let mut stars = Vec::new();
            steps::each_step(outline, &mut |step| match step {
                Step::From(from) if from.names.is_empty() => {
                    stars.extend(reached::absolute(from, package));
                }
                Step::Bind(bind) if bind.name == "__all__" => add_all(&mut names, &bind.value),
                Step::Call(call) if call.called.path.first() == "__all__" => {
                    names.all = All::Unknown;
                }
                // `lazy_loader.attach`, `deprecated_module`, modules that replace themselves.
                Step::Call(call) if makes_names(&call.called.path) => names.is_open = true,
                Step::SetItem(item) if item.of.path.names().any(|name| name == "modules") => {
                    names.is_open = true;
                }
                _ => {}
            });
            names.is_open |= names.bound.contains("__getattr__");
            for star in stars {
                self.add_star(&star, &mut names);
            }
            self.foreign.open.remove(module);
        }
        let names = Arc::new(names);
        self.foreign.asked.insert(module.to_owned(), Arc::clone(&names));
        names
    }

    fn add_star(&mut self, module: &str, names: &mut Names) {
        match reached::find(self.search, module) {
            Found::Source { path, directories, .. } => {
                let inner = self.foreign_names(module, &path, directories.is_some());
                names.is_open |= inner.is_open;
                names.bound.extend(inner.bound.iter().cloned());
            }
            _ => names.is_open = true,
        }
    }

    pub(super) fn import_foreign(
        &mut self,
        module: &str,
        from: &From,
        frame: &mut Frame,
    ) -> Result<(), Raised> {
        for imported in &from.names {
            let inner = Name::join(&[module, &imported.name], ".");
            if let Answer::No(_) = self.foreign_attribute(module, &imported.name)
                && !self.provided.contains(&inner)
            {
                let draft =
                    messages::no_foreign_name(self, frame, imported.at, module, &imported.name);
                self.fail(Kind::Import, draft)?;
            }
            self.set(imported.bound(), Value::Foreign(inner), from.is_local, frame);
        }
        Ok(())
    }

    pub(super) fn star_foreign(&mut self, module: &str, frame: &mut Frame) {
        let mut names = Arc::new(Names { is_open: true, ..Names::default() });
        if let Found::Source { path, directories, .. } = reached::find(self.search, module) {
            names = self.foreign_names(module, &path, directories.is_some());
        }
        if let Some(own) = self.modules.get_mut(&frame.module) {
            own.is_open |= names.is_open || names.all == All::Unknown;
        }
        let listed: Vec<Name> = match &names.all {
            All::Names(names) => names.clone(),
            All::None | All::Unknown => names.bound.iter().cloned().collect(),
        };
        for name in listed {
            let value = Value::Foreign(Name::join(&[module, &name], "."));
            self.set(&name, value, false, frame);
        }
    }
}

fn add_all(names: &mut Names, value: &Bound) {
    names.all = match (value, std::mem::take(&mut names.all)) {
        (Bound::Strings { items, .. }, All::None) => All::Names(items.clone()),
        (Bound::Strings { items, .. }, All::Names(mut before)) => {
            before.extend(items.iter().cloned());
            All::Names(before)
        }
        _ => All::Unknown,
    };
}

/// Calls that give a module names which its text does not bind.
fn makes_names(path: &outline::Path) -> bool {
    path.names().any(|name| {
        let name = name.to_lowercase();
        ["lazy", "attach", "deprecat", "install", "register_module", "populate", "_convert"]
            .iter()
            .any(|word| name.contains(word))
    })
}
