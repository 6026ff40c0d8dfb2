//! `pyfast remove-code`, which this program calls in a container whose code changes: removes what is gone. Not for
//! people.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::failure::{Code, Failure};

/// Remove files of a container's code for another process
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// Files and directories, absolute
    places: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let removed = pyfast_launcher::code::remove(&args.places);
    removed.map_err(|error| Failure::from_error("remove-code", &error, Code::Mendable))?;
    Ok(ExitCode::SUCCESS)
}
