//! `pyfast gc`.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use pyfast_crew::environments::{Cleared, clear};
use pyfast_environment::question::Collect;
use pyfast_installer::gc::{GcPlan, Reason};

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::ui::{count, green};
use pyfast_terminal::parse_size;

/// Remove environments and wheels that nothing needs any more
///
/// Never removes what is current, recent, or in use by a process, in whatever container. Waits for syncs that go on, and
/// may be stopped at any moment.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast gc --dry-run\n  pyfast gc --keep 1\n  pyfast gc --max-size 200MB"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// How many of the newest environments of each history stay
    #[arg(long, value_name = "N", default_value_t = 3, env = "PYFAST_KEEP")]
    keep: usize,
    /// An environment that stays in any case
    #[arg(long, value_name = "ID", env = "PYFAST_KEEP_ID", value_delimiter = ',')]
    keep_id: Vec<String>,
    /// Cut the cache of index pages to this size, such as 200MB or 1GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size, env = "PYFAST_MAX_SIZE")]
    max_size: Option<u64>,
    /// Keep whatever is younger than so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, env = "PYFAST_RECENT")]
    recent: u64,
    /// Print what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let what = Collect {
        keep: args.keep,
        named: args.keep_id.clone(),
        forgotten: Vec::new(),
        recent: Duration::from_secs(args.recent),
        dry_run: args.dry_run,
        now: SystemTime::now(),
    };
    let ui = settings.ui;
    let Some(cleared) = clear(what, args.max_size, settings, &Progress::new(ui).events())? else {
        ui.note("There is no root yet, and nothing to remove");
        return Ok(ExitCode::SUCCESS);
    };
    let Cleared { plan, lost } = cleared;
    if ui.json() {
        ui.data(format!("{}\n", plan.to_json(args.dry_run)));
    } else if args.dry_run {
        ui.data(&plan);
    }
    let freed = indicatif::HumanBytes(plan.bytes());
    let generations = number(&plan, "generation", "environment");
    let what = format!("{generations} and {} ({freed})", number(&plan, "wheel", "wheel"));
    if args.dry_run {
        ui.note(format!("Would remove {what}"));
    } else {
        ui.note(green("Removed").and(format!(" {what}")));
    }
    if lost > 0 {
        let lost = count(lost, "environment");
        ui.note(format!(
            "{lost} of directories that are gone: `pyfast env rm --gone` removes them"
        ));
    }
    let recent = plan.kept.iter().filter(|(_, reason)| matches!(reason, Reason::Recent)).count();
    if recent > 0 && args.recent > 0 {
        let recent = count(recent, "environment");
        ui.note(format!("{recent} younger than {} s stay: --recent 0 takes them too", args.recent));
    }
    Ok(ExitCode::SUCCESS)
}

fn number(plan: &GcPlan, kind: &str, noun: &str) -> String {
    count(plan.discards.iter().filter(|discard| discard.what.kind() == kind).count(), noun)
}
