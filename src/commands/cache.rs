//! `pyfast cache`.

use std::process::ExitCode;

use clap::Subcommand;
use pyfast_index::cache::size;
use pyfast_root::layout::REMEMBERED;

use crate::commands::env::remove_all;
use crate::failure::{Code, Failure};
use crate::settings::Settings;

/// Look at the cache of index pages and metadata, or empty it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast cache dir\n  pyfast cache size\n  pyfast cache clean\n  pyfast cache clean --all"
)]
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
    Clean {
        /// Remove the store, the environments of all projects and what is remembered of them too: all that this
        /// program keeps for the user
        #[arg(long)]
        all: bool,
    },
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let directory = settings.cache_directory()?;
    let fail = |error: std::io::Error| {
        Failure::new("io", format!("cannot use the cache: {error}"), Code::Mendable)
    };
    match args.act {
        Act::Dir => settings.ui.data(format!("{}\n", directory.display())),
        Act::Size => settings.ui.data(format!("{}\n", size(&directory).map_err(fail)?)),
        Act::Clean { all } => {
            if all {
                remove_all(settings)?;
                let data = settings.data_directory()?;
                for kept in REMEMBERED {
                    let _ = fs_err::remove_dir_all(data.join(kept));
                }
                let _ = fs_err::remove_dir(data);
            }
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
