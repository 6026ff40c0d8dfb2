//! `pyfast completions`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pyfast completions bash > /etc/bash_completion.d/pyfast")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut command = crate::cli::Cli::command();
    clap_complete::generate(args.shell, &mut command, "pyfast", &mut std::io::stdout());
    ExitCode::SUCCESS
}
