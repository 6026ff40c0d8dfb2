//! The result of a sync, in words and as JSON.

use std::time::Duration;

use pyfast_environment::report::{Changes, SyncReport};
use serde_json::{Value, json};

use crate::ui::{Line, Ui, count, duration, green, paint, red};

/// One change of an environment, behind its mark.
fn change(mark: Line, what: &str) -> Line {
    Line::from(" ").and(mark).and(format!(" {what}"))
}

/// The result of a sync, done or tried.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) sync: SyncReport,
    /// The plan of a dry run, one act a line.
    pub(crate) plan: Option<String>,
}

impl Report {
    /// What was done.
    pub(crate) fn done(sync: SyncReport) -> Self {
        Self { sync, plan: None }
    }

    /// The same, with how long all of it took.
    pub(super) fn took(mut self, total: Duration) -> Self {
        self.sync.timings.total = total;
        self
    }

    /// Shows the result: one JSON object, or some lines.
    pub(crate) fn show(&self, ui: Ui) {
        if ui.json() {
            ui.data(format!("{}\n", self.json()));
        }
        let packages = count(self.sync.facts.packages.len(), "package");
        let total = duration(self.sync.timings.total);
        if let Some(plan) = &self.plan {
            if !ui.json() {
                ui.data(plan);
            }
            ui.note(format!("Nothing was changed ({packages} resolved in {total})"));
            return;
        }
        self.show_changes(ui);
        if self.sync.changed {
            ui.note(green("Synced").and(format!(" {packages} in {total}")));
        } else {
            ui.note(green("Up to date:").and(format!(" {packages}, nothing to do ({total})")));
        }
    }

    /// Shows what was added, removed and updated.
    pub(crate) fn show_changes(&self, ui: Ui) {
        let Changes { added, removed, updated } = &self.sync.changes;
        if self.sync.fetched > 0 {
            ui.note(format!(
                "Fetched {} in {}",
                count(self.sync.fetched, "wheel"),
                duration(self.sync.timings.fetch + self.sync.timings.resolve)
            ));
        }
        for package in removed {
            ui.note(change(red("-"), &format!("{}=={}", package.name, package.version)));
        }
        for package in added {
            ui.note(change(green("+"), &format!("{}=={}", package.name, package.version)));
        }
        for package in updated {
            let versions = format!("{} {} → {}", package.name, package.from, package.to);
            ui.note(change(paint("33", "~"), &versions));
        }
    }

    fn json(&self) -> Value {
        let SyncReport { facts, changed, changes, timings, .. } = &self.sync;
        let millis = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        let mut report = json!(facts);
        report["changed"] = json!(changed);
        report["added"] = json!(changes.added);
        report["removed"] = json!(changes.removed);
        report["updated"] = json!(changes.updated);
        report["timings_ms"] = json!({
            "resolve": millis(timings.resolve),
            "fetch": millis(timings.fetch),
            "compose": millis(timings.compose),
            "total": millis(timings.total),
        });
        if self.plan.is_some() {
            report["dry_run"] = json!(true);
        }
        report
    }
}
