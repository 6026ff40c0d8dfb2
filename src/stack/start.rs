//! Starting and awaiting containers, as the user sees it. Owns the words about each service and the result; the order
//! and the verdicts are the launcher's.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use pyfast_launcher::containers::{
    Launched, ServiceFailure, StartEvent, StartOptions, Verdict, of_service, start_and_wait,
};
use pyfast_launcher::engine::Container;
use serde_json::{Value, json};

use super::Launcher;
use super::containers::{addresses, container_json};
use crate::failure::{Code, Failure};
use crate::ui::{Ui, bold, dim, duration, red, table};

/// How services are started.
pub(crate) struct Waiting {
    /// Whether to wait until they are healthy.
    pub(crate) wait: bool,
    /// How long, for each; `None` as its health check says.
    pub(crate) deadline: Option<Duration>,
    /// Services that are restarted.
    pub(crate) restart: BTreeSet<String>,
}

/// What came of a start.
pub(crate) struct Started(Launched);

/// Starts and restarts services, and waits for them.
pub(crate) fn start(
    launcher: &Launcher<'_>,
    containers: &BTreeMap<String, Vec<Container>>,
    waiting: &Waiting,
) -> Result<Started, Failure> {
    let ui = launcher.ui();
    let options = StartOptions {
        wait: waiting.wait,
        deadline: waiting.deadline,
        restart: waiting.restart.clone(),
    };
    let event = move |event: StartEvent| told(ui, &event);
    let connection = &launcher.connection;
    let project = &launcher.stack.project;
    let launched = connection.wait(start_and_wait(
        &connection.engine,
        project,
        containers,
        &options,
        &event,
    ))?;
    Ok(Started(launched))
}

fn told(ui: Ui, event: &StartEvent) {
    match event {
        StartEvent::Starting { service } => ui.detail(format!("starting {service}")),
        StartEvent::Restarting { service } => ui.note(format!("Restarting {service}")),
        StartEvent::Settled { service, verdict, took } => {
            let time = duration(*took);
            ui.detail(format!("{service}: {} after {time}", word(verdict)));
        }
        StartEvent::Warning { service, message } => ui.warning(format!("{service}: {message}")),
    }
}

/// A verdict in a word.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Waiting => "not waited for",
        Verdict::Running => "running",
        Verdict::Healthy => "healthy",
        Verdict::Completed => "completed",
        Verdict::Failed(_) => "failed",
        Verdict::NotStarted { .. } => "not started",
    }
}

impl Started {
    /// Shows the result; a failed service makes the command fail.
    pub(crate) fn show(
        &self,
        launcher: &Launcher<'_>,
        containers: &[Container],
        total: Duration,
    ) -> Result<ExitCode, Failure> {
        let ui = launcher.ui();
        let failed: Vec<_> =
            self.0.services.iter().filter(|(_, outcome)| outcome.verdict.is_failure()).collect();
        if ui.json() && failed.is_empty() {
            ui.data(format!("{}\n", self.json(launcher, containers, total)));
        }
        if !ui.json() {
            ui.data(self.table(containers));
        }
        let phases = launcher.phases.iter().filter(|(_, time)| *time >= Duration::from_millis(1));
        let phases: Vec<_> =
            phases.map(|(name, time)| format!("{name} {}", duration(*time))).collect();
        ui.note(dim(format!("{} ({})", duration(total), phases.join(", "))));
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
        let first = failed.iter().find_map(|(_, outcome)| match &outcome.verdict {
            Verdict::Failed(failure) => Some(failure),
            _ => None,
        });
        let failure = match first {
            Some(first) => failure.cause(first.reason.clone()),
            None => failure,
        };
        let failure = failure.hint(format!(
            "the other services keep running; `pyfast logs {}` shows all of its output",
            names.first().unwrap_or(&"")
        ));
        Err(failure.result(self.json(launcher, containers, total)))
    }

    fn table(&self, containers: &[Container]) -> String {
        let mut rows = vec![["SERVICE", "STATE", "TIME", "ADDRESS"].map(str::to_owned)];
        for (service, outcome) in &self.0.services {
            let urls = of_service(containers, service).into_iter().flat_map(addresses);
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

    fn json(&self, launcher: &Launcher<'_>, containers: &[Container], total: Duration) -> Value {
        let millis = |time: &Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
        let services = self.0.services.iter().map(|(service, outcome)| {
            let found = of_service(containers, service);
            let found: Vec<_> = found.iter().map(|one| container_json(service, one)).collect();
            let mut json = json!({
                "verdict": word(&outcome.verdict),
                "restarted": outcome.restarted,
                "took_ms": millis(&outcome.took),
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
        let phases = launcher.phases.iter();
        let phases: serde_json::Map<_, _> =
            phases.map(|(name, time)| ((*name).to_owned(), json!(millis(time)))).collect();
        json!({ "project": launcher.stack.project.name, "services": services,
            "timings_ms": { "phases": phases, "total": millis(&total) } })
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
