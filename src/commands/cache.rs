//! `pyfast cache`.

use std::process::ExitCode;

use clap::Subcommand;
use pyfast_index::cache::size;

use crate::failure::{Code, Failure};
use crate::settings::Settings;

/// Look at the cache of index pages and metadata, or empty it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast cache dir\n  pyfast cache size\n  pyfast cache clean")]
pub(crate) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Print where it is
    Dir,
    /// Print its size in bytes
    Size,
    /// Remove it; environments and the store of wheels stay
    Clean,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let directory = settings.cache_directory()?;
    let fail = |error: std::io::Error| {
        Failure::new("io", format!("cannot use the cache: {error}"), Code::Mendable)
    };
    match args.act {
        Act::Dir => settings.ui.data(format!("{}\n", directory.display())),
        Act::Size => settings.ui.data(format!("{}\n", size(&directory).map_err(fail)?)),
        Act::Clean => {
            let freed = size(&directory).map_err(fail)?;
            match fs_err::remove_dir_all(&directory) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(fail(error));
                }
                _ => settings.ui.note(format!("Removed {}", indicatif::HumanBytes(freed))),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
