//! Which file of requirements a command edits, and how far it goes: as it is typed.

use std::path::{Path, PathBuf};

use clap::Args;
use pyfast_crew::edit::{Reach, is_script};

/// Which file is edited, and how far that goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct EditArgs {
    /// The file to edit: a requirements file or a `pyproject.toml` [default: the environment's]
    #[arg(short = 'r', long = "requirements", visible_alias = "requirement", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Edit the header (PEP 723) of a script, which has an environment of its own where it is run
    #[arg(long, value_name = "FILE", conflicts_with_all = ["file", "group", "dev"])]
    script: Option<PathBuf>,
    /// Edit a dependency group (PEP 735) of `pyproject.toml`
    #[arg(long, value_name = "[FILE:]GROUP")]
    pub(crate) group: Option<String>,
    /// The same as --group dev
    #[arg(long, conflicts_with = "group")]
    pub(crate) dev: bool,
    /// Edit the file alone, and leave the environment as it is
    #[arg(long, env = "PYFAST_NO_SYNC")]
    no_sync: bool,
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "no_sync")]
    dry_run: bool,
}

impl EditArgs {
    /// The group that is meant.
    pub(crate) fn group(&self) -> Option<String> {
        self.group.clone().or_else(|| self.dev.then(|| "dev".to_owned()))
    }

    /// The script that is meant, by whichever option. One has no groups: who asks for one is told so.
    pub(crate) fn script(&self) -> Option<&Path> {
        let named =
            || self.file.as_deref().filter(|file| is_script(file) && self.group().is_none());
        self.script.as_deref().or_else(named)
    }

    pub(crate) fn reach(&self) -> Reach {
        match (self.dry_run, self.no_sync) {
            (true, _) => Reach::Tried,
            (_, true) => Reach::File,
            _ => Reach::Environment,
        }
    }
}
