//! `pyfast cache`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

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
                for kept in ["requests", "stacks"] {
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

/// The folders of the cache whose files may go one by one. A clone, or an environment of a build, is whole
/// or nothing; what has another name, or is a link, was not made here.
pub(crate) fn loose(cache: &Path) -> Vec<PathBuf> {
    const KINDS: [&str; 7] =
        ["pages", "metadata", "hints", "sources", "texts", "interpreters", "built"];
    let entries = fs_err::read_dir(cache).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        let version = |kind: &str| name.strip_prefix(kind)?.strip_prefix('-')?.parse::<u32>().ok();
        entry.file_type().is_ok_and(|kind| kind.is_dir())
            && KINDS.iter().any(|kind| version(kind).is_some())
    });
    ours.map(|entry| entry.path()).collect()
}

/// Bytes of all files below a directory; one that is not there has none.
fn size(directory: &Path) -> std::io::Result<u64> {
    let entries = match fs_err::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut total = 0;
    for entry in entries {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}
