//! What came of starting and awaiting containers, as the user sees it. Owns the words about each service and the result;
//! the verdicts are the launcher's.

use std::process::ExitCode;
use std::time::Duration;

use pyfast_launcher::containers::{ServiceFailure, Verdict, of_service};
use pyfast_launcher::engine::Container;
use pyfast_stack::{Phase, Stack, Upped};

use crate::failure::{Code, Failure};
use crate::ui::{Ui, bold, dim, duration, red, table};

/// Services that were started, and what came of them.
pub(super) struct Started<'a> {
    pub(super) stack: &'a Stack<'a>,
    pub(super) upped: Upped,
    /// How long all of it took.
    pub(super) total: Duration,
}

impl Started<'_> {
    /// Shows the result; a failed service makes the command fail.
    pub(super) fn show(&self, ui: Ui) -> Result<ExitCode, Failure> {
        let services = self.upped.launched.services.iter();
        let failed: Vec<_> = services.filter(|(_, outcome)| outcome.verdict.is_failure()).collect();
        if ui.json() && failed.is_empty() {
            ui.data(format!("{}\n", self.stack.result(&self.upped, self.total)));
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
        Err(failure.result(self.stack.result(&self.upped, self.total)))
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
                other => other.word().to_owned(),
            };
            let time = duration(outcome.took);
            rows.push([service.clone(), state, time, urls.join(" ")]);
        }
        table(&rows)
    }
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
