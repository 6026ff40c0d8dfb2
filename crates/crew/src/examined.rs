//! What was found of a machine and a project when somebody asked whether all is well. Owns the redaction of everything that
//! is told, and which failure counts; must not know how anything is found out, nor how it is shown.

mod disk;

use pyfast_packaging::safe_url::redact;
use serde_json::{Value, json};

pub use disk::file_system;

/// The check of the container engine, on which the exit code depends.
pub const ENGINE: &str = "engine";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Not looked at, and the message says why.
    Skipped,
    /// Something is missing that may never be needed.
    Warning,
    /// Something that the project needs is missing.
    Failed,
}

impl Level {
    /// In a word, for scripts too.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warn",
            Self::Failed => "fail",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// A stable word for scripts.
    pub check: &'static str,
    /// What, without anything secret.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl Finding {
    /// One without anything to do.
    pub fn new(level: Level, check: &'static str, message: impl AsRef<str>) -> Self {
        Self { level, check, message: redact(message.as_ref()), hints: Vec::new() }
    }

    /// All is well.
    pub fn ok(check: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Level::Ok, check, message)
    }

    /// Says what to do where nothing else does.
    #[must_use]
    pub fn or_hint(self, hint: impl AsRef<str>) -> Self {
        if self.hints.is_empty() { self.hint(hint) } else { self }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hints.push(redact(hint.as_ref()));
        self
    }
}

/// All findings, in the order in which they are shown.
#[derive(Debug)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
    /// Whether the project cannot do without the container engine.
    pub engine_needed: bool,
}

/// What counts of all findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing failed.
    Well,
    /// The engine is needed, and failed.
    Engine,
    /// Anything else failed.
    Failed,
}

impl Report {
    /// What counts.
    pub fn verdict(&self) -> Verdict {
        let mut failed = self.findings.iter().filter(|finding| finding.level == Level::Failed);
        match failed.next() {
            None => Verdict::Well,
            // The engine is what is looked at first.
            Some(first) if first.check == ENGINE && self.engine_needed => Verdict::Engine,
            Some(_) => Verdict::Failed,
        }
    }

    /// How many findings are of a level.
    pub fn of_level(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// `{"ok", "checks": [{"check", "status", "message", "hints"}]}`.
    pub fn to_json(&self) -> Value {
        let checks = self.findings.iter().map(|finding| {
            json!({
                "check": finding.check,
                "status": finding.level.word(),
                "message": finding.message,
                "hints": finding.hints,
            })
        });
        let ok = self.verdict() == Verdict::Well;
        json!({ "ok": ok, "checks": checks.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(findings: Vec<Finding>, engine_needed: bool, verdict: Verdict) {
        let report = Report { findings, engine_needed };
        assert_eq!(report.verdict(), verdict, "{report:?}");
    }

    #[test]
    fn an_engine_that_is_needed_counts_before_anything_else_that_failed() {
        let of = |level, check| Finding::new(level, check, "x");
        let engine = |level| of(level, ENGINE);
        let index = |level| of(level, "index");
        check(vec![engine(Level::Ok), index(Level::Skipped)], true, Verdict::Well);
        check(vec![engine(Level::Warning), index(Level::Warning)], false, Verdict::Well);
        check(vec![engine(Level::Failed), index(Level::Failed)], true, Verdict::Engine);
        check(vec![engine(Level::Ok), index(Level::Failed)], true, Verdict::Failed);
        check(vec![engine(Level::Failed), index(Level::Failed)], false, Verdict::Failed);
        check(vec![engine(Level::Warning), index(Level::Failed)], false, Verdict::Failed);
    }
}
