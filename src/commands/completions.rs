//! `pyfast completions`.

use std::process::ExitCode;

use clap_complete::Shell;
use pyfast_usage::completion::{Shell as Asking, shown};

/// Print completions for a shell, to be installed there once
///
/// For bash, zsh and fish the shell asks pyfast what may come next: packages, environments, earlier environments and
/// services too. Nothing is written then, and no server or container engine is asked. --static is a list of commands and
/// options alone, as for other shells.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  pyfast completions bash > ~/.local/share/bash-completion/completions/pyfast
  pyfast completions zsh > \"${fpath[1]}/_pyfast\"
  pyfast completions fish > ~/.config/fish/completions/pyfast.fish
  eval \"$(pyfast completions bash)\"
  pyfast completions elvish >> ~/.config/elvish/rc.elv")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
    /// A list that asks nobody, of commands and options alone
    #[arg(long = "static")]
    is_static: bool,
}

pub(crate) fn run(args: &Args, tree: &clap::Command) -> ExitCode {
    let asking = match args.shell {
        Shell::Bash => Some(Asking::Bash),
        Shell::Zsh => Some(Asking::Zsh),
        Shell::Fish => Some(Asking::Fish),
        _ => None,
    };
    let mut out = std::io::stdout();
    match asking.filter(|_| !args.is_static) {
        Some(shell) => drop(std::io::Write::write_all(&mut out, shell.script().as_bytes())),
        None => clap_complete::generate(args.shell, &mut shown(tree), "pyfast", &mut out),
    }
    ExitCode::SUCCESS
}
