//! `pyfast outdated`.

use std::process::ExitCode;

use pyfast_resolver::{Lock, PackageName, RequirementSet, Version, newest};
use serde_json::json;

use crate::cli::ResultArgs;
use crate::environment;
use crate::failure::Failure;
use crate::locked::{LockArgs, Opened};
use crate::resolving::{PrereleaseMode, Request, ResolveArgs, Session, read_inputs};
use crate::settings::Settings;
use crate::ui::count;

/// Show which packages of the lock have a newer version
///
/// What the requirements allow is not looked at: `pyfast lock --upgrade` shows that.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast outdated\n  pyfast outdated --requested --json")]
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
    exclude_newer: Option<String>,
}

/// A package with a newer version.
struct Outdated {
    name: PackageName,
    locked: Version,
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
    let width = |texts: &mut dyn Iterator<Item = String>| texts.map(|text| text.len()).max();
    let name = width(&mut outdated.iter().map(|one| one.name.to_string())).unwrap_or_default();
    let locked = width(&mut outdated.iter().map(|one| one.locked.to_string())).unwrap_or_default();
    let lines = outdated.iter().map(|one| {
        let (own, version) = (one.name.to_string(), one.locked.to_string());
        format!("{own:name$}  {version:locked$}  {}\n", one.newest)
    });
    settings.ui.data(lines.collect::<String>());
    let packages = count(opened.lock.packages.len(), "package");
    settings.ui.note(format!("{} of {packages} have a newer version", outdated.len()));
    Ok(ExitCode::SUCCESS)
}

fn outdated(args: &Args, opened: &Opened, settings: &Settings) -> Result<Vec<Outdated>, Failure> {
    let Lock { packages, .. } = &opened.lock;
    // A package that is named by URL or path has no newer version anywhere.
    let wanted = packages.iter().filter(|package| !package.direct);
    let wanted: Vec<_> = wanted.filter(|package| package.requested || !args.requested).collect();
    let names: Vec<PackageName> = wanted.iter().map(|package| package.name.clone()).collect();
    let resolve = ResolveArgs {
        prerelease: args.prerelease,
        exclude_newer: args.exclude_newer.clone(),
        ..ResolveArgs::default()
    };
    // The requirements files name indexes; a lock may be looked at without them.
    let files = settings.project.requirements(&[], &settings.env).is_ok();
    let set = if files { read_inputs(&resolve, settings)?.set } else { RequirementSet::default() };
    let set = RequirementSet { index: set.index, ..RequirementSet::default() };
    let own = environment::interpreter(settings).ok();
    let host = environment::host_python(settings, own.as_ref());
    let session = Session::new(settings, &set, host.as_deref(), settings.cache_directory()?)?;
    let request = Request { set: &set, args: &resolve, target: &opened.target, previous: None };
    let newest = newest(&session.registry(&request, session.sources.clone())?, &names)?;
    session.runtime.shutdown_background();
    let found = wanted.into_iter().filter_map(|package| {
        let newest = newest.get(&package.name).filter(|newest| **newest > package.version)?;
        Some(Outdated {
            name: package.name.clone(),
            locked: package.version.clone(),
            newest: newest.clone(),
            requested: package.requested,
        })
    });
    Ok(found.collect())
}

impl Outdated {
    fn to_json(&self) -> serde_json::Value {
        json!({
            "name": self.name.to_string(),
            "version": self.locked.to_string(),
            "newest": self.newest.to_string(),
            "requested": self.requested,
        })
    }
}
