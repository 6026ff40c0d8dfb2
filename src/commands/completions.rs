//! `pyfast completions`.

use std::process::ExitCode;

use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pyfast completions bash > /etc/bash_completion.d/pyfast")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: clap::Command) -> ExitCode {
    clap_complete::generate(args.shell, &mut command, "pyfast", &mut std::io::stdout());
    ExitCode::SUCCESS
}
