//! The report of `doctor` in words, and its exit code.

use std::fmt::Write as _;

use pyfast_crew::examined::{Finding, Level, Report, Verdict};

use crate::failure::{Code, Failure};
use crate::ui::{Line, counts, paint};

/// Findings about failures.
pub(super) trait OfFailure: Sized {
    /// A failed act with its causes and hints.
    fn of(level: Level, check: &'static str, failure: &Failure) -> Self;

    /// What keeps the project from working.
    fn failed(check: &'static str, failure: &Failure) -> Self {
        Self::of(Level::Failed, check, failure)
    }
}

impl OfFailure for Finding {
    fn of(level: Level, check: &'static str, failure: &Failure) -> Self {
        let mut message = failure.to_string();
        for cause in failure.causes() {
            let _ = write!(message, ": {cause}");
        }
        failure.hints().iter().fold(Self::new(level, check, message), Self::hint)
    }
}

/// 3 when the engine is needed and failed, 1 when anything else did, else 0.
pub(crate) fn code(report: &Report) -> u8 {
    match report.verdict() {
        Verdict::Well => 0,
        Verdict::Engine => Code::Engine as u8,
        Verdict::Failed => Code::Mendable as u8,
    }
}

/// One line about all findings.
pub(crate) fn summary(report: &Report) -> String {
    let of = |level| report.of_level(level);
    let found = counts(&[(of(Level::Failed), "failure"), (of(Level::Warning), "warning")]);
    found.unwrap_or_else(|| "Nothing is wrong".to_owned())
}

/// A line for each finding, and one for each hint.
pub(crate) fn to_text(report: &Report) -> Line {
    let width = report.findings.iter().map(|one| one.check.len()).max().unwrap_or_default();
    let mut text = Line::default();
    for finding in &report.findings {
        let color = match finding.level {
            Level::Ok => "32",
            Level::Skipped => "2",
            Level::Warning => "33;1",
            Level::Failed => "31;1",
        };
        let level = paint(color, format!("{:7}", finding.level.word()));
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

#[cfg(test)]
mod tests {
    use super::*;

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
