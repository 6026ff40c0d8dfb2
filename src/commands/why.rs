//! `pyfast why`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use pyfast_packaging::PackageName;
use pyfast_resolver::Lock;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::locked::LockArgs;
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
    #[command(flatten)]
    lock: LockArgs,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let opened = args.lock.open(settings)?;
    opened.package(&args.name)?;
    let chains = chains(&opened.lock, &args.name);
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
