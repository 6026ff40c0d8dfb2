//! `pyfast build-source`, which this program calls in a container for foreign code: the metadata or the
//! wheel of a source. Not for people.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::args::ResolveArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use pyfast_crew::building::{Alone, build_alone};

/// Build a source for another process
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    /// The source, as JSON
    source: PathBuf,
    /// Where the wheel is left
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Build the wheel, also where the metadata can be had without
    #[arg(long)]
    whole: bool,
    #[command(flatten)]
    resolve: ResolveArgs,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let progress = Progress::new(settings.ui);
    let what = Alone { source: &args.source, out: &args.out, whole: args.whole };
    let answer = build_alone(what, &args.resolve.flags(), settings, &progress.events());
    progress.done();
    settings.ui.json_data(&serde_json::json!(answer?));
    Ok(ExitCode::SUCCESS)
}
