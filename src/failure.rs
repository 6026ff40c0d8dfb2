//! Errors as the user sees them: act, object, causes, what to do; and the exit code. Hints are made
//! here by matching typed errors, so that no library names a flag.

mod building;
mod installing;
mod launching;
mod resolving;

use std::error::Error as StdError;
use std::fmt;

use serde_json::json;

use crate::ui::Ui;

/// Exit codes, which are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The user can mend it.
    Mendable = 1,
    /// Usage or configuration.
    Usage = 2,
    /// The container engine cannot be reached.
    Engine = 3,
}

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    /// A stable word for scripts.
    pub(crate) kind: &'static str,
    /// Act, object and the first cause.
    message: String,
    /// Further causes, outermost first.
    causes: Vec<String>,
    /// What the user could do.
    hints: Vec<String>,
    /// The exit code.
    pub(crate) code: u8,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Failure {
    /// Wrong usage or configuration.
    pub(crate) fn usage(message: String) -> Self {
        Self::new("usage", message, Code::Usage)
    }

    /// Any failure.
    pub(crate) fn new(kind: &'static str, message: String, code: Code) -> Self {
        Self { kind, message, causes: Vec::new(), hints: Vec::new(), code: code as u8 }
    }

    /// The user interrupted the command.
    pub(crate) fn interrupted() -> Self {
        let mut failure = Self::new("interrupted", "interrupted".to_owned(), Code::Mendable);
        failure.code = 130;
        failure
    }

    /// Adds what the user could do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a cause.
    pub(crate) fn cause(mut self, cause: String) -> Self {
        self.causes.push(cause);
        self
    }

    /// Further causes, outermost first.
    pub(crate) fn causes(&self) -> &[String] {
        &self.causes
    }

    /// What the user could do.
    pub(crate) fn hints(&self) -> &[String] {
        &self.hints
    }

    /// Takes over an error with its chain of causes.
    pub(crate) fn from_error(kind: &'static str, error: &dyn StdError, code: Code) -> Self {
        let mut failure = Self::new(kind, error.to_string(), code);
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !failure.message.contains(&text) && !failure.causes.contains(&text) {
                failure.causes.push(text);
            }
            source = cause.source();
        }
        failure
    }

    /// Shows the failure: to people, or as JSON.
    pub(crate) fn show(&self, ui: Ui) {
        if ui.json() {
            let error = json!({ "error": {
                "kind": self.kind, "message": self.message, "causes": self.causes, "hints": self.hints,
            }});
            ui.data(format!("{error}\n"));
        }
        ui.error_line(format!("{} {}", ui.paint("31;1", "error:"), self.message));
        for cause in &self.causes {
            ui.error_line(format!("  cause: {cause}"));
        }
        for hint in &self.hints {
            ui.error_line(format!("{} {hint}", ui.paint("36;1", "hint:")));
        }
    }
}
