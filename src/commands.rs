//! A file per command. Each holds the command's arguments, whose doc comments are its help, and one
//! function.

pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod sync;
pub(crate) mod verify;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::settings::{Environment, Settings};
use crate::ui::Ui;

/// Reads the command line, runs the command, shows a failure.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = Environment::of_process();
    let ui = Ui::new(&cli.common, &environment);
    match dispatch(cli, environment) {
        Ok(code) => code,
        Err(failure) => {
            failure.show(ui);
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(cli: Cli, environment: Environment) -> Result<ExitCode, Failure> {
    if let Command::Completions(args) = &cli.command {
        return Ok(completions::run(args));
    }
    let settings = Settings::new(cli.common, environment)?;
    match &cli.command {
        Command::Lock(args) => lock::run(args, &settings),
        Command::Sync(args) => sync::run(args, &settings),
        Command::Run(args) => run::run(args, &settings),
        Command::List(args) => list::run(args, &settings),
        Command::History(args) => history::run(args, &settings),
        Command::Rollback(args) => rollback::run(args, &settings),
        Command::Verify(args) => verify::run(args, &settings),
        Command::Cache(args) => cache::run(args, &settings),
        Command::Completions(args) => Ok(completions::run(args)),
    }
}
