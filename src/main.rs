//! The command line.
mod commands;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

#[derive(clap::Parser)]
#[command(version)]
enum Cli {
    Bench(commands::bench::Args),
}

fn main() -> ExitCode {
    let Cli::Bench(args) = Cli::parse();
    let context = commands::bench::Context {
        index_url: None,
        python: None,
        json: false,
        requirements: Vec::new(),
        pyfast: std::env::current_exe().unwrap_or_default(),
        environment: std::env::vars_os().collect(),
        output: &mut std::io::stdout(),
        progress: &mut std::io::stderr(),
    };
    commands::bench::run(&args, context).unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "error: {error}");
        ExitCode::from(2)
    })
}
