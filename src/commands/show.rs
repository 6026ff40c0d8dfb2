//! `pyfast show`.

use std::process::ExitCode;

use pyfast_environment::ask::details;
use pyfast_environment::consistency::{Description, describe};
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
    let details = at_place(settings, details)?;
    let mut all = Vec::new();
    for name in &args.names {
        let missing = || {
            let message = format!("`{name}` is not installed in the environment {}", settings.env);
            Failure::new("not-installed", message, Code::Mendable)
        };
        let mut one = describe(&details, name).ok_or_else(missing)?;
        if !args.files {
            one.files.clear();
        }
        all.push(one);
    }
    let texts: Vec<String> = all.iter().map(text).collect();
    let json = settings.ui.json().then(|| format!("{}\n", json!(all)));
    settings.ui.data(json.unwrap_or_else(|| texts.join("---\n")));
    Ok(ExitCode::SUCCESS)
}

/// A line a fact, as pip has them.
fn text(one: &Description) -> String {
    let location = one.location.display().to_string();
    let from = one.direct_url.as_ref().and_then(|direct| direct["url"].as_str());
    let facts = [
        ("Name", Some(one.name.clone())),
        ("Version", Some(one.version.clone())),
        ("Summary", one.summary.clone()),
        ("License", one.license.clone()),
        ("Location", Some(location)),
        ("From", from.map(str::to_owned)),
        ("Requires", Some(one.requires.join(", "))),
        ("Required-by", Some(one.required_by.join(", "))),
    ];
    let facts = facts.into_iter().filter_map(|(name, fact)| Some(format!("{name}: {}", fact?)));
    let files = (!one.files.is_empty()).then(|| "Files:".to_owned());
    let files = files.into_iter().chain(one.files.iter().map(|file| format!("  {file}")));
    facts.chain(files).map(|line| format!("{}\n", line.trim_end())).collect()
}
