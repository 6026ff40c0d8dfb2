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

use pyfast_packaging::requirements_txt::IndexOptions;

use crate::cli::{Cli, Command};
use crate::failure::{Code, Failure};
use crate::indexes::Indexes;
use crate::interpreters;
use crate::settings::{Environment, Python, Settings};
use crate::ui::{Escaping, Ui, parse_arguments};

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
        Command::Bench(args) => run_bench(args, &settings),
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

/// Gives the comparison what it needs of the outside.
fn run_bench(args: &bench::Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let fail = |error: &dyn std::error::Error| Failure::from_error("bench", error, Code::Mendable);
    if let Some(served) = args.serve() {
        return served.map_err(|error| fail(&error));
    }
    let found = match &settings.python {
        Python::Host(request) => Some(interpreters::find(request.as_deref(), settings)?),
        // What runs in images is not compared on this machine; its pip still knows the index.
        Python::Image(_) => interpreters::find(None, settings).ok(),
    };
    // Its pip is beside the interpreter itself, not beside a version switcher.
    let cache = settings.cache_directory().ok();
    let probed = found.as_ref().zip(cache.as_deref());
    let probed = probed.and_then(|(found, cache)| interpreters::probe(found, cache).ok());
    let interpreter = found.map(|found| found.path);
    // A comparison without a known index leaves each tool its own default.
    let executable = probed.as_ref().map(|probed| probed.executable.as_path());
    let index = Indexes::new(settings, &IndexOptions::default(), executable).ok();
    let context = bench::Context {
        index_url: settings
            .common
            .index
            .index_url
            .clone()
            .or_else(|| index.and_then(|index| index.urls.last().map(ToString::to_string))),
        python: interpreter.clone(),
        requirements: settings.project.requirements(&[], &settings.env).unwrap_or_default(),
        project: settings.project.directory.clone(),
        pyfast: std::env::current_exe().map_err(|error| fail(&error))?,
        environment: std::env::vars_os().collect(),
        output: &mut Escaping::output(args.prints_json()),
        progress: &mut Escaping::errors(),
    };
    bench::run(args, context).map_err(|error| fail(&error))
}
