//! `pyfast env`.

use std::process::ExitCode;

use clap::Subcommand;
use pyfast_crew::environments::{Lost, forget, lost, named, remove_root, to_json};
use pyfast_environment::ask::environments;
use pyfast_environment::question::Known;
use pyfast_root::ProjectEnv;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::syncing::at_place;
use crate::ui::{green, moment, titled};

/// List the environments of all projects, or remove some
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast env list\n  pyfast env rm dash\n  pyfast env rm shop-1a2b3c4d/default\n  \
                  pyfast env rm --gone\n  pyfast env rm --all --volume app-deps"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

impl Args {
    /// Whether the result is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        match &self.act {
            Act::List(result) | Act::Rm(Rm { result, .. }) => result.json,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List the environments of all projects
    List(ResultArgs),
    /// Remove environments; `pyfast gc` then frees what nothing else uses
    #[command(visible_alias = "remove")]
    Rm(Rm),
}

#[derive(Debug, clap::Args)]
struct Rm {
    #[command(flatten)]
    result: ResultArgs,
    /// An environment of this project, or PROJECT/ENV as `pyfast env list` has it
    #[arg(value_name = "NAME", required_unless_present_any = ["gone", "all"])]
    names: Vec<String>,
    /// Remove those whose project's directory is gone, and those that `run -r` made
    #[arg(long)]
    gone: bool,
    /// Remove all of it: every environment and the store, with a volume the volume itself
    #[arg(long, conflicts_with_all = ["gone", "names"])]
    all: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    match &args.act {
        Act::List(_) => list(settings)?,
        Act::Rm(Rm { all: true, .. }) => {
            let removed = remove_all(settings)?;
            if settings.ui.json() {
                settings.ui.data(format!("{}\n", json!({ "removed": removed })));
            }
        }
        Act::Rm(what) => remove(what, settings)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn list(settings: &Settings) -> Result<(), Failure> {
    let all = at_place(settings, environments)?;
    if settings.ui.json() {
        let all: serde_json::Value = all.iter().map(to_json).collect();
        settings.ui.data(format!("{all}\n"));
        return Ok(());
    }
    let row = |known: &Known| {
        let directory = known.directory.as_ref().map(|path| path.display().to_string());
        let activated = known.activated.map(moment).unwrap_or_default();
        let word = lost(known).map_or("", Lost::word).to_owned();
        let (name, packages) = (known.name.to_string(), known.packages.to_string());
        [name, packages, activated, directory.unwrap_or_default(), word]
    };
    let rows: Vec<[String; 5]> = all.iter().map(row).collect();
    if rows.is_empty() {
        settings.ui.note("There are no environments");
    } else {
        settings.ui.data(titled(&["Environment", "Packages", "Activated", "Project", ""], &rows));
    }
    Ok(())
}

fn remove(what: &Rm, settings: &Settings) -> Result<(), Failure> {
    let all = at_place(settings, environments)?;
    let project = settings.project.name();
    let given = what.names.iter().map(|name| named(name, &all, &project));
    let mut names = given.collect::<Result<Vec<ProjectEnv>, _>>()?;
    if what.gone {
        let gone = all.iter().filter(|known| lost(known).is_some());
        names.extend(gone.map(|known| known.name.clone()));
    }
    at_place(settings, |place| forget(place, &names, settings))?;
    for name in &names {
        settings.ui.note(green("Removed").and(format!(" {name}")));
    }
    if settings.ui.json() {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        settings.ui.data(format!("{}\n", json!({ "removed": names })));
    }
    settings.ui.note(match names.len() {
        0 => "There is nothing to remove",
        _ => "`pyfast gc` frees what nothing else uses",
    });
    Ok(())
}

/// Removes the whole root, and gives what that was, in words.
pub(crate) fn remove_all(settings: &Settings) -> Result<Vec<String>, Failure> {
    let Some((what, bytes)) = remove_root(settings)? else {
        settings.ui.note("There is nothing to remove");
        return Ok(Vec::new());
    };
    let bytes = bytes.map(|bytes| format!(" ({})", indicatif::HumanBytes(bytes)));
    settings.ui.note(green("Removed").and(format!(" {what}{}", bytes.unwrap_or_default())));
    Ok(vec![what])
}
