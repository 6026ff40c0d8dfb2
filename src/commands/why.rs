//! `pyfast why`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use pyfast_resolver::{Lock, PackageName};

use crate::cli::ResultArgs;
use crate::commands::lock::beside;
use crate::environment;
use crate::failure::{Code, Failure};
use crate::settings::Settings;

/// Say which packages of the lock need a package
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast why urllib3\n  pyfast why urllib3 --lock pylock.toml --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// The package
    name: PackageName,
    /// The lock to look at [default: `pylock.toml` beside the first requirements file]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let working = &settings.project.working_directory;
    let path = if let Some(path) = &args.lock {
        working.join(path)
    } else {
        let files = settings.project.requirements(&[], &settings.env)?;
        beside(&working.join(files.first().cloned().unwrap_or_default()))
    };
    let text = fs_err::read_to_string(&path).map_err(|error| {
        let message = format!("cannot read the lock `{}`: {error}", path.display());
        Failure::new("lock", message, Code::Mendable).hint("make one with `pyfast lock`")
    })?;
    let target = environment::interpreter(settings)?.target();
    let lock = Lock::from_toml(&text, &path, &target)?;
    if !lock.packages.iter().any(|package| package.name == args.name) {
        let message = format!("`{}` is not in the lock `{}`", args.name, path.display());
        return Err(Failure::new("not-locked", message, Code::Mendable));
    }
    let chains = chains(&lock, &args.name);
    if settings.ui.json() {
        let report = serde_json::json!({ "name": args.name.to_string(), "chains": chains });
        settings.ui.data(format!("{report}\n"));
    } else {
        settings.ui.data(chains.iter().map(|chain| chain.join(" → ") + "\n").collect::<String>());
    }
    Ok(ExitCode::SUCCESS)
}

/// For each requirement of the user's that leads to `name`, the shortest way there.
fn chains(lock: &Lock, name: &PackageName) -> Vec<Vec<String>> {
    let roots = lock.packages.iter().filter(|package| package.requested);
    roots.filter_map(|root| shortest(lock, &root.name, name)).collect()
}

fn shortest(lock: &Lock, from: &PackageName, to: &PackageName) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([from.clone()]);
    let mut ways = vec![vec![from.clone()]];
    while !ways.is_empty() {
        if let Some(way) = ways.iter().find(|way| way.last() == Some(to)) {
            return Some(way.iter().map(ToString::to_string).collect());
        }
        let mut longer = Vec::new();
        for way in &ways {
            let package = lock.packages.iter().find(|package| Some(&package.name) == way.last());
            for next in package.into_iter().flat_map(|package| &package.dependencies) {
                if seen.insert(next.clone()) {
                    longer.push(way.iter().chain([next]).cloned().collect());
                }
            }
        }
        ways = longer;
    }
    None
}
