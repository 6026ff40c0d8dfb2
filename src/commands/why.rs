//! `pyfast why`.

use std::process::ExitCode;
use std::str::FromStr as _;

use pyfast_environment::ask::native_packages;
use pyfast_environment::graph::{chains, native_chains};
use pyfast_packaging::PackageName;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::locked::LockArgs;
use crate::settings::Settings;
use crate::syncing::at_place;

/// Say which packages of the lock need a package, each with the shortest way to it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast why urllib3\n  pyfast why urllib3 --lock pylock.toml --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// The package, or one that was brought from a channel
    name: String,
    #[command(flatten)]
    lock: LockArgs,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (chains, by) = match needed(args, settings) {
        Ok(chains) => (chains, "the requirements"),
        Err(failure) => (of_channel(&args.name, settings).ok_or(failure)?, "pyfast.toml"),
    };
    let line = |chain: &Vec<String>| match &chain[..] {
        [own] => format!("{own} is asked for by {by}\n"),
        chain => chain.join(" → ") + "\n",
    };
    if settings.ui.json() {
        let report = serde_json::json!({ "name": args.name, "chains": chains });
        settings.ui.data(format!("{report}\n"));
    } else {
        settings.ui.data(chains.iter().map(line).collect::<String>());
    }
    Ok(ExitCode::SUCCESS)
}

/// Who needs a package of the lock.
fn needed(args: &Args, settings: &Settings) -> Result<Vec<Vec<String>>, Failure> {
    let no_name = |_| Failure::usage(format!("`{}` is no package name", args.name));
    let name = PackageName::from_str(&args.name).map_err(no_name)?;
    let opened = args.lock.open(settings)?;
    opened.package(&name)?;
    Ok(chains(&opened.lock, &name))
}

/// Who needs a package of a channel, where the environment's Python has it.
fn of_channel(name: &str, settings: &Settings) -> Option<Vec<Vec<String>>> {
    let packages = at_place(settings, native_packages).ok()?;
    packages.iter().find(|package| package.name == name)?;
    Some(native_chains(&packages, &settings.project.config.native.packages, name))
}
