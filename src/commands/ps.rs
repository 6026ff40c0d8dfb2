//! `pyfast ps`.

use std::process::ExitCode;

use pyfast_launcher::containers::of_service;
use pyfast_launcher::override_file::ENV_LABEL;
use serde_json::Value;

use crate::args::{ResultArgs, StackArgs, without_short};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stack::open;
use crate::ui::table;

/// Show the project's services and the state of their containers
#[derive(Debug, clap::Args)]
#[command(
    arg = without_short("quiet"),
    after_help = "Examples:\n  pyfast ps\n  pyfast ps -q backend\n  pyfast ps --json backend"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Print the ids of the containers that run, one a line
    #[arg(short = 'q', long, conflicts_with = "json")]
    ids: bool,
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let stack = open(settings, &args.stack, &args.services)?;
    let containers = stack.containers()?;
    let (mut json, mut ids) = (Vec::new(), String::new());
    let mut rows =
        vec![["SERVICE", "STATE", "ENVIRONMENT", "CONTAINER", "ADDRESS"].map(str::to_owned)];
    for service in &stack.chosen(&args.services)? {
        let env = stack.description().environment_of(service).map_or("", |(env, _)| env);
        let found = of_service(&containers, service);
        if found.is_empty() {
            rows.push([service, "no container", env, "", ""].map(str::to_owned));
        }
        for one in found {
            json.push(one.to_json(service));
            ids.extend(one.is_up().then(|| format!("{}\n", one.id)));
            // What it was made with, where nothing says what it is to have.
            let env = one.labels.get(ENV_LABEL).map_or(env, String::as_str);
            let row =
                [service, &one.state(), env, &one.name, &Vec::from_iter(one.addresses()).join(" ")];
            rows.push(row.map(str::to_owned));
        }
    }
    if args.ids {
        settings.ui.data(ids);
    } else if settings.ui.json() {
        settings.ui.data(format!("{}\n", Value::from(json)));
    } else {
        settings.ui.data(table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}
