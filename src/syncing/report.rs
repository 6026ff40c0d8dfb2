//! The result of a sync, for people and for scripts.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ui::{Line, Ui, count, duration, green, paint, red};

/// One package of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A package whose version changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Updated {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

/// What one environment has that another has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) added: Vec<Listed>,
    pub(crate) removed: Vec<Listed>,
    pub(crate) updated: Vec<Updated>,
}

impl Changes {
    /// Both lists are in the order of names.
    pub(crate) fn between(before: &[Listed], after: &[Listed]) -> Self {
        let mut changes = Self::default();
        for package in after {
            match before.iter().find(|known| known.name == package.name) {
                None => changes.added.push(package.clone()),
                Some(known) if known.version != package.version => changes.updated.push(Updated {
                    name: package.name.clone(),
                    from: known.version.clone(),
                    to: package.version.clone(),
                }),
                Some(_) => {}
            }
        }
        let gone =
            before.iter().filter(|known| !after.iter().any(|package| package.name == known.name));
        changes.removed.extend(gone.cloned());
        changes
    }
}

/// How long the parts of a sync took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timings {
    pub(crate) resolve: Duration,
    pub(crate) fetch: Duration,
    pub(crate) compose: Duration,
    pub(crate) total: Duration,
}

/// One change of an environment, behind its mark.
fn change(mark: Line, what: &str) -> Line {
    Line::from(" ").and(mark).and(format!(" {what}"))
}

/// The result of a sync.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// What stays the same while nothing changes: paths, id, interpreter, packages, lock.
    pub(crate) facts: Value,
    pub(crate) changed: bool,
    pub(crate) changes: Changes,
    pub(crate) timings: Timings,
    /// Wheels that had to be fetched.
    pub(crate) fetched: usize,
    /// Whether this is what would be done.
    pub(crate) dry_run: bool,
    /// Acts of a dry run, one a line.
    pub(crate) plan: Vec<String>,
}

impl Report {
    /// Shows the result: one JSON object, or some lines.
    pub(crate) fn show(&self, ui: Ui) {
        if ui.json() {
            ui.data(format!("{}\n", self.json()));
        }
        if !self.dry_run {
            self.show_changes(ui);
        }
        let packages = self.facts["packages"].as_array().map_or(0, Vec::len);
        let packages = count(packages, "package");
        let total = duration(self.timings.total);
        if self.dry_run {
            if !ui.json() {
                let text: String = self.plan.iter().map(|act| format!("{act}\n")).collect();
                ui.data(text);
            }
            ui.note(format!("Nothing was changed ({packages} resolved in {total})"));
        } else if self.changed {
            ui.note(green("Synced").and(format!(" {packages} in {total}")));
        } else {
            ui.note(green("Up to date:").and(format!(" {packages}, nothing to do ({total})")));
        }
    }

    /// Shows what was added, removed and updated.
    pub(crate) fn show_changes(&self, ui: Ui) {
        let Changes { added, removed, updated } = &self.changes;
        if self.fetched > 0 {
            ui.note(format!(
                "Fetched {} in {}",
                count(self.fetched, "wheel"),
                duration(self.timings.fetch + self.timings.resolve)
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
        let listed = |packages: &[Listed]| -> Value {
            packages
                .iter()
                .map(|package| json!({"name": package.name, "version": package.version}))
                .collect()
        };
        let updated =
            self.changes.updated.iter().map(
                |package| json!({"name": package.name, "from": package.from, "to": package.to}),
            );
        let millis = |duration: Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
        let mut report = self.facts.clone();
        report["changed"] = json!(self.changed);
        report["added"] = listed(&self.changes.added);
        report["removed"] = listed(&self.changes.removed);
        report["updated"] = updated.collect();
        report["timings_ms"] = json!({
            "resolve": millis(self.timings.resolve),
            "fetch": millis(self.timings.fetch),
            "compose": millis(self.timings.compose),
            "total": millis(self.timings.total),
        });
        if self.dry_run {
            report["dry_run"] = json!(true);
        }
        report
    }
}

/// The packages of a report's facts.
pub(crate) fn listed(facts: &Value) -> Vec<Listed> {
    let packages = facts["packages"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    packages
        .map(|package| Listed { name: text(&package["name"]), version: text(&package["version"]) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(packages: &[(&str, &str)]) -> Vec<Listed> {
        let listed = |(name, version): &(&str, &str)| Listed {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
        };
        packages.iter().map(listed).collect()
    }

    #[test]
    fn changes_are_what_differs() {
        let before = list(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let after = list(&[("b", "2"), ("c", "1"), ("d", "1")]);
        let changes = Changes::between(&before, &after);
        assert_eq!(changes.added, list(&[("d", "1")]));
        assert_eq!(changes.removed, list(&[("a", "1")]));
        assert_eq!(changes.updated.len(), 1);
        assert_eq!(Changes::between(&after, &after), Changes::default());
    }
}
