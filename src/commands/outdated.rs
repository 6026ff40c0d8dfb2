//! `pyfast outdated`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::{PackageName, Version};
use pyfast_resolver::cutoff::Cutoff;
use pyfast_resolver::{Lock, LockRequest, LockTools, LockedPackage, Targets, lock, newest};
use serde_json::json;

use crate::args::{PrereleaseMode, ResultArgs, short_find_links};
use crate::commands::list::table;
use crate::failure::Failure;
use crate::locked::{LockArgs, Opened};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::syncing::read_inputs;
use crate::ui::count;
use pyfast_crew::interpreter as environment;
use pyfast_crew::session::{Session, lock_request, policy};
use pyfast_settings::{ResolveFlags, own_lock::OwnLock};

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
    /// Whether pre-releases count as newer versions
    #[arg(long, value_name = "MODE", default_value = "if-necessary", env = "PYFAST_PRERELEASE")]
    prerelease: PrereleaseMode,
    /// Ignore files uploaded at or after this time (2026-01-31 or 2026-01-31T12:00:00Z)
    #[arg(long, value_name = "TIME", env = "PYFAST_EXCLUDE_NEWER")]
    exclude_newer: Option<Cutoff>,
}

/// A package with a newer version.
struct Outdated {
    name: PackageName,
    locked: Version,
    /// The newest that the requirements allow, where that is known.
    wanted: Option<Version>,
    newest: Version,
    requested: bool,
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
        let rows: Vec<[String; 4]> = outdated.iter().map(Outdated::row).collect();
        settings.ui.data(table(&["Package", "Locked", "Wanted", "Newest"], &rows));
    }
    let packages = count(opened.lock.packages.len(), "package");
    settings.ui.note(format!("{} of {packages} have a newer version", outdated.len()));
    Ok(ExitCode::SUCCESS)
}

fn outdated(args: &Args, opened: &Opened, settings: &Settings) -> Result<Vec<Outdated>, Failure> {
    let Lock { packages, .. } = &opened.lock;
    // A package that is named by URL or path has no newer version anywhere.
    let looked_at = packages.iter().filter(|package| !package.direct);
    let looked_at: Vec<_> =
        looked_at.filter(|package| package.requested || !args.requested).collect();
    let names: Vec<PackageName> = looked_at.iter().map(|package| package.name.clone()).collect();
    let resolve = ResolveFlags {
        prerelease: args.prerelease.into(),
        exclude_newer: args.exclude_newer.clone(),
        upgrade: true,
        ..ResolveFlags::default()
    };
    // The requirements files name indexes; a lock may be looked at without them.
    let files = settings.project.requirements(&[], &settings.env).is_ok();
    let set = if files { read_inputs(&resolve, settings)?.set } else { RequirementSet::default() };
    let own = environment::interpreter(settings).ok();
    let host = environment::host_python(settings, own.as_ref());
    let (cache, events) = (settings.cache_directory()?, Progress::new(settings.ui).events());
    let session = Session::new(settings, &set, host.as_deref(), cache, &events)?;
    let tools = session.tools(&resolve, 0);
    let newest = newest(&names, &opened.target, &policy(&set, &resolve)?, &tools)?;
    let later = |package: &&&LockedPackage| {
        newest.get(&package.name).is_some_and(|newest| *newest > package.version)
    };
    let later: Vec<&&LockedPackage> = looked_at.iter().filter(later).collect();
    let known = if later.is_empty() || !files || !is_own(opened, settings) {
        None
    } else {
        let targets = Targets::One(opened.target.clone());
        wanted(&lock_request(&set, &resolve, targets, Vec::new())?, &tools, settings)
    };
    session.runtime.shutdown_background();
    let found = later.into_iter().map(|package| Outdated {
        name: package.name.clone(),
        locked: package.version.clone(),
        wanted: known.as_ref().and_then(|known| known.get(&package.name).cloned()),
        newest: newest[&package.name].clone(),
        requested: package.requested,
    });
    Ok(found.collect())
}

/// Whether the lock answers the requirements of the project, not of another.
fn is_own(opened: &Opened, settings: &Settings) -> bool {
    let own = OwnLock::configured(&settings.project, &settings.env);
    own.places().contains(&opened.path)
}

/// What would be locked now. An answer without it is an answer too.
fn wanted(
    request: &LockRequest<'_>,
    tools: &LockTools,
    settings: &Settings,
) -> Option<BTreeMap<PackageName, Version>> {
    match lock(request, tools, &|_decided| ()) {
        Ok(locked) => {
            let packages = locked.lock.packages.into_iter();
            Some(packages.map(|package| (package.name, package.version)).collect())
        }
        Err(error) => {
            let failure = Failure::from(error);
            settings.ui.warning(format!("what the requirements allow is not known: {failure}"));
            None
        }
    }
}

impl Outdated {
    fn row(&self) -> [String; 4] {
        let wanted = self.wanted.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        [self.name.to_string(), self.locked.to_string(), wanted, self.newest.to_string()]
    }

    fn to_json(&self) -> serde_json::Value {
        json!({
            "name": self.name.to_string(),
            "version": self.locked.to_string(),
            "wanted": self.wanted.as_ref().map(ToString::to_string),
            "newest": self.newest.to_string(),
            "requested": self.requested,
        })
    }
}
