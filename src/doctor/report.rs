//! Findings and their report, for people and as JSON. Owns the redaction of everything that is shown, and the exit
//! code; must not know how anything is found out.

use std::fmt::Write as _;

use pyfast_packaging::safe_url::redact;
use serde_json::{Value, json};

use crate::failure::{Code, Failure};
use crate::ui::{Line, count, paint};

/// The check of the container engine, on which the exit code depends.
pub(super) const ENGINE: &str = "engine";

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Ok,
    /// Not looked at, and the message says why.
    Skipped,
    /// Something is missing that may never be needed.
    Warning,
    /// Something that the project needs is missing.
    Failed,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warn",
            Self::Failed => "fail",
        }
    }

    fn color(self) -> &'static str {
        match self {
            Self::Ok => "32",
            Self::Skipped => "2",
            Self::Warning => "33;1",
            Self::Failed => "31;1",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// A stable word for scripts.
    pub(super) check: &'static str,
    message: String,
    pub(super) hints: Vec<String>,
}

impl Finding {
    pub(super) fn new(level: Level, check: &'static str, message: impl AsRef<str>) -> Self {
        Self { level, check, message: redact(message.as_ref()), hints: Vec::new() }
    }

    pub(super) fn ok(check: &'static str, message: impl AsRef<str>) -> Self {
        Self::new(Level::Ok, check, message)
    }

    /// What keeps the project from working.
    pub(super) fn failed(check: &'static str, failure: &Failure) -> Self {
        Self::of(Level::Failed, check, failure)
    }

    /// A failed act with its causes and hints.
    pub(super) fn of(level: Level, check: &'static str, failure: &Failure) -> Self {
        let mut message = failure.to_string();
        for cause in failure.causes() {
            let _ = write!(message, ": {cause}");
        }
        let mut finding = Self::new(level, check, message);
        finding.hints.extend(failure.hints().iter().map(|hint| redact(hint)));
        finding
    }

    /// Says what to do where nothing else does.
    pub(super) fn or_hint(self, hint: impl AsRef<str>) -> Self {
        if self.hints.is_empty() { self.hint(hint) } else { self }
    }

    /// Adds what to do.
    pub(super) fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hints.push(redact(hint.as_ref()));
        self
    }
}

/// All findings, in the order in which they are shown.
#[derive(Debug)]
pub(crate) struct Report {
    pub(super) findings: Vec<Finding>,
    /// Whether the project cannot do without the container engine.
    pub(super) engine_needed: bool,
}

impl Report {
    /// 3 when the engine is needed and failed, 1 when anything else did, else 0.
    pub(crate) fn code(&self) -> u8 {
        let mut failed = self.findings.iter().filter(|finding| finding.level == Level::Failed);
        let engine = |finding: &Finding| finding.check == ENGINE;
        match failed.next() {
            None => 0,
            // The engine is what is looked at first.
            Some(first) if engine(first) && self.engine_needed => Code::Engine as u8,
            Some(_) => Code::Mendable as u8,
        }
    }

    fn of_level(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    /// One line about all findings.
    pub(crate) fn summary(&self) -> String {
        match (self.of_level(Level::Failed), self.of_level(Level::Warning)) {
            (0, 0) => "Nothing is wrong".to_owned(),
            (0, warnings) => count(warnings, "warning"),
            (failures, 0) => count(failures, "failure"),
            (failures, warnings) => {
                format!("{}, {}", count(failures, "failure"), count(warnings, "warning"))
            }
        }
    }

    /// A line for each finding, and one for each hint.
    pub(crate) fn to_text(&self) -> Line {
        let width = self.findings.iter().map(|finding| finding.check.len()).max();
        let width = width.unwrap_or_default();
        let mut text = Line::default();
        for finding in &self.findings {
            let level = paint(finding.level.color(), format!("{:7}", finding.level.word()));
            let indent = " ".repeat(9 + width + 2);
            let message = finding.message.trim_end().replace('\n', &format!("\n{indent}"));
            text = text.and(level).and(format!("  {:width$}  {message}\n", finding.check));
            for hint in &finding.hints {
                text = text.and(indent.clone()).and(paint("36;1", "hint:"));
                text = text.and(format!(" {hint}\n"));
            }
        }
        text
    }

    /// `{"ok", "checks": [{"check", "status", "message", "hints"}]}`.
    pub(crate) fn to_json(&self) -> Value {
        let checks = self.findings.iter().map(|finding| {
            json!({
                "check": finding.check,
                "status": finding.level.word(),
                "message": finding.message,
                "hints": finding.hints,
            })
        });
        json!({ "ok": self.code() == 0, "checks": checks.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(findings: Vec<Finding>, engine_needed: bool, code: u8) {
        let report = Report { findings, engine_needed };
        assert_eq!(report.code(), code, "{report:?}");
    }

    #[test]
    fn an_engine_that_is_needed_is_3_and_anything_else_that_failed_is_1() {
        let of = |level, check| Finding::new(level, check, "x");
        let engine = |level| of(level, ENGINE);
        let index = |level| of(level, "index");
        check(vec![engine(Level::Ok), index(Level::Skipped)], true, 0);
        check(vec![engine(Level::Warning), index(Level::Warning)], false, 0);
        check(vec![engine(Level::Failed), index(Level::Failed)], true, 3);
        check(vec![engine(Level::Ok), index(Level::Failed)], true, 1);
        check(vec![engine(Level::Warning), index(Level::Failed)], false, 1);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let failure = Failure::usage("cannot use https://me:s3cr3t@h/simple".to_owned())
            .cause("https://me:s3cr3t@h/ said no".to_owned())
            .hint("try https://me:s3cr3t@other/");
        let finding = Finding::failed("index", &failure).hint("or http://s3cr3t@h");
        let report = Report { findings: vec![finding], engine_needed: false };
        let shown = report.to_json().to_string();
        assert!(shown.contains("****@h/simple") && !shown.contains("s3cr3t"), "{shown}");
    }
}
