//! The top level of the command line. Each command's own arguments live with the command.

use clap::{Parser, Subcommand};

use crate::args::CommonArgs;
use crate::commands;

/// Installs Python dependencies into a shared volume, and starts slim containers on it.
///
/// `pyfast sync` turns a requirements file into an immutable environment; `pyfast run -- CMD` runs a
/// command in it, on this machine or as the entrypoint of a container that mounts the volume.
#[derive(Debug, Parser)]
#[command(
    name = "pyfast",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "Examples:\n  pyfast sync -r requirements.txt\n  pyfast run -- python -m app\n  \
                  pyfast sync --volume pyfast-app --image app:latest\n\nExit codes: 0 done, 1 you can mend \
                  it, 2 usage or configuration, 3 container engine unreachable, 101 our fault."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Command {
    /// Whether the result is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Lock(args) => args.result.json,
            Self::Sync(args) => args.result.json,
            Self::List(args) => args.json(),
            Self::Why(args) => args.result.json,
            Self::Tree(args) => args.result.json,
            Self::Outdated(args) => args.result.json,
            Self::Export(args) => args.result.json,
            Self::History(args) => args.result.json,
            Self::Rollback(args) => args.result.json,
            Self::Verify(args) => args.result.json,
            Self::Gc(args) => args.result.json,
            Self::Init(args) => args.result.json,
            Self::Diff(args) => args.result.json,
            Self::Up(args) => args.result.json,
            Self::Restart(args) => args.result.json,
            Self::Ps(args) => args.result.json,
            Self::Doctor(args) => args.result.json,
            Self::Down(_)
            | Self::Logs(_)
            | Self::Run(_)
            | Self::Bench(_)
            | Self::Cache(_)
            | Self::BuildSource(_)
            | Self::Completions(_) => false,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Init(commands::init::Args),
    Lock(commands::lock::Args),
    Sync(commands::sync::Args),
    Run(commands::run::Args),
    Up(commands::up::Args),
    Down(commands::down::Args),
    Restart(commands::restart::Args),
    Ps(commands::ps::Args),
    Logs(commands::logs::Args),
    Bench(commands::bench::Args),
    List(commands::list::Args),
    Why(commands::why::Args),
    Tree(commands::tree::Args),
    Outdated(commands::outdated::Args),
    Export(commands::export::Args),
    History(commands::history::Args),
    Rollback(commands::rollback::Args),
    Verify(commands::verify::Args),
    Gc(commands::gc::Args),
    Diff(commands::diff::Args),
    Doctor(commands::doctor::Args),
    Cache(commands::cache::Args),
    BuildSource(commands::build_source::Args),
    Completions(commands::completions::Args),
}
