//! `pyfast restart`.

use std::process::ExitCode;

use crate::args::{ResultArgs, StackArgs};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stack;

/// Restart services in their current environment, without syncing or creating anything
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast restart\n  pyfast restart backend")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Do not wait until services are healthy
    #[arg(long)]
    pub(crate) fast: bool,
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    pub(crate) services: Vec<String>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    stack::up::restart(settings, &args.stack, &args.services, !args.fast)
}
