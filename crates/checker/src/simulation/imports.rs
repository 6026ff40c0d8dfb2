//! Import statements: which modules they load, in which order, what they bind. Must not know what else code does.

use std::path::PathBuf;

use super::failing::{Kind, Raised};
use super::foreign::Answer;
use super::running::Flow;
use super::table::{Module, Status, Value};
use super::{Frame, Running, Simulation, Unseen, messages};
use crate::finding::{Place, Rule};
use crate::outline::{Import, Name};
use crate::reached::{named, with_parents};
use crate::search::{Found, Whose};
use crate::steps;

/// What became of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loaded {
    /// It is in the table of the project's modules.
    Own,
    /// Somebody else's, and there.
    Foreign,
    /// Nothing is known of it.
    Unknown,
    /// It was said that it fails; what follows is as if it had not.
    Failed,
}

impl Simulation<'_> {
    pub(super) fn import(&mut self, import: &Import, frame: &mut Frame) -> Result<(), Raised> {
        let loaded = self.load(&import.module, import.at, frame)?;
        let first = import.module.split('.').next().unwrap_or_default();
        let (name, module) = match import.alias.as_deref() {
            Some("") => return Ok(()),
            Some(alias) => (alias, import.module.as_str()),
            None => (first, first),
        };
        self.unknown_imports += usize::from(loaded == Loaded::Unknown);
        let value = match loaded {
            Loaded::Own => Value::Module(module.into()),
            Loaded::Foreign => Value::Foreign(module.into()),
            _ if self.modules.contains_key(module) => Value::Module(module.into()),
            Loaded::Unknown | Loaded::Failed => Value::Anything,
        };
        self.set(name, value, import.is_local, frame);
        Ok(())
    }

    /// Loads a module with the packages above it.
    pub(super) fn load(&mut self, name: &str, at: u32, frame: &Frame) -> Result<Loaded, Raised> {
        let ends = name.match_indices('.').map(|(end, _)| end).chain([name.len()]);
        let mut loaded = Loaded::Unknown;
        for end in ends {
            let part = &name[..end];
            // Whatever the process began with is there by this name.
            if self.provided.contains(part) || part == "__main__" {
                return Ok(Loaded::Unknown);
            }
            loaded = match self.modules.get(part) {
                Some(_) => Loaded::Own,
                None => self.load_new(part, name, at, frame)?,
            };
            if loaded != Loaded::Own {
                return Ok(loaded);
            }
        }
        Ok(loaded)
    }

    /// A module that is not in the table, whose parent is.
    fn load_new(
        &mut self,
        name: &str,
        whole: &str,
        at: u32,
        frame: &Frame,
    ) -> Result<Loaded, Raised> {
        let found = match name.rsplit_once('.') {
            None => self.search.top(name),
            Some((parent, last)) => {
                let module = &self.modules[parent];
                match &module.directories {
                    Some(directories) => self.search.inside(directories, last, Whose::Project),
                    None if module.is_open => return Ok(Loaded::Unknown),
                    None => {
                        let draft = messages::no_package(self, frame, at, parent, name);
                        self.fail(Kind::ModuleNotFound, draft)?;
                        return Ok(Loaded::Failed);
                    }
                }
            }
        };
        match found {
            Found::Source { path, directories, whose: Whose::Project } => {
                if self.unsure > 0 && !self.is_afterwards {
                    self.note_perhaps(name);
                    return Ok(Loaded::Unknown);
                }
                self.run_file(name, path, directories, self.place(frame, at))
            }
            Found::Namespace { directories, whose: Whose::Project } => {
                self.enter(name, Module::new(name, Some(directories)));
                self.bind_in_parent(name);
                Ok(Loaded::Own)
            }
            Found::Binary { directories, whose: Whose::Project } => {
                let mut module = Module::new(name, directories);
                module.is_open = true;
                self.enter(name, module);
                self.bind_in_parent(name);
                Ok(Loaded::Own)
            }
            Found::Missing { misspelt } => {
                if self.may_have(name) || self.is_open_package(name) {
                    // Some set variables, of files that nobody sees here.
                    self.has_all_variables = true;
                    return Ok(Loaded::Unknown);
                }
                let draft = messages::missing(self, frame, at, name, misspelt.as_deref());
                self.fail(Kind::ModuleNotFound, draft)?;
                Ok(Loaded::Failed)
            }
            Found::Named | Found::Source { whose: Whose::StandardLibrary, .. } => {
                self.load_standard(whole, at, frame)?;
                match found {
                    Found::Named => Ok(Loaded::Foreign),
                    _ => self.load_foreign(whole, at, frame),
                }
            }
            Found::Source { .. } | Found::Binary { .. } | Found::Namespace { .. } => {
                self.load_foreign(whole, at, frame)
            }
        }
    }

    fn load_foreign(&mut self, name: &str, at: u32, frame: &Frame) -> Result<Loaded, Raised> {
        match self.foreign_module(name) {
            Answer::Yes => Ok(Loaded::Foreign),
            Answer::No(missing) if self.unseen == Unseen::Nothing => {
                let draft = messages::missing_foreign(self, frame, at, &missing);
                self.fail(Kind::ModuleNotFound, draft)?;
                Ok(Loaded::Failed)
            }
            _ => Ok(Loaded::Unknown),
        }
    }

    /// Whether a module that is not found may be there all the same. Those of the project's own packages are nowhere else.
    pub(super) fn may_have(&self, name: &str) -> bool {
        let parent = name.rsplit_once('.').and_then(|(parent, _)| self.modules.get(parent));
        let is_own = parent.is_some_and(|parent| parent.path.is_some());
        match self.unseen {
            Unseen::Nothing => false,
            Unseen::Installed => !is_own,
            Unseen::Anything => true,
        }
    }

    /// Whether the package that a module would be in can make modules by itself (`__path__`, a lazy loader).
    fn is_open_package(&self, name: &str) -> bool {
        let parent = name.rsplit_once('.').and_then(|(parent, _)| self.modules.get(parent));
        parent.is_some_and(|module| module.is_open || module.names.contains_key("__path__"))
    }

    pub(super) fn enter(&mut self, name: &str, module: Module) {
        // One that failed was seen, too.
        if !self.modules.contains_key(name) && !self.failures.contains_key(name) {
            self.order.push(name.into());
        }
        self.modules.insert(name.into(), module);
    }

    /// Once it is loaded, a module is an attribute of its package.
    pub(super) fn bind_in_parent(&mut self, name: &str) {
        if let Some((parent, last)) = name.rsplit_once('.')
            && let Some(module) = self.modules.get_mut(parent)
        {
            module.names.insert(last.into(), Value::Module(name.into()));
        }
    }

    /// Runs a source file as a module.
    fn run_file(
        &mut self,
        name: &str,
        path: PathBuf,
        directories: Option<Vec<PathBuf>>,
        place: Place,
    ) -> Result<Loaded, Raised> {
        let mut module = Module::new(name, directories);
        module.path = Some(path.clone());
        self.run_module(name, module, path, Some(place))
    }

    pub(super) fn run_module(
        &mut self,
        name: &str,
        mut module: Module,
        path: PathBuf,
        place: Option<Place>,
    ) -> Result<Loaded, Raised> {
        // Deeper than any Python goes.
        let is_too_deep = self.running.len() > 400;
        let read = self.library.read(&path, self.service.python);
        let Some(read) = read.filter(|_| !is_too_deep) else {
            module.is_open = true;
            self.enter(name, module);
            return Ok(Loaded::Own);
        };
        module.status = Status::Running;
        module.read = Some(read.clone());
        module.is_open = read.outline.as_ref().is_none_or(|outline| outline.is_open);
        self.enter(name, module);
        self.running.push(Running { module: name.into(), place });
        let mut frame = Frame::new(name, path);
        let ran = match &read.outline {
            Some(outline) => self.steps(&outline.body, &mut frame),
            None => self.uncompiled(&read.problems, &frame),
        };
        self.running.pop();
        self.finish(name, ran)
    }

    fn finish(&mut self, name: &str, ran: Result<Flow, Raised>) -> Result<Loaded, Raised> {
        match ran {
            Ok(_) => {
                if let Some(module) = self.modules.get_mut(name) {
                    module.status = Status::Done;
                }
                self.bind_in_parent(name);
                Ok(Loaded::Own)
            }
            Err(raised) => {
                if let Some(path) = self.modules.get(name).and_then(|module| module.path.clone()) {
                    // Tried again, its functions are called again.
                    self.looked_at.remove(path.as_os_str());
                }
                let failures = self.failures.entry(name.into()).or_default();
                *failures += 1;
                if *failures < 20 {
                    self.modules.remove(name);
                } else if let Some(module) = self.modules.get_mut(name) {
                    // Tried often enough: from here on nothing is known of it.
                    module.status = Status::Done;
                    module.is_open = true;
                }
                Err(raised)
            }
        }
    }

    /// A module is imported where nobody knows whether that happens: later imports of it, and of what it imports, may
    /// find it there.
    fn note_perhaps(&mut self, name: &str) {
        let mut due: Vec<Name> = vec![name.into()];
        while let Some(name) = due.pop() {
            if self.modules.contains_key(&name) || self.perhaps.contains(&name) {
                continue;
            }
            let Found::Source { path, directories, whose: Whose::Project } = self.find(&name)
            else {
                continue;
            };
            self.perhaps.insert(name.clone());
            let Some(read) = self.library.read(&path, self.service.python) else { continue };
            let Some(outline) = &read.outline else { continue };
            let package = Module::new(&name, directories).package;
            steps::each(&outline.body, &mut |step| {
                named(step, &package, &mut |name| due.extend(with_parents(&name).map(Name::from)));
            });
        }
    }

    /// Finds a module by its whole name, without loading anything.
    pub(super) fn find(&self, name: &str) -> Found {
        crate::reached::find(self.search, name)
    }

    /// What keeps a file from being compiled fails where it is imported.
    fn uncompiled(
        &mut self,
        problems: &[crate::syntax::Problem],
        frame: &Frame,
    ) -> Result<Flow, Raised> {
        for problem in problems {
            let mut draft = self.draft(frame, 0, Rule::Syntax, "");
            if let Some(place) = &mut draft.place {
                place.line = problem.place.line;
                place.column = problem.place.column;
            }
            draft.about = format!("{:?}", draft.place);
            draft.message.clone_from(&problem.message);
            draft.hint.clone_from(&problem.hint);
            self.fail(Kind::Syntax, draft)?;
        }
        Ok(Flow::Next)
    }
}
