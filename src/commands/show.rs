//! `pyfast show`.

use std::process::ExitCode;

use pyfast_environment::ask::details;
use pyfast_environment::consistency::Relations;
use pyfast_packaging::PackageName;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::syncing::at_place;

/// Show what installed packages are, need, and are needed by
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast show flask\n  pyfast show flask jinja2 --files")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// The packages
    #[arg(required = true, value_name = "NAME")]
    names: Vec<PackageName>,
    /// List their files too
    #[arg(short, long)]
    files: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let details = at_place(settings, |place| details(place, args.files))?;
    let relations = Relations::of(&details);
    let mut all = Vec::new();
    for name in &args.names {
        let missing = || {
            let message = format!("`{name}` is not installed in the environment {}", settings.env);
            Failure::new("not-installed", message, Code::Mendable)
        };
        all.push(relations.describe(name).ok_or_else(missing)?);
    }
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    let json = settings.ui.json().then(|| format!("{}\n", json!(all)));
    settings.ui.data(json.unwrap_or_else(|| texts.join("---\n")));
    Ok(ExitCode::SUCCESS)
}
