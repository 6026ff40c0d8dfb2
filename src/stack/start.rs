//! What came of starting and awaiting containers, as the user sees it. Owns the words about each service and the result;
//! the verdicts are the launcher's.

use std::process::ExitCode;
use std::time::Duration;

use pyfast_crew::task::millis;
use pyfast_launcher::containers::{ServiceFailure, Verdict, of_service};
use pyfast_launcher::engine::Container;
use pyfast_stack::{Phase, Stack, Upped};
use serde_json::{Value, json};

use crate::failure::{Code, Failure};
use crate::ui::{Ui, bold, dim, duration, red, table};

/// Services that were started, and what came of them.
pub(super) struct Started<'a> {
    pub(super) stack: &'a Stack<'a>,
    pub(super) upped: Upped,
    /// How long all of it took.
    pub(super) total: Duration,
}

/// A verdict in a word.
pub(super) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Waiting => "not waited for",
        Verdict::Running => "running",
        Verdict::Healthy => "healthy",
        Verdict::Completed => "completed",
        Verdict::Failed(_) => "failed",
        Verdict::NotStarted { .. } => "not started",
    }
}

impl Started<'_> {
    /// Shows the result; a failed service makes the command fail.
    pub(super) fn show(&self, ui: Ui) -> Result<ExitCode, Failure> {
        let services = self.upped.launched.services.iter();
        let failed: Vec<_> = services.filter(|(_, outcome)| outcome.verdict.is_failure()).collect();
        if ui.json() && failed.is_empty() {
            ui.data(format!("{}\n", self.json()));
        }
        if !ui.json() {
            ui.data(self.table());
        }
        let long = |phase: &&Phase| phase.took >= Duration::from_millis(1);
        let phases = self.stack.phases().iter().filter(long);
        let phases: Vec<_> =
            phases.map(|phase| format!("{} {}", phase.name, duration(phase.took))).collect();
        ui.note(dim(format!("{} ({})", duration(self.total), phases.join(", "))));
        if failed.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        for (service, outcome) in &failed {
            if let Verdict::Failed(failure) = &outcome.verdict {
                tell_failure(ui, service, failure);
            }
        }
        let names: Vec<_> = failed.iter().map(|(name, _)| name.as_str()).collect();
        let message = match names.as_slice() {
            [one] => format!("the service {one} failed"),
            _ => format!("{} services failed: {}", names.len(), names.join(", ")),
        };
        let failure = Failure::new("service", message, Code::Mendable);
        // Of what was not started there is nothing to see.
        let first = failed.iter().find_map(|(service, outcome)| match &outcome.verdict {
            Verdict::Failed(failure) => Some((service, failure)),
            _ => None,
        });
        let failure = match first {
            Some((service, first)) => failure.cause(format!("{service}: {}", first.reason)).hint(
                format!("the other services keep running; `pyfast logs {service}` shows all of its output"),
            ),
            None => failure,
        };
        Err(failure.result(self.json()))
    }

    fn table(&self) -> String {
        let mut rows = vec![["SERVICE", "STATE", "TIME", "ADDRESS"].map(str::to_owned)];
        for (service, outcome) in &self.upped.launched.services {
            let urls = of_service(&self.upped.containers, service)
                .into_iter()
                .flat_map(Container::addresses);
            let mut urls: Vec<_> = urls.collect();
            urls.dedup();
            let state = match &outcome.verdict {
                Verdict::NotStarted { because } => format!("not started (needs {because})"),
                other => word(other).to_owned(),
            };
            let time = duration(outcome.took);
            rows.push([service.clone(), state, time, urls.join(" ")]);
        }
        table(&rows)
    }

    fn json(&self) -> Value {
        let services = self.upped.launched.services.iter().map(|(service, outcome)| {
            let found = of_service(&self.upped.containers, service);
            let found: Vec<_> = found.iter().map(|one| one.to_json(service)).collect();
            let mut json = json!({
                "verdict": word(&outcome.verdict),
                "restarted": outcome.restarted,
                "took_ms": millis(outcome.took),
                "containers": found,
            });
            match &outcome.verdict {
                Verdict::Failed(failure) => json["failure"] = failure_json(failure),
                Verdict::NotStarted { because } => json["needs"] = json!(because),
                _ => {}
            }
            (service.clone(), json)
        });
        let services: serde_json::Map<_, _> = services.collect();
        let phases = self.stack.phases().iter();
        let phases: serde_json::Map<_, _> =
            phases.map(|phase| (phase.name.to_owned(), json!(millis(phase.took)))).collect();
        json!({ "project": self.stack.description().project.name, "services": services,
            "timings_ms": { "phases": phases, "total": millis(self.total) } })
    }
}

fn failure_json(failure: &ServiceFailure) -> Value {
    json!({
        "reason": failure.reason,
        "exit_code": failure.exit_code,
        "out_of_memory": failure.oom_killed,
        "health_output": failure.health_output,
        "log": failure.log.iter().map(|line| &line.text).collect::<Vec<_>>(),
    })
}

/// Everything that helps to mend a failed service.
fn tell_failure(ui: Ui, service: &str, failure: &ServiceFailure) {
    ui.error_line(red("✗").and(" ").and(bold(service)));
    ui.error_line(format!("  {}", failure.reason));
    if let Some(code) = failure.exit_code {
        let memory = if failure.oom_killed { " (memory ran out)" } else { "" };
        ui.error_line(format!("  exit code {code}{memory}"));
    }
    if !failure.health_output.trim().is_empty() {
        ui.error_line("  the last health check said:");
        for line in failure.health_output.trim().lines() {
            ui.error_line(format!("  | {line}"));
        }
    }
    if !failure.log.is_empty() {
        ui.error_line(format!("  its last {}:", crate::ui::count(failure.log.len(), "line")));
        for line in &failure.log {
            ui.error_line(format!("  | {}", line.text));
        }
    }
}
