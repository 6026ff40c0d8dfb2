//! `up` and `restart` as the user sees them. Owns the question about volumes, and what is said of a project that nobody
//! has configured.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Instant;

use pyfast_stack::{ComposeFlags, Stack, UpOptions, assume};
use serde_json::{Value, json};

use super::events::Shown;
use super::plan::{Act, acts};
use super::start::Started;
use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::ui::Ui;

/// What is asked of `up`.
#[derive(Debug, Clone)]
pub(crate) struct UpRequest {
    pub(crate) flags: ComposeFlags,
    pub(crate) options: UpOptions,
    /// Whether containers are removed first, and what becomes of volumes then.
    pub(crate) clean: Option<Volumes>,
}

/// What becomes of the project's named volumes when its containers are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volumes {
    Ask,
    Remove,
}

/// What is said of what was assumed.
const WRITTEN: &str = "(`pyfast init` writes it down)";

/// Brings the project up.
pub(crate) fn up(request: &UpRequest, settings: &Settings) -> Result<ExitCode, Failure> {
    let (begun, ui) = (Instant::now(), settings.ui);
    let assumed = assume(settings, &request.flags)?;
    if let Some(assumed) = &assumed {
        ui.note(format!("{assumed} {WRITTEN}"));
    }
    let settings = assumed.as_ref().map_or(&**settings, |assumed| &assumed.settings);
    let shown = Shown::new(ui);
    let services = &request.options.services;
    let mut stack = Stack::open(settings, &request.flags, services, &shown.events())?;
    stack.description().selected(services)?;
    if let Some(Err(error)) = assumed.as_ref().map(|assumed| assumed.keep(stack.description())) {
        ui.detail(format!("cannot remember what was assumed: {error}"));
    }
    if let Some(volumes) = request.clean {
        stack.clean(services, services.is_empty() && removes(volumes, ui))?;
    }
    let upped = stack.up(&request.options);
    shown.done();
    Started { stack: &stack, upped: upped?, total: begun.elapsed() }.show(ui)
}

fn removes(volumes: Volumes, ui: Ui) -> bool {
    let can_ask = || std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    volumes == Volumes::Remove
        || can_ask() && ui.ask("Remove the project's named volumes and their data too?")
}

/// Shows what `up` would do.
pub(crate) fn plan(request: &UpRequest, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    let assumed = assume(settings, &request.flags)?;
    let settings = assumed.as_ref().map_or(&**settings, |assumed| &assumed.settings);
    let shown = Shown::new(ui);
    let stack = Stack::open(settings, &request.flags, &request.options.services, &shown.events())?;
    let steps = stack.plan(&request.options);
    shown.done();
    let assumed =
        assumed.iter().map(|assumed| Act { what: "assumed", act: format!("{assumed} {WRITTEN}") });
    let acts: Vec<Act> = assumed.chain(steps?.iter().flat_map(acts)).collect();
    if ui.json() {
        let name = &stack.description().project.name;
        let plan: Vec<Value> = acts.iter().map(Act::to_json).collect();
        ui.data(format!("{}\n", json!({ "project": name, "plan": plan })));
    } else {
        ui.data(acts.iter().map(Act::line).collect::<String>());
    }
    Ok(ExitCode::SUCCESS)
}

/// Restarts services as they are.
pub(crate) fn restart(
    settings: &Settings,
    args: &StackArgs,
    services: &[String],
    wait: bool,
) -> Result<ExitCode, Failure> {
    let begun = Instant::now();
    let mut stack = super::open(settings, args, services)?;
    let upped = stack.restart(services, wait)?;
    Started { stack: &stack, upped, total: begun.elapsed() }.show(settings.ui)
}
