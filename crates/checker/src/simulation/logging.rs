//! Configurations of the standard library's logging, as far as they are written out. Must not know how they are read.

use super::failing::{Kind, Raised};
use super::{Frame, Simulation};
use crate::finding::Rule;
use crate::outline::{From, Imported, Logging};

impl Simulation<'_> {
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
            self.import_dotted(&class.text, class.at, frame)?;
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

    /// Imports what a text names: something in a module.
    pub(super) fn import_dotted(
        &mut self,
        text: &str,
        at: u32,
        frame: &Frame,
    ) -> Result<(), Raised> {
        let is_name = text.chars().all(|c| matches!(c, '_' | '.') || c.is_alphanumeric());
        let Some((module, name)) = text.rsplit_once('.').filter(|_| is_name) else { return Ok(()) };
        let names = vec![Imported { name: name.to_owned(), alias: None, at }];
        let from = From { level: 0, module: module.to_owned(), at, names, is_local: true };
        let mut own = Frame::new(&frame.module, frame.path.clone());
        self.from(&from, &mut own)
    }
}
