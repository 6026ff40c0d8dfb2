//! A file per command. Each holds the command's arguments, whose doc comments are its help, and one
//! function.

pub(crate) mod bench;
pub(crate) mod build_source;
pub(crate) mod cache;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod export;
pub(crate) mod gc;
pub(crate) mod history;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod logs;
pub(crate) mod outdated;
pub(crate) mod ps;
pub(crate) mod restart;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod sync;
pub(crate) mod tree;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod why;

use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::settings::{Environment, Settings};
use crate::ui::{Ui, parse_arguments};

/// Reads the command line, runs the command, shows a failure.
pub(crate) fn main() -> ExitCode {
    let cli: Cli = match parse_arguments() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    let environment = Environment::of_process();
    let ui = Ui::new(&cli.common, cli.command.json(), &environment);
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
    survive_file_size_limits();
    // A configuration that cannot be read is one of the things it tells.
    if let Command::Doctor(args) = &cli.command {
        return doctor::run(args, cli.common, &environment);
    }
    let settings = Settings::new(cli.common, cli.command.json(), environment)?;
    match &cli.command {
        Command::Init(args) => init::run(args, &settings),
        Command::Lock(args) => lock::run(args, &settings),
        Command::Sync(args) => sync::run(args, &settings),
        Command::Run(args) => run::run(args, &settings),
        Command::Up(args) => up::run(args, &settings),
        Command::Down(args) => down::run(args, &settings),
        Command::Restart(args) => restart::run(args, &settings),
        Command::Ps(args) => ps::run(args, &settings),
        Command::Logs(args) => logs::run(args, &settings),
        Command::Bench(args) => bench::run(args, &settings),
        Command::List(args) => list::run(args, &settings),
        Command::Why(args) => why::run(args, &settings),
        Command::Tree(args) => tree::run(args, &settings),
        Command::Outdated(args) => outdated::run(args, &settings),
        Command::Export(args) => export::run(args, &settings),
        Command::History(args) => history::run(args, &settings),
        Command::Rollback(args) => rollback::run(args, &settings),
        Command::Verify(args) => verify::run(args, &settings),
        Command::Gc(args) => gc::run(args, &settings),
        Command::Diff(args) => diff::run(args, &settings),
        Command::BuildSource(args) => build_source::run(args, &settings),
        Command::Cache(args) => cache::run(args, &settings),
        Command::Doctor(args) => Ok(doctor::examine(args, &settings)),
        Command::Completions(args) => Ok(completions::run(args)),
    }
}

/// A file-size limit shall be an error that names the file, not the end of the process.
fn survive_file_size_limits() {
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    // Without the handler the signal ends the process, as it would any other program.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen);
}
