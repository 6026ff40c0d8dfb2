//! `pyfast history`.

use std::process::ExitCode;

use pyfast_environment::ask::history;
use pyfast_environment::question::Activated;
use pyfast_root::Cause;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::syncing::at_place;
use crate::ui::{count, moment};

/// Show which environments were active, when, and by which command; the newest last
///
/// Times are of UTC. `-1` is what `pyfast rollback -1` goes back to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast history\n  pyfast history --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
}

pub(crate) fn run(_args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let activated = at_place(settings, history)?;
    if settings.ui.json() {
        let activations: Vec<_> = activated.iter().map(|one| &one.activation).collect();
        settings.ui.data(format!("{}\n", json!(activations)));
        return Ok(ExitCode::SUCCESS);
    }
    for (index, Activated { activation, packages, current }) in activated.iter().enumerate() {
        let mark = if *current { "*" } else { " " };
        let back = activated.len() - 1 - index;
        let what = packages.map_or("removed".to_owned(), |packages| count(packages, "package"));
        let (id, at) = (&activation.id, moment(activation.at));
        let cause = activation.cause.map_or("", Cause::word);
        let line = format!("{mark} {id}  -{back:<3}  {at} {cause:8}  {what}\n");
        settings.ui.data(line);
    }
    Ok(ExitCode::SUCCESS)
}
