//! Locks that exist, as commands that look at them and resolve nothing are asked for them.

use std::path::PathBuf;

use pyfast_crew::opened::{Opened, open};

use crate::commands::lock::TargetArgs;
use crate::failure::Failure;
use crate::settings::Settings;

/// Which lock a command looks at.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct LockArgs {
    /// The lock to look at [default: the environment's, beside its first requirements file, else the last sync's]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
}

impl LockArgs {
    /// This lock, or the project's own; for the environment's interpreter.
    pub(crate) fn of(lock: Option<PathBuf>) -> Self {
        Self { lock, ..Self::default() }
    }

    /// Reads the lock.
    pub(crate) fn open(&self, settings: &Settings) -> Result<Opened, Failure> {
        Ok(open(self.lock.as_deref(), &self.target.flags(false), settings)?)
    }
}
