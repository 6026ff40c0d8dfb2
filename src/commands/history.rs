//! `pyfast history`.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pyfast_environment::ask::history;
use pyfast_environment::question::Activated;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::syncing::at_place;
use crate::ui::count;

/// Show which environments were active, the newest last
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
        let line =
            format!("{mark} {}  -{back:<3} {:>14}  {what}\n", activation.id, ago(activation.at));
        settings.ui.data(line);
    }
    Ok(ExitCode::SUCCESS)
}

/// A time in milliseconds since 1970 as `2026-11-28 06:09`, of UTC.
pub(crate) fn moment(at: u64) -> String {
    let seconds = i64::try_from(at / 1000).unwrap_or_default();
    let time = time::OffsetDateTime::from_unix_timestamp(seconds);
    time.map_or_else(
        |_out_of_range| String::new(),
        |time| {
            let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
            format!("{year}-{month:02}-{day:02} {:02}:{:02}", time.hour(), time.minute())
        },
    )
}

/// `3 minutes ago`.
fn ago(at: u64) -> String {
    let then = UNIX_EPOCH + Duration::from_millis(at);
    let seconds = SystemTime::now().duration_since(then).unwrap_or_default().as_secs();
    let (number, noun) = match seconds {
        0..60 => return "just now".to_owned(),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago", count(usize::try_from(number).unwrap_or(usize::MAX), noun))
}
