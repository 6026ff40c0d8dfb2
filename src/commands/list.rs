//! `pyfast list`.

use std::process::ExitCode;

use pyfast_installer::{Package, current};
use serde_json::Value;

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
                let mut object = serde_json::json!({
                    "name": package.name.to_string(),
                    "version": package.version.to_string(),
                    "requested": package.requested,
                });
                if let Some(direct_url) = &package.direct_url {
                    object["direct_url"] = direct_url.clone();
                }
                object
            })
            .collect();
        settings.ui.data(format!("{packages}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    settings.ui.data(packages.iter().map(line).collect::<String>());
    Ok(ExitCode::SUCCESS)
}

/// A package as a requirements file names it: by version, or by where it came from.
fn line(package: &Package) -> String {
    let name = &package.name;
    let Some(direct) = &package.direct_url else {
        return format!("{name}=={}\n", package.version);
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut url = text(&direct["url"]);
    if let Some(commit) = direct["vcs_info"]["commit_id"].as_str() {
        url = format!("git+{url}@{commit}");
    }
    if let Some(below) = direct["subdirectory"].as_str() {
        url = format!("{url}#subdirectory={below}");
    }
    let editable = direct["dir_info"]["editable"] == true;
    format!("{}{name} @ {url}\n", if editable { "-e " } else { "" })
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
