//! `pyfast why`.

use std::process::ExitCode;

use pyfast_environment::graph::chains;
use pyfast_packaging::PackageName;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::locked::LockArgs;
use crate::settings::Settings;

/// Say which packages of the lock need a package, each with the shortest way to it
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
    let line = |chain: &Vec<String>| match &chain[..] {
        [own] => format!("{own} is asked for by the requirements\n"),
        chain => chain.join(" → ") + "\n",
    };
    if settings.ui.json() {
        let report = serde_json::json!({ "name": args.name.to_string(), "chains": chains });
        settings.ui.data(format!("{report}\n"));
    } else {
        settings.ui.data(chains.iter().map(line).collect::<String>());
    }
    Ok(ExitCode::SUCCESS)
}
