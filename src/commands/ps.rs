//! `pyfast ps`.

use std::process::ExitCode;

use pyfast_launcher::containers::of_service;
use pyfast_launcher::override_file::ENV_LABEL;
use serde_json::Value;

use crate::args::ResultArgs;
use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stack::containers::{addresses, container_json, state};
use crate::stack::open;
use crate::ui::table;

/// Show the project's services and the state of their containers
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast ps\n  pyfast ps --json backend")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    stack: StackArgs,
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let stack = open(settings, &args.stack, &args.services)?;
    let containers = stack.containers()?;
    let mut json = Vec::new();
    let mut rows =
        vec![["SERVICE", "STATE", "ENVIRONMENT", "CONTAINER", "ADDRESS"].map(str::to_owned)];
    for service in &stack.chosen(&args.services)? {
        let env = stack.description().environment_of(service).map_or("", |(env, _)| env);
        let found = of_service(&containers, service);
        if found.is_empty() {
            rows.push([service, "no container", env, "", ""].map(str::to_owned));
        }
        for one in found {
            json.push(container_json(service, one));
            // What it was made with, where nothing says what it is to have.
            let env = one.labels.get(ENV_LABEL).map_or(env, String::as_str);
            let row = [service, &state(one), env, &one.name, &addresses(one).join(" ")];
            rows.push(row.map(str::to_owned));
        }
    }
    if settings.ui.json() {
        settings.ui.data(format!("{}\n", Value::from(json)));
    } else {
        settings.ui.data(table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}
