//! Errors as the user sees them: act, object, causes, what to do; and the exit code. Hints are made
//! here by matching typed errors, so that no library names a flag.

mod bench;
mod build;
mod crew;
mod environment;
mod index;
mod installer;
mod launcher;
#[cfg(feature = "native")]
mod native;
mod packaging;
mod resolver;
mod root;
mod settings;
mod stack;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use pyfast_packaging::spot::Spot;
use serde_json::{Value, json};

use crate::ui::{Ui, excerpt, paint};

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
    pub(crate) kind: Cow<'static, str>,
    /// Act, object and the first cause.
    message: String,
    /// Further causes, outermost first.
    causes: Vec<String>,
    /// What the user could do.
    hints: Vec<String>,
    /// What few failures have.
    beside: Box<Beside>,
    /// The exit code.
    pub(crate) code: u8,
}

#[derive(Debug, Default)]
struct Beside {
    /// The file and the place in it that are wrong.
    place: Option<(String, Spot)>,
    /// What came of the command all the same, for scripts: keys beside `error`.
    result: serde_json::Map<String, Value>,
    /// What failed at the same time.
    also: Vec<Failure>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {}

impl Failure {
    /// Wrong usage or configuration.
    pub(crate) fn usage(message: String) -> Self {
        Self::new("usage", message, Code::Usage)
    }

    /// Any failure.
    pub(crate) fn new(kind: impl Into<Cow<'static, str>>, message: String, code: Code) -> Self {
        let kind = kind.into();
        let (causes, hints, beside) = (Vec::new(), Vec::new(), Box::default());
        Self { kind, message, causes, hints, beside, code: code as u8 }
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

    /// Adds what came of the command all the same, which scripts get beside the error.
    pub(crate) fn result(mut self, result: Value) -> Self {
        if let Value::Object(result) = result {
            self.beside.result = result;
        }
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

    /// One failure of several that came side by side: the first, and the others with it.
    pub(crate) fn of_all(failures: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut failures = failures.into_iter();
        let mut first = failures.next()?;
        first.beside.also.extend(failures);
        Some(first)
    }

    /// Shows the failure: to people, or as JSON.
    pub(crate) fn show(&self, ui: Ui) {
        if ui.json() {
            ui.data(format!("{}\n", self.to_json()));
        }
        self.show_people(ui);
    }

    /// One object, however many failed: `{"error", "also", …}`.
    fn to_json(&self) -> Value {
        let mut answer = self.beside.result.clone();
        answer.insert("error".to_owned(), self.error_json());
        if !self.beside.also.is_empty() {
            let also = self.beside.also.iter().map(Self::error_json);
            answer.insert("also".to_owned(), also.collect());
        }
        Value::from(answer)
    }

    fn error_json(&self) -> Value {
        let mut error = json!({
            "kind": self.kind, "message": self.message, "causes": self.causes, "hints": self.hints,
        });
        if let Some((file, spot)) = &self.beside.place {
            let Spot { line, column, width, text, .. } = spot;
            error["place"] = json!({
                "file": file, "line": line, "column": column, "width": width, "text": text,
            });
        }
        error
    }

    fn show_people(&self, ui: Ui) {
        ui.error_line(paint("31;1", "error:").and(format!(" {}", self.message)));
        if let Some((_, Spot { line, text, before, width, .. })) = &self.beside.place {
            for line in excerpt(*line, text, *before, *width) {
                ui.error_line(line);
            }
        }
        for cause in &self.causes {
            ui.error_line(format!("  cause: {cause}"));
        }
        for hint in &self.hints {
            ui.error_line(paint("36;1", "hint:").and(format!(" {hint}")));
        }
        for other in &self.beside.also {
            other.show_people(ui);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_failures_are_one_document() {
        let failures = ["a", "b", "c"].map(|name| {
            Failure::new("image", format!("cannot pull {name}"), Code::Mendable).hint(name)
        });
        let all =
            Failure::of_all(failures).expect("there are some").result(json!({ "services": {} }));
        let answer = all.to_json();
        assert_eq!(answer["error"]["message"], "cannot pull a");
        let also: Vec<_> = ["b", "c"].map(|name| format!("cannot pull {name}")).into();
        let told = answer["also"].as_array().expect("a list").iter();
        assert_eq!(told.map(|one| one["message"].clone()).collect::<Vec<_>>(), also);
        assert_eq!(answer["services"], json!({}));
        assert!(Failure::of_all([]).is_none());
    }
}
