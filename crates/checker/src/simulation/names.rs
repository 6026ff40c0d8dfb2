//! Names and attributes that are read, set and called. Must not know how modules are loaded.

use std::collections::BTreeSet;

use super::failing::{Kind, Raised};
use super::foreign::Answer;
use super::running::Flow;
use super::table::{MAGIC, Status, Value};
use super::{Frame, Simulation, Unseen, messages};
use crate::outline::{Call, Item, Name, Path, Use};
use crate::search::{Found, Whose};

impl Simulation<'_> {
    /// Reads a name and what is asked of it.
    pub(super) fn used(&mut self, used: &Use, frame: &Frame) -> Result<Value, Raised> {
        let (root, attributes) = used.path.split_first();
        let value = if used.is_local {
            match frame.locals.get(root) {
                Some(value) => value.clone(),
                // It may still be the module's, in a class; or nobody's yet.
                None => return Ok(Value::Anything),
            }
        } else {
            let Some(value) = self.global(root, frame) else {
                let draft = messages::undefined(self, frame, used);
                self.fail(Kind::Name, draft)?;
                return Ok(Value::Anything);
            };
            value
        };
        self.attributes(value, attributes, used.at, frame)
    }

    /// What a name of the module is; `None` if nothing can have bound it.
    fn global(&self, name: &str, frame: &Frame) -> Option<Value> {
        let Some(module) = self.modules.get(&frame.module) else { return Some(Value::Anything) };
        if let Some(value) = module.names.get(name) {
            return Some(value.clone());
        }
        // gettext puts its function among the builtins.
        let is_known = module.is_open
            || name == "_"
            || MAGIC.contains(&name)
            || self.builtins.contains(name)
            || crate::syntax::is_builtin(name, self.service.python)
            || self.is_perhaps_bound(&frame.module, name);
        is_known.then_some(Value::Anything)
    }

    fn attributes(
        &mut self,
        mut value: Value,
        attributes: Option<&str>,
        at: u32,
        frame: &Frame,
    ) -> Result<Value, Raised> {
        // Of most values nothing is known: what is asked of them is not even taken apart.
        if attributes.is_some() && !matches!(value, Value::Module(_) | Value::Foreign(_)) {
            return Ok(Value::Anything);
        }
        for attribute in attributes.into_iter().flat_map(|all| all.split('.')) {
            value = match value {
                Value::Module(name) => self.attribute(&name, attribute, at, frame)?,
                Value::Foreign(name) => self.attribute_foreign(&name, attribute, at, frame)?,
                _ => return Ok(Value::Anything),
            };
        }
        Ok(value)
    }

    fn attribute(
        &mut self,
        name: &str,
        attribute: &str,
        at: u32,
        frame: &Frame,
    ) -> Result<Value, Raised> {
        let Some(module) = self.modules.get(name) else { return Ok(Value::Anything) };
        if let Some(value) = module.names.get(attribute) {
            return Ok(value.clone());
        }
        let inner = Name::join(&[name, attribute], ".");
        if module.has_any()
            || MAGIC.contains(&attribute)
            || self.is_perhaps_bound(name, attribute)
            || self.perhaps.contains(&inner)
            || self.provided.contains(&inner)
        {
            return Ok(Value::Anything);
        }
        let submodule = module
            .directories
            .as_ref()
            .map(|directories| self.search.inside(directories, attribute, Whose::Project));
        let is_submodule = submodule.is_some_and(|found| !matches!(found, Found::Missing { .. }));
        let inner = self.modules.get(&inner).map(|inner| inner.status);
        let is_unseen = is_submodule && inner.is_none() && self.is_certain();
        if is_submodule
            && !(self.is_certain() && inner == Some(Status::Running))
            && (!is_unseen || messages::has_unseen(self))
        {
            // Somebody may import it in a way that is not seen.
            return Ok(Value::Anything);
        }
        let draft = messages::no_attribute(self, frame, at, name, attribute);
        self.fail(Kind::Attribute, draft)?;
        Ok(Value::Anything)
    }

    fn attribute_foreign(
        &mut self,
        name: &str,
        attribute: &str,
        at: u32,
        frame: &Frame,
    ) -> Result<Value, Raised> {
        let inner = Name::join(&[name, attribute], ".");
        if let Answer::No(_) = self.foreign_attribute(name, attribute)
            && !self.provided.contains(&inner)
            && !self.sets(attribute)
        {
            let draft = messages::no_foreign_name(self, frame, at, name, attribute);
            self.fail(Kind::Attribute, draft)?;
            return Ok(Value::Anything);
        }
        Ok(Value::Foreign(inner))
    }

    /// What a path is, without a word if it is nothing.
    pub(super) fn quietly(&mut self, path: &Path, frame: &Frame) -> Value {
        let (root, attributes) = path.split_first();
        let value = match frame.locals.get(root) {
            Some(value) => Some(value.clone()),
            None => self.modules.get(&frame.module).and_then(|m| m.names.get(root)).cloned(),
        };
        let Some(value) = value else { return Value::Anything };
        self.silent += 1;
        let found = self.attributes(value, attributes, 0, frame);
        self.silent -= 1;
        found.unwrap_or(Value::Anything)
    }

    pub(super) fn set_attribute(&mut self, used: &Use, frame: &Frame) -> Result<(), Raised> {
        let Some((path, attribute)) = used.path.split_last() else { return Ok(()) };
        let of = Use { path: Path::new(path), at: used.start, ..used.clone() };
        match self.used(&of, frame)? {
            Value::Module(name) => {
                if let Some(module) = self.modules.get_mut(&name) {
                    if attribute == "*" {
                        module.is_open = true;
                    } else {
                        module.names.insert(attribute.into(), Value::Anything);
                    }
                }
            }
            Value::Foreign(name) if name == "builtins" => {
                self.builtins.insert(attribute.into());
            }
            Value::Foreign(name) => self.foreign.patch(&name, attribute),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn call(&mut self, call: &Call, frame: &Frame) -> Result<Flow, Raised> {
        let value = self.quietly(&call.called.path, frame);
        // `__all__.extend(…)`.
        if call.called.path.first() == "__all__"
            && let Some(module) = self.modules.get_mut(&frame.module)
        {
            module.all = super::table::All::Unknown;
        }
        // `__path__.append(…)`: its modules can be anywhere.
        if call.called.path.first() == "__path__"
            && let Some(module) = self.modules.get_mut(&frame.module)
        {
            module.is_open = true;
        }
        match value {
            Value::Function { module, index } => self.run_function(&module, index),
            Value::Foreign(name) => {
                self.called_foreign(&name, call, frame)?;
                Ok(Flow::Next)
            }
            Value::Class { module, at } => {
                self.instantiated(&module, at, call)?;
                Ok(Flow::Next)
            }
            _ => Ok(Flow::Next),
        }
    }

    /// A function is called while modules are imported: what it certainly does is part of that.
    fn run_function(&mut self, module: &str, index: usize) -> Result<Flow, Raised> {
        if !self.is_certain() {
            return Ok(Flow::Next);
        }
        let Some(read) = self.modules.get(module).and_then(|module| module.read.clone()) else {
            return Ok(Flow::Next);
        };
        let Some(function) = read.outline.as_ref().and_then(|outline| outline.functions.get(index))
        else {
            return Ok(Flow::Next);
        };
        let Some(path) = self.modules.get(module).and_then(|module| module.path.clone()) else {
            return Ok(Flow::Next);
        };
        let mut frame = Frame::new(module, path);
        frame.is_function = true;
        if !function.is_plain || !self.is_first_look(&frame, function.at) {
            return Ok(Flow::Next);
        }
        // Functions run where they are called, but not deeper than this.
        if self.running.len() > 300 {
            return Ok(Flow::Next);
        }
        self.running.push(super::Running { module: module.into(), place: None });
        let flow = self.steps(&function.body, &mut frame);
        self.running.pop();
        Ok(if flow? == Flow::Ends { Flow::Ends } else { Flow::Next })
    }

    pub(super) fn set_item(&mut self, item: &Item, frame: &Frame) -> Result<(), Raised> {
        if let Some((of, "__dict__")) = item.of.path.split_last() {
            let used = Use { path: Path::new(of).with("*"), ..item.of.clone() };
            return self.set_attribute(&used, frame);
        }
        match self.quietly(&item.of.path, frame) {
            Value::Foreign(name) if name == "os.environ" => match &item.key {
                Some(key) => drop(self.variables.insert(key.clone())),
                None => self.has_all_variables = true,
            },
            Value::Foreign(name) if name == "sys.modules" => match &item.key {
                Some(key) => drop(self.provided.insert(key.clone())),
                None => self.unseen = Unseen::Anything,
            },
            _ => {}
        }
        Ok(())
    }

    /// What functions would do that nothing called for certain.
    pub(super) fn afterwards(&mut self) {
        self.is_afterwards = true;
        for name in std::mem::take(&mut self.perhaps).into_iter().collect::<BTreeSet<_>>() {
            let frame = Frame::outside();
            drop(self.load(&name, 0, &frame));
        }
        let mut at = 0;
        while let Some(name) = self.order.get(at).cloned() {
            at += 1;
            self.functions_of(&name);
        }
    }

    /// Whether a function of a frame's file was not looked at yet; it is now.
    fn is_first_look(&mut self, frame: &Frame, at: u32) -> bool {
        let path = frame.path.as_os_str();
        if let Some(known) = self.looked_at.get_mut(path) {
            return known.insert(at);
        }
        self.looked_at.entry(path.to_owned()).or_default().insert(at)
    }

    fn functions_of(&mut self, name: &str) {
        let Some(module) = self.modules.get(name) else { return };
        let (Some(read), Some(path)) = (module.read.clone(), module.path.clone()) else { return };
        let Some(outline) = &read.outline else { return };
        for function in &outline.functions {
            let mut frame = Frame::new(name, path.clone());
            frame.is_function = true;
            if self.is_first_look(&frame, function.at) {
                drop(self.steps(&function.body, &mut frame));
            }
        }
    }
}
