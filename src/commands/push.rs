//! `pyfast push`.

use std::process::ExitCode;

use pyfast_crew::push::{Pushed, push};
use pyfast_settings::ResolveFlags;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remembered::Remembered;
use crate::settings::Settings;
use crate::ui::{count, duration, green};

/// Write the environment's wheels into the remote store, for everybody who syncs from it
///
/// What is there stays; the list of all of it is written last. `PYFAST_REMOTE_BYTECODE=1` has bytecode written, too.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast push --remote s3://wheels/team\n  pyfast sync --push --remote file:///srv/wheels"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
}

pub(crate) fn run(_args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (asked, settings) = Remembered::load(settings).repeated(settings);
    let pushed = pushing(&asked.resolve.flags(), &settings)?;
    if settings.ui.json() {
        settings.ui.data(format!("{}\n", json!(pushed)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Pushes what was synced, and says what came of it.
pub(crate) fn pushing(flags: &ResolveFlags, settings: &Settings) -> Result<Pushed, Failure> {
    let (ui, progress) = (settings.ui, Progress::new(settings.ui));
    let pushed = push(flags, settings, &progress.events());
    progress.done();
    let pushed = pushed?;
    let Pushed { remote, written, present, bytes, bytecode, took, .. } = &pushed;
    let packs = (*bytecode > 0).then(|| format!(" and the bytecode of {bytecode}"));
    let wheels = count(written.len(), "wheel") + &packs.unwrap_or_default();
    let (bytes, took) = (indicatif::HumanBytes(*bytes), duration(*took));
    let said = format!(" {wheels} ({bytes}) to {remote}, {present} were there ({took})");
    ui.note(green("Pushed").and(said));
    Ok(pushed)
}
