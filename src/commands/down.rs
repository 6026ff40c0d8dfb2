//! `pyfast down`.

use std::process::ExitCode;

use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stack::open;

/// Stop and remove the project's containers and networks
///
/// Compose does it. The volume with the environments stays: it is no part of the compose project.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast down\n  pyfast down --volumes")]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
    /// Remove the project's own named volumes too
    #[arg(long)]
    volumes: bool,
    /// Remove containers of services that the compose files no longer have
    #[arg(long)]
    remove_orphans: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let stack = open(settings, &args.stack, &[])?;
    let before = stack.containers()?.len();
    let mut arguments = vec!["down"];
    arguments.extend(args.volumes.then_some("--volumes"));
    arguments.extend(args.remove_orphans.then_some("--remove-orphans"));
    stack.compose(&arguments)?;
    let after = stack.containers()?.len();
    let gone = before.saturating_sub(after);
    settings.ui.note(format!("Removed {}", crate::ui::count(gone, "container")));
    Ok(ExitCode::SUCCESS)
}
