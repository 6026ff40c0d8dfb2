//! Variables that code asks for while it is imported. Must not know their values.

use super::failing::{Draft, Kind, Raised};
use super::table::Value;
use super::{Frame, Simulation};
use crate::finding::Rule;
use crate::outline::{Call, Item};

impl Simulation<'_> {
    /// `os.environ["X"]`.
    pub(super) fn item(&mut self, item: &Item, frame: &Frame) -> Result<(), Raised> {
        let Value::Foreign(name) = self.quietly(&item.of.path, frame) else {
            return Ok(());
        };
        match &item.key {
            Some(key) if name == "os.environ" && !self.has_variable(key) => {
                let draft = self.missing_variable(key, item.of.at, frame);
                self.fail(Kind::Key, draft)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn has_variable(&self, name: &str) -> bool {
        self.has_all_variables
            || self.variables.contains(name)
            || self.service.environment.as_ref().is_some_and(|known| known.contains_key(name))
            || EVERYWHERE.contains(&name)
    }

    pub(super) fn missing_variable(&self, name: &str, at: u32, frame: &Frame) -> Draft {
        let mut draft = self.draft(frame, at, Rule::MissingSetting, name);
        draft.message = format!(
            "the variable `{name}` is read without a default, and the service does not have it"
        );
        draft.hint = Some(format!(
            "give it to the service under `environment`, or read it with a default: `os.environ.get(\"{name}\", …)`"
        ));
        draft
    }

    /// Calls of others' functions that ask for variables, or set them.
    pub(super) fn called_foreign(
        &mut self,
        name: &str,
        call: &Call,
        frame: &Frame,
    ) -> Result<(), Raised> {
        match name {
            "os.environ.setdefault" | "os.putenv" => match &call.text {
                Some(key) => drop(self.variables.insert(key.clone())),
                None => self.has_all_variables = true,
            },
            "os.environ.update" => self.has_all_variables = true,
            "sys.modules.setdefault" | "sys.modules.update" => self.is_open = true,
            "decouple.config" => {
                let Some(key) = &call.text else { return Ok(()) };
                let has_default = call.arguments > 1
                    || call
                        .keywords
                        .iter()
                        .any(|keyword| keyword == "default" || keyword.is_empty());
                if !has_default && !self.has_variable(key) && !self.has_settings_file(frame) {
                    let draft = self.missing_variable(key, call.called.at, frame);
                    return self.fail(Kind::Other("UndefinedValueError".to_owned()), draft);
                }
            }
            _ if name.ends_with("load_dotenv") || name.ends_with("read_env") => {
                // What the file sets is in no list that a service shows.
                self.has_all_variables = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a `.env` or `settings.ini` stands beside a file or above it.
    fn has_settings_file(&self, frame: &Frame) -> bool {
        frame.path.ancestors().skip(1).any(|directory| {
            let listing = self.search.listing(directory);
            listing.has_file(".env") || listing.has_file("settings.ini")
        })
    }
}

/// Variables that a container's shell or engine sets.
const EVERYWHERE: [&str; 4] = ["HOME", "HOSTNAME", "PATH", "PWD"];
