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
    let volumes = args.volumes.then_some("--volumes");
    let flags = volumes.into_iter().chain(args.remove_orphans.then_some("--remove-orphans"));
    let gone = stack.down(&flags.collect::<Vec<_>>())?;
    settings.ui.note(format!("Removed {}", crate::ui::count(gone, "container")));
    if let (true, Root::Volume(volume)) = (args.volumes, &stack.description().root) {
        settings.ui.note(format!(
            "Its environments stay in the volume {volume}: `pyfast env rm --all --volume {volume}` removes them"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
