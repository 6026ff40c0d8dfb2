//! `pyfast answer`, which this program calls in a container that can write the volume: a question about an
//! environment in, its answer out. Not for people.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use pyfast_crew::answering::answer;

/// Answer a question about an environment for another process
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The question, as JSON
    question: PathBuf,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let events = Progress::new(settings.ui).events();
    settings.ui.json_data(&json!(answer(&args.question, settings, &events)?));
    Ok(ExitCode::SUCCESS)
}
