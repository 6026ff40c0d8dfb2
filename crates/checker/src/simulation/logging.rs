//! Configurations of the standard library's logging, as far as they are written out. Must not know how they are read.

use std::sync::Arc;

use super::failing::{Kind, Raised};
use super::{Frame, Simulation};
use crate::finding::Rule;
use crate::outline::{Call, Configures, From, Imported, Logging};
use crate::reached;
use crate::search::Found;

impl Simulation<'_> {
    /// What a call of `dictConfig` configures, where that is written out.
    pub(super) fn configuration(&self, call: &Call, frame: &Frame) -> Option<Arc<Logging>> {
        match call.configures.as_ref()? {
            Configures::Here(logging) => Some(Arc::clone(logging)),
            Configures::Named(name) => {
                let read = self.library.read(&frame.path, self.service.python)?;
                read.outline.as_ref()?.configurations.get(name.as_str()).cloned()
            }
        }
    }

    /// `dictConfig`: each class is imported by its name, and each part has to be there that another one names.
    pub(super) fn configure_logging(
        &mut self,
        logging: &Logging,
        frame: &Frame,
    ) -> Result<(), Raised> {
        // What is not found there is another exception than that of an import.
        let caught = usize::from(!self.guards.is_empty());
        self.silent += caught;
        let done = self.configured(logging, frame);
        self.silent -= caught;
        done
    }

    fn configured(&mut self, logging: &Logging, frame: &Frame) -> Result<(), Raised> {
        for class in &logging.classes {
            let named = self.without_attributes(&class.text);
            self.import_dotted(named, class.at, frame)?;
        }
        for unheld in &logging.unheld {
            let (kind, name) = (unheld.kind, &unheld.name.text);
            let about = format!("{kind} {name}");
            let mut draft = self.draft(frame, unheld.name.at, Rule::MissingName, &about);
            draft.message = format!("the configuration of logging has no {kind} `{name}`");
            self.fail(Kind::Other("ValueError".to_owned()), draft)?;
        }
        Ok(())
    }

    /// The part of a text that names something in a module: what stands behind may be of a class there (`pkg.mod.Class.make`).
    fn without_attributes<'t>(&self, text: &'t str) -> &'t str {
        if !is_name(text) {
            return text;
        }
        let mut dots = text.match_indices('.').map(|(at, _)| at).rev().skip(1);
        let Some(end) = dots.find(|end| !matches!(self.find(&text[..*end]), Found::Missing { .. }))
        else {
            return text;
        };
        let first = text[end + 1..].split('.').next().unwrap_or_default();
        let through = end + 1 + first.len();
        let is_module = !matches!(self.find(&text[..through]), Found::Missing { .. });
        let may_have = match self.find(&text[..end]) {
            Found::Source { path, directories, .. } => {
                let read = self.library.read(&path, self.service.python);
                let outline = read.as_ref().and_then(|read| read.outline.as_ref());
                let package = directories.is_some().then_some(&text[..end]);
                outline.is_none_or(|outline| reached::may_bind(outline, package, first))
            }
            Found::Namespace { .. } => false,
            _ => true,
        };
        if may_have && !is_module { &text[..through] } else { text }
    }

    /// Imports what a text names: something in a module.
    pub(super) fn import_dotted(
        &mut self,
        text: &str,
        at: u32,
        frame: &Frame,
    ) -> Result<(), Raised> {
        let parts = text.rsplit_once('.').filter(|_| is_name(text));
        let Some((module, name)) = parts else { return Ok(()) };
        let names = vec![Imported { name: name.into(), alias: None, at }];
        let from = From { level: 0, module: module.into(), at, names, is_local: true };
        let mut own = Frame::new(&frame.module, frame.path.clone());
        self.from(&from, &mut own)
    }
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '_' | '.') || c.is_alphanumeric())
}
