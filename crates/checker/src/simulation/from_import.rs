//! `from` imports: the names that are taken out of modules, one by one or all. Must not know how modules are loaded.

use super::failing::{Kind, Raised};
use super::imports::Loaded;
use super::table::{All, MAGIC, Value};
use super::{Frame, Simulation, messages};
use crate::outline::{From, Name};
use crate::reached;
use crate::search::{Found, Whose};

impl Simulation<'_> {
    /// The absolute name that a `from` means; `None` if it leads out of all packages.
    fn absolute(&self, from: &From, frame: &Frame) -> Option<String> {
        let package = self.modules.get(&frame.module).map_or("", |module| module.package.as_str());
        reached::absolute(from, package)
    }

    pub(super) fn from(&mut self, from: &From, frame: &mut Frame) -> Result<(), Raised> {
        let Some(name) = self.absolute(from, frame) else {
            let draft = messages::no_parent(self, frame, from);
            self.fail(Kind::Import, draft)?;
            return self.bind_unknown(from, frame);
        };
        let loaded = self.load(&name, from.at, frame)?;
        self.unknown_imports += usize::from(loaded == Loaded::Unknown);
        match loaded {
            Loaded::Own if from.names.is_empty() => self.star(&name, from.at, frame),
            Loaded::Own => self.import_own(&name, from, frame),
            Loaded::Foreign if from.names.is_empty() => {
                self.star_foreign(&name, frame);
                Ok(())
            }
            Loaded::Foreign => self.import_foreign(&name, from, frame),
            Loaded::Unknown | Loaded::Failed => self.bind_unknown(from, frame),
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it ends what can fail")]
    fn bind_unknown(&mut self, from: &From, frame: &mut Frame) -> Result<(), Raised> {
        if from.names.is_empty()
            && let Some(module) = self.modules.get_mut(&frame.module)
        {
            module.is_open = true;
        }
        for imported in &from.names {
            self.set(imported.bound(), Value::Anything, from.is_local, frame);
        }
        Ok(())
    }

    fn import_own(&mut self, name: &str, from: &From, frame: &mut Frame) -> Result<(), Raised> {
        for imported in &from.names {
            let value = self.import_name(name, &imported.name, imported.at, frame)?;
            self.set(imported.bound(), value, from.is_local, frame);
        }
        Ok(())
    }

    fn import_name(
        &mut self,
        name: &str,
        wanted: &str,
        at: u32,
        frame: &Frame,
    ) -> Result<Value, Raised> {
        let Some(module) = self.modules.get(name) else { return Ok(Value::Anything) };
        if let Some(value) = module.names.get(wanted) {
            return Ok(value.clone());
        }
        let inner = Name::join(&[name, wanted], ".");
        if self.modules.contains_key(&inner) {
            return Ok(Value::Module(inner));
        }
        // Also where the package makes names by itself: what is imported here is there for all that follows.
        if let Some(directories) = &module.directories {
            let found = self.search.inside(directories, wanted, Whose::Project);
            if !matches!(found, Found::Missing { .. }) {
                return Ok(match self.load(&inner, at, frame)? {
                    Loaded::Own => Value::Module(inner),
                    _ => Value::Anything,
                });
            }
        }
        if module.has_any() || MAGIC.contains(&wanted) || self.provided.contains(&inner) {
            return Ok(Value::Anything);
        }
        if self.is_perhaps_bound(name, wanted) {
            return Ok(Value::Anything);
        }
        let draft = messages::no_name(self, frame, at, name, wanted);
        self.fail(Kind::Import, draft)?;
        Ok(Value::Anything)
    }

    /// Whether something bound the name, if something happened of which nothing is known.
    pub(super) fn is_perhaps_bound(&self, module: &str, name: &str) -> bool {
        let Some(known) = self.modules.get(module) else { return true };
        let by_function = known
            .read
            .as_ref()
            .and_then(|read| read.outline.as_ref())
            .is_some_and(|outline| outline.globals.iter().any(|global| global == name));
        by_function || self.sets(name) || !self.is_certain() && known.doubtful.contains(name)
    }

    fn star(&mut self, name: &str, at: u32, frame: &mut Frame) -> Result<(), Raised> {
        let Some(module) = self.modules.get(name).cloned() else { return Ok(()) };
        let names: Vec<Name> = match &module.all {
            All::None => {
                module.names.keys().filter(|name| !name.starts_with('_')).cloned().collect()
            }
            All::Names(names) => names.clone(),
            All::Unknown => module.names.keys().cloned().collect(),
        };
        if (module.is_open || module.all == All::Unknown)
            && let Some(module) = self.modules.get_mut(&frame.module)
        {
            module.is_open = true;
        }
        let is_listed = matches!(module.all, All::Names(_));
        for wanted in names {
            let value = match module.names.get(&wanted) {
                Some(value) => value.clone(),
                None if is_listed => self.import_name(name, &wanted, at, frame)?,
                None => continue,
            };
            self.set(&wanted, value, false, frame);
        }
        if let Some(own) = self.modules.get_mut(&frame.module) {
            own.doubtful.extend(module.doubtful);
        }
        Ok(())
    }
}
