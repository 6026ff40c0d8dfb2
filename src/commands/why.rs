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
        Err(failure) => match at_place(settings, native_packages) {
            Err(damage) if damage.kind == "damaged" => return Err(damage),
            Ok(packages) if packages.iter().any(|package| package.name == args.name) => {
                let wanted = &settings.project.config.native.packages;
                (native_chains(&packages, wanted, &args.name), "pyfast.toml")
            }
            _ => return Err(failure),
        },
    };
    let line = |chain: &Vec<String>| match &chain[..] {
        [own] => format!("{own} is asked for by {by}\n"),
        chain => chain.join(" → ") + "\n",
    };
    if settings.ui.json() {
        settings.ui.json_data(&serde_json::json!({ "name": args.name, "chains": chains }));
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
