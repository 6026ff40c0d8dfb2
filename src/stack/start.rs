//! What came of starting and awaiting containers, as the user sees it. Owns the words about each service and the result;
//! the verdicts are the launcher's.

use std::process::ExitCode;
use std::time::Duration;

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
        let failed = self.upped.launched.failed();
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
        // Of what was not started there is nothing to see.
        let seen = || failed.iter().filter_map(|(service, failure)| Some((service, (*failure)?)));
        for (service, failure) in seen() {
            ui.error_line(red("✗").and(" ").and(bold(*service)));
            for line in failure.lines() {
                ui.error_line(format!("  {line}"));
            }
        }
        let names: Vec<&str> = failed.keys().copied().collect();
        let message = match names.as_slice() {
            [one] => format!("the service {one} failed"),
            _ => format!("{} services failed: {}", names.len(), names.join(", ")),
        };
        let failure = Failure::new("service", message, Code::Mendable);
        let failure = match seen().next() {
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
            let state = outcome.verdict.state();
            let time = duration(outcome.took);
            rows.push([service.clone(), state, time, self.upped.addresses(service)]);
        }
        table(&rows)
    }
}
