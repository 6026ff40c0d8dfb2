//! `pyfast list`.

use std::process::ExitCode;

use pyfast_installer::current;

use crate::cli::ResultArgs;
use crate::commands::history::open;
use crate::failure::{Code, Failure};
use crate::settings::Settings;

/// List the packages of the environment
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast list\n  pyfast list --env backend --json")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
}

pub(crate) fn run(_args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (layout, name) = open(settings)?;
    let Some(generation) = current(&layout, &name) else {
        return Err(no_environment(settings));
    };
    let packages = generation.spec()?.packages;
    if settings.ui.json() {
        let packages: serde_json::Value = packages
            .iter()
            .map(|package| {
                serde_json::json!({
                    "name": package.name.to_string(),
                    "version": package.version.to_string(),
                    "requested": package.requested,
                })
            })
            .collect();
        settings.ui.data(format!("{packages}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    let lines = packages.iter().map(|package| format!("{}=={}\n", package.name, package.version));
    settings.ui.data(lines.collect::<String>());
    Ok(ExitCode::SUCCESS)
}

/// There is nothing to look at yet.
pub(crate) fn no_environment(settings: &Settings) -> Failure {
    let message = format!(
        "there is no environment `{}` of the project `{}`",
        settings.env,
        settings.project.name()
    );
    Failure::new("no-environment", message, Code::Mendable).hint("make one with `pyfast sync`")
}
