//! What a check found, in words. Owns how a finding is shown.

use std::path::Path;

use pyfast_stack::check::{Checked, Found, Severity};

use crate::ui::{Line, Ui, bold, counts, excerpt, paint};

/// Shows all of it to people.
pub(crate) fn show(checked: &Checked, ui: Ui) {
    for line in checked.findings.iter().flat_map(|found| lines(found, &checked.directory)) {
        ui.error_line(line);
    }
    for what in &checked.unknown {
        ui.note(format!("Not known: {what}"));
    }
}

/// In a line.
pub(crate) fn summary(checked: &Checked) -> String {
    let found = counts(&[(checked.errors(), "error"), (checked.warnings(), "warning")]);
    let found = found.unwrap_or_else(|| "nothing found that would fail".to_owned());
    format!("Checked {}: {found}", checked.subject)
}

fn lines(found: &Found, directory: &Path) -> Vec<Line> {
    let finding = &found.finding;
    let (style, word) = match finding.severity {
        Severity::Error => ("31;1", "error"),
        Severity::Warning => ("33;1", "warning"),
        Severity::Note => ("36;1", "note"),
    };
    let title = paint(style, format!("{word}[{}]:", finding.rule));
    let mut lines = vec![title.and(" ").and(bold(found.reason()))];
    lines.extend(found.at(directory).map(|at| Line::from(format!("  at {at}"))));
    let spot = found.spot().into_iter();
    lines.extend(spot.flat_map(|one| excerpt(one.line, &one.text, one.before, one.width)));
    lines.extend(found.related(directory).map(|related| Line::from(format!("  {related}"))));
    if !found.services.is_empty() {
        lines.push(format!("  in {}", found.services.join(", ")).into());
    }
    let hint = finding.hint.iter();
    lines.extend(hint.map(|hint| paint("36;1", "help:").and(format!(" {hint}"))));
    lines
}
