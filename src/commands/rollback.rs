//! `pyfast rollback`.

use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use pyfast_environment::ask::rollback;
use pyfast_installer::generation::Rollback;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::remembered::Remembered;
use crate::settings::Settings;
use crate::syncing::{at_place, show_difference};
use crate::ui::{duration, green};

/// Go back to an earlier environment: one rename
///
/// The requirements and the lock are left as they are, so the next sync goes forward again unless they are changed too.
#[derive(Debug, clap::Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:\n  pyfast rollback\n  pyfast rollback -2\n  pyfast rollback 3f2a9c"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// The beginning of an id of `pyfast history`, or how many activations back [default: -1]
    #[arg(value_name = "ID|-N")]
    to: Option<String>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let to = match args.to.as_deref() {
        None => Rollback::Back(1),
        Some(text) => Rollback::named(text)
            .ok_or_else(|| Failure::usage(format!("`{text}` is neither an id nor a number")))?,
    };
    let done = at_place(settings, |place| rollback(place, to, SystemTime::now()))?;
    let ui = settings.ui;
    if ui.json() {
        ui.data(format!("{}\n", json!(done)));
    }
    let time = duration(started.elapsed());
    Remembered::load(settings).keep_rollback(&done.id, settings);
    if done.changed {
        show_difference(&done.changes, ui);
        ui.note(green("Rolled back").and(format!(" to {} in {time}", done.id)));
        ui.note("The next `pyfast sync` goes forward again; `pyfast run` stays here until then");
        let env = settings.project.config.env.get(&settings.env);
        let services = env.map(|env| env.unsupervised().join(" ")).unwrap_or_default();
        if !services.is_empty() {
            ui.note(format!("Running services keep theirs until `pyfast restart {services}`"));
        }
    } else {
        ui.note(format!("{} is current already ({time})", done.id));
    }
    Ok(ExitCode::SUCCESS)
}
