//! `pyfast sync`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use pyfast_environment::request::LockUse;
use pyfast_installer::link::LinkMode;

use crate::args::{ResolveArgs, ResultArgs, short_find_links};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::syncing;
use pyfast_crew::sync::Options;
use pyfast_settings::ResolveFlags;
use pyfast_settings::own_lock::is_lock;

/// Make the environment exactly what the requirements say
///
/// Locks if needed, installs what is missing, composes the environment and activates it. A failed sync
/// changes nothing, and a sync with nothing to do takes a few milliseconds.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, clap::Args)]
#[command(
    arg = short_find_links(),
    after_help = "Examples:\n  pyfast sync\n  pyfast sync -r backend/requirements.txt --python 3.12\n  \
                  pyfast sync -r requirements.txt --volume pyfast-app --image app:latest\n  pyfast sync --frozen --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    resolve: ResolveArgs,
    /// Fail if the lock is missing or does not answer the requirements
    #[arg(long, env = "PYFAST_LOCKED", conflicts_with = "frozen")]
    locked: bool,
    /// Use the lock as it is, without looking at the requirements
    #[arg(long, env = "PYFAST_FROZEN")]
    frozen: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// How files of the store come into the environment
    #[arg(long, value_name = "MODE", default_value = "auto", env = "PYFAST_LINK_MODE")]
    link_mode: Link,
    /// Compile bytecode into the store [default: for volumes and images]
    #[arg(long, env = "PYFAST_COMPILE", overrides_with = "no_compile")]
    compile: bool,
    /// Compile no bytecode
    #[arg(long, env = "PYFAST_NO_COMPILE", overrides_with = "compile")]
    no_compile: bool,
    /// Compose the environment anew, and fetch damaged wheels again
    #[arg(long)]
    reinstall: bool,
    /// Hash everything that the environment uses before activating it
    #[arg(long, env = "PYFAST_VERIFY")]
    verify: bool,
    /// Fail where two packages provide different files of one name
    #[arg(long, env = "PYFAST_STRICT")]
    strict: bool,
}

/// How files of the store come into an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Link {
    /// On hosts clones where the file system has them, else hard links; in volumes a tree
    Auto,
    /// Links to whole directories, hard links where those do not work
    Tree,
    /// Hard links in real directories
    Hardlink,
    /// Copies
    Copy,
    /// Copies that share their blocks with the store until they are written
    Clone,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let options = Options {
        resolve: args.resolve.flags(),
        lock_use: match (args.locked, args.frozen) {
            (true, _) => LockUse::Locked,
            (_, true) => LockUse::Frozen,
            // A lock that stands where requirements do.
            _ if matches!(&args.resolve.requirements[..], [file] if is_lock(file)) => {
                LockUse::Frozen
            }
            _ => LockUse::Update,
        },
        dry_run: args.dry_run,
        link_mode: match args.link_mode {
            Link::Auto => None,
            Link::Tree => Some(LinkMode::Tree),
            Link::Hardlink => Some(LinkMode::Hardlink),
            Link::Copy => Some(LinkMode::Copy),
            Link::Clone => Some(LinkMode::Clone),
        },
        compile: match (args.compile, args.no_compile) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        reinstall: args.reinstall,
        verify: args.verify,
        strict: args.strict,
    };
    let report = syncing::sync(&options, settings)?;
    syncing::show(&report, settings.ui);
    Ok(ExitCode::SUCCESS)
}

/// Brings the environment up to date for a command that runs in it; says nothing if nothing changed.
pub(crate) fn ensure(requirements: Vec<PathBuf>, settings: &Settings) -> Result<(), Failure> {
    let resolve = ResolveFlags { requirements, ..ResolveFlags::default() };
    let report = syncing::sync(&Options { resolve, ..Options::default() }, settings)?;
    if report.sync.changed {
        syncing::show_changes(&report, settings.ui);
    }
    Ok(())
}
