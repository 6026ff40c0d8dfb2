//! `pyfast down`.

use std::process::ExitCode;

use crate::args::{StackArgs, without_short};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stack::open;
use pyfast_settings::Root;

/// Stop and remove the project's containers and networks
///
/// Compose does it. The volume with the environments stays: it is no part of the compose project.
#[derive(Debug, clap::Args)]
#[command(
    arg = without_short("verbose"),
    after_help = "Examples:\n  pyfast down\n  pyfast down --volumes"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Remove the project's own named volumes too
    #[arg(short = 'v', long)]
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
    if let (true, Root::Volume(volume)) = (args.volumes, &stack.description().root) {
        settings.ui.note(format!(
            "Its environments stay in the volume {volume}: `pyfast env rm --all --volume {volume}` removes them"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
