//! What a start command names: imported, run, and asked for its object. Must not know commands.

use std::path::{Path, PathBuf};

use super::failing::Draft;
use super::imports::Loaded;
use super::table::{Module, Value};
use super::{Frame, Simulation, messages};
use crate::advice::{nearest, project_of};
use crate::finding::Rule;
use crate::reached;
use crate::search::Found;
use crate::service::{Entry, EntryTarget};

impl Simulation<'_> {
    pub(super) fn start(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.endings = 0;
            self.enter_target(&entry.target, &entry.said);
        }
    }

    fn enter_target(&mut self, target: &EntryTarget, said: &str) {
        match target {
            EntryTarget::Import { module, object } => {
                self.enter_module(module, object.as_deref(), said);
            }
            EntryTarget::File(module) => {
                self.may_run.insert(module.into());
                self.enter_module(module, None, said);
            }
            EntryTarget::Script(path) => self.enter_script(path, said),
            EntryTarget::Run(module) => self.enter_run(module, said),
            EntryTarget::Django { settings, reader } => self.enter_django(settings, *reader),
            EntryTarget::Includes(modules) => self.enter_includes(modules),
            EntryTarget::Any(targets) => {
                let there = targets.iter().find(|target| self.is_there(target));
                if let Some(target) = there.or(targets.first()) {
                    self.enter_target(target, said);
                }
            }
        }
    }

    fn is_there(&mut self, target: &EntryTarget) -> bool {
        match target {
            EntryTarget::Script(path) => self.library.read(path, self.service.python).is_some(),
            EntryTarget::Run(module) | EntryTarget::File(module) => {
                !matches!(self.find(module), Found::Missing { .. })
            }
            EntryTarget::Any(targets) => targets.iter().any(|target| self.is_there(target)),
            EntryTarget::Django { .. } | EntryTarget::Includes(_) => true,
            EntryTarget::Import { module, object } => {
                if matches!(self.find(module), Found::Missing { .. }) {
                    return false;
                }
                let Some(object) = object else { return true };
                let frame = Frame::outside();
                match self.load(module, 0, &frame) {
                    Ok(Loaded::Own) => self.has_object(module, object) != Some(false),
                    _ => true,
                }
            }
        }
    }

    /// Whether a module of the project has an object; `None` if that is not known.
    pub(super) fn has_object(&self, module: &str, object: &str) -> Option<bool> {
        let known = self.modules.get(module)?;
        let first = object.split(['.', '(', '[']).next().unwrap_or_default();
        if known.names.contains_key(first) {
            return Some(true);
        }
        let is_unknown = known.has_any()
            || known.doubtful.contains(first)
            || self.is_perhaps_bound(module, first)
            || self.modules.contains_key(format!("{module}.{first}").as_str());
        if is_unknown { None } else { Some(false) }
    }

    fn entry_draft(&self, said: &str, message: String) -> Draft {
        let mut draft = self.draft(&Frame::outside(), 0, Rule::EntryPoint, said);
        draft.message = message;
        draft
    }

    fn enter_module(&mut self, module: &str, object: Option<&str>, said: &str) {
        if self.is_missing(module, said) {
            return;
        }
        let frame = Frame::outside();
        let loaded = self.load(module, 0, &frame);
        let (Ok(Loaded::Own), Some(object)) = (loaded, object) else { return };
        if self.has_object(module, object) == Some(false) {
            let first = object.split(['.', '(', '[']).next().unwrap_or_default();
            let mut draft = self.entry_draft(
                said,
                format!(
                    "`{said}` asks the module `{module}` for `{first}`, which it does not have"
                ),
            );
            draft.hint = self.objects(module, first);
            self.report(draft);
        }
    }

    /// The object that was probably meant, or those that there are, as far as they are made in the module.
    fn objects(&self, module: &str, wanted: &str) -> Option<String> {
        let names = self.modules[module].names.iter();
        let public = names.filter(|(name, _)| !name.starts_with('_'));
        let made =
            public.filter(|(_, value)| !matches!(value, Value::Module(_) | Value::Foreign(_)));
        let made: Vec<(&str, &Value)> = made.map(|(name, value)| (name.as_str(), value)).collect();
        if let Some(near) = nearest(wanted, made.iter().map(|(name, _)| *name)) {
            return Some(format!("it has `{near}`"));
        }
        let objects =
            made.into_iter().filter(|(_, value)| matches!(value, Value::Anything | Value::Flag(_)));
        let mut objects: Vec<&str> = objects.map(|(name, _)| name).collect();
        objects.sort_unstable();
        (1..6).contains(&objects.len()).then(|| format!("it has {}", objects.join(", ")))
    }

    /// Whether the module that a command names is nowhere; says so.
    fn is_missing(&mut self, module: &str, said: &str) -> bool {
        let Found::Missing { misspelt } = self.find(module) else { return false };
        // A package above it decides when it runs: what it makes of itself is not known before.
        let parent = module.rsplit_once('.').map(|(parent, _)| parent);
        if let Some(parent) = parent {
            match self.find(parent) {
                Found::Missing { .. } => {}
                Found::Source { .. } | Found::Namespace { .. } => {
                    let frame = Frame::outside();
                    drop(self.load(parent, 0, &frame));
                    if self.modules.get(parent).is_none_or(|module| module.is_open) {
                        return true;
                    }
                }
                _ => return true,
            }
        }
        if self.may_have(module) {
            return true;
        }
        let mut draft = self.entry_draft(
            said,
            format!("`{said}` names the module `{module}`, which is nowhere on the search path"),
        );
        draft.hint = misspelt
            .map(|other| format!("the file is called `{other}`"))
            .or_else(|| messages::in_sources(self, module))
            .or_else(|| {
                messages::near_module(self, module).map(|near| format!("there is `{near}`"))
            })
            .or_else(|| {
                let project = project_of(module, &self.service.wheels)?;
                Some(format!("add `{project}` to the requirements"))
            });
        self.report(draft);
        true
    }

    fn enter_script(&mut self, path: &Path, said: &str) {
        let Some(read) = self.library.read(path, self.service.python) else {
            let message = format!("`{said}` names the file {}, which is not there", path.display());
            let mut draft = self.entry_draft(said, message);
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let listing = path.parent().map(|directory| self.search.listing(directory));
            let names = listing.iter().flat_map(|listing| listing.names()).map(String::as_str);
            draft.hint = nearest(name, names).map(|other| format!("there is {other}"));
            self.report(draft);
            return;
        };
        if read.is_archive {
            return;
        }
        self.run_main(path.to_path_buf(), String::new());
    }

    fn enter_run(&mut self, module: &str, said: &str) {
        if self.is_missing(module, said) {
            return;
        }
        match reached::find(self.search, module) {
            Found::Source { path, directories: None, .. } => {
                let package = module.rsplit_once('.').map_or("", |(parent, _)| parent).to_owned();
                self.load_package(&package);
                self.run_main(path, package);
            }
            Found::Source { directories: Some(directories), whose, .. }
            | Found::Namespace { directories, whose } => {
                let main = self.search.inside(&directories, "__main__", whose);
                self.load_package(module);
                match main {
                    Found::Source { path, .. } => self.run_main(path, module.to_owned()),
                    Found::Missing { .. } => {
                        let message = format!(
                            "`{said}` runs the package `{module}`, which has no `__main__`"
                        );
                        let draft = self.entry_draft(said, message);
                        self.report(draft);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn load_package(&mut self, package: &str) {
        if !package.is_empty() {
            let frame = Frame::outside();
            drop(self.load(package, 0, &frame));
        }
    }

    fn run_main(&mut self, path: PathBuf, package: String) {
        let mut module = Module::new("__main__", None);
        module.package = package;
        module.path = Some(path.clone());
        drop(self.run_module("__main__", module, path, None));
    }
}
