//! `pyfast outdated`.

use std::process::ExitCode;

use pyfast_crew::opened::Opened;
use pyfast_crew::outdated::{Answer, Outdated, Question};
use pyfast_resolver::cutoff::Cutoff;
use pyfast_settings::ResolveFlags;
use serde_json::json;

use crate::args::{PrereleaseMode, ResultArgs, short_find_links};
use crate::failure::Failure;
use crate::locked::LockArgs;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::ui::{count, titled};

/// Show which packages of the lock have a newer version
///
/// `wanted` is what `pyfast lock --upgrade` would lock: the newest that the requirements, and those of
/// all other packages, allow. Nothing is built to find it.
#[derive(Debug, clap::Args)]
#[command(arg = short_find_links(), after_help = "Examples:\n  pyfast outdated\n  pyfast outdated --requested --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Only packages that the requirements name
    #[arg(long)]
    requested: bool,
    /// Whether pre-releases count as newer versions [default: if-necessary, or as [tool.uv] says]
    #[arg(long, value_name = "MODE", env = "PYFAST_PRERELEASE")]
    prerelease: Option<PrereleaseMode>,
    /// Ignore files uploaded at or after this time (2026-01-31 or 2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", env = "PYFAST_EXCLUDE_NEWER")]
    exclude_newer: Option<Cutoff>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let opened = args.lock.open(settings)?;
    let outdated = outdated(args, &opened, settings)?;
    if settings.ui.json() {
        let list: Vec<_> = outdated.iter().map(Outdated::to_json).collect();
        settings.ui.data(format!("{}\n", json!({ "outdated": list })));
        return Ok(ExitCode::SUCCESS);
    }
    if !outdated.is_empty() {
        let rows: Vec<[String; 4]> = outdated.iter().map(row).collect();
        settings.ui.data(titled(&["Package", "Locked", "Wanted", "Newest"], &rows));
    }
    if outdated.iter().any(|one| one.wanted.is_none()) {
        settings.ui.note("`-`: what the requirements allow is not known of this lock");
    }
    let packages = count(opened.lock.packages.len(), "package");
    settings.ui.note(format!("{} of {packages} have a newer version", outdated.len()));
    Ok(ExitCode::SUCCESS)
}

fn outdated(args: &Args, opened: &Opened, settings: &Settings) -> Result<Vec<Outdated>, Failure> {
    let resolve = ResolveFlags {
        prerelease: args.prerelease.map(Into::into),
        exclude_newer: args.exclude_newer.clone(),
        upgrade: true,
        ..ResolveFlags::default()
    };
    let Opened { path, lock, target, .. } = opened;
    let question = Question { lock, path, target, requested: args.requested };
    let events = Progress::new(settings.ui).events();
    let Answer { outdated, unknown } =
        pyfast_crew::outdated::outdated(question, &resolve, settings, &events)?;
    if let Some(error) = unknown {
        let failure = Failure::from(error);
        settings.ui.warning(format!("what the requirements allow is not known: {failure}"));
    }
    Ok(outdated)
}

fn row(one: &Outdated) -> [String; 4] {
    let wanted = one.wanted.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    [one.name.to_string(), one.locked.to_string(), wanted, one.newest.to_string()]
}
