//! `pyfast man`.

use std::path::PathBuf;
use std::process::ExitCode;

use pyfast_usage::manual::{pages, write};

use crate::failure::{Code, Failure};
use crate::ui::{Ui, count};

/// Print the manual page of a command, or write all of them where `man` finds them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast man sync | man -l -\n  pyfast man --output ~/.local/share/man/man1\n  pyfast man --output debian/tmp/usr/share/man/man1"
)]
pub(crate) struct Args {
    /// The command; none is pyfast itself
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    command: Vec<String>,
    /// Write the pages of all commands into this directory
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, tree: &clap::Command, ui: Ui) -> Result<ExitCode, Failure> {
    let failed = |error: std::io::Error| Failure::from_error("man", &error, Code::Mendable);
    let pages = pages(tree).map_err(failed)?;
    if let Some(directory) = &args.output {
        let written = write(&pages, directory).map_err(failed)?;
        let pages = count(written.len(), "page");
        ui.note(format!("Wrote {pages} into {}", directory.display()));
        return Ok(ExitCode::SUCCESS);
    }
    let name = [&["pyfast".to_owned()], &args.command[..]].concat().join(" ");
    let Some(page) = pages.iter().find(|page| page.command == name) else {
        return Err(Failure::usage(format!("there is no command `{name}`")));
    };
    ui.data(page.text.as_str());
    Ok(ExitCode::SUCCESS)
}
