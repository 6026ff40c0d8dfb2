//! `pyfast sync`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use pyfast_environment::request::{InstallOptions, LockUse};
use pyfast_installer::link::LinkMode;

use super::push::pushing;
use crate::args::{ResolveArgs, ResultArgs, short_find_links};
use crate::failure::Failure;
use crate::remembered::{Remembered, words};
use crate::settings::Settings;
use crate::syncing;
use pyfast_crew::push::place;
use pyfast_crew::task::{Options, Report};
use pyfast_root::Cause;
use pyfast_settings::ResolveFlags;
use pyfast_stack::check::still_imported;

/// Make the environment exactly what the requirements say
///
/// Locks if needed, installs what is missing, composes the environment and activates it. A failed sync
/// changes nothing, and a sync with nothing to do takes a few milliseconds.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, Clone, Default, clap::Args)]
#[command(
    arg = short_find_links(),
    after_help = "Examples:\n  pyfast sync\n  pyfast sync -r backend/requirements.txt --python 3.12\n  \
                  pyfast sync -r requirements.txt --volume pyfast-app --image app:latest\n  pyfast sync --frozen --json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    pub(crate) resolve: ResolveArgs,
    /// Fail if the lock is missing or does not answer the requirements
    #[arg(long, env = "PYFAST_LOCKED", conflicts_with = "frozen")]
    pub(crate) locked: bool,
    /// Use the lock as it is, without looking at the requirements
    #[arg(long, env = "PYFAST_FROZEN")]
    pub(crate) frozen: bool,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// How files of the store come into the environment [default: auto]
    #[arg(long, value_name = "MODE", env = "PYFAST_LINK_MODE")]
    pub(crate) link_mode: Option<Link>,
    /// Compile bytecode and wait for it, as `PYFAST_COMPILE=1` does [default: afterwards, for volumes and images]
    #[arg(long, overrides_with = "no_compile")]
    pub(crate) compile: bool,
    /// Compile no bytecode
    #[arg(long, overrides_with = "compile")]
    pub(crate) no_compile: bool,
    /// Compose the environment anew, and fetch damaged wheels again
    #[arg(long)]
    pub(crate) reinstall: bool,
    /// Hash everything that the environment uses before activating it
    #[arg(long, env = "PYFAST_VERIFY")]
    pub(crate) verify: bool,
    /// Write the wheels into the remote store once the environment is there, as `pyfast push` does
    #[arg(long, env = "PYFAST_PUSH")]
    pub(crate) push: bool,
    /// Fail where two packages provide different files of one name
    #[arg(long, env = "PYFAST_STRICT")]
    pub(crate) strict: bool,
}

/// How files of the store come into an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Link {
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

impl Args {
    /// This request, and what it leaves open as in an earlier one.
    pub(crate) fn over(self, earlier: Self) -> Self {
        let compiling = if self.compile || self.no_compile { &self } else { &earlier };
        let (compile, no_compile) = (compiling.compile, compiling.no_compile);
        let link_mode = self.link_mode.or(earlier.link_mode);
        let common = Self { link_mode, compile, no_compile, ..self };
        if common.resolve.names_something() {
            return common;
        }
        Self {
            strict: common.strict || earlier.strict,
            resolve: common.resolve.over(earlier.resolve),
            ..common
        }
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            resolve: self.resolve.flags(),
            lock_use: match (self.locked, self.frozen) {
                (true, _) => LockUse::Locked,
                (_, true) => LockUse::Frozen,
                _ => LockUse::Update,
            },
            dry_run: self.dry_run,
            install: InstallOptions {
                link_mode: match self.link_mode {
                    None | Some(Link::Auto) => None,
                    Some(Link::Tree) => Some(LinkMode::Tree),
                    Some(Link::Hardlink) => Some(LinkMode::Hardlink),
                    Some(Link::Copy) => Some(LinkMode::Copy),
                    Some(Link::Clone) => Some(LinkMode::Clone),
                },
                compile: (self.compile || self.no_compile).then_some(self.compile),
                reinstall: self.reinstall,
                verify: self.verify,
                strict: self.strict,
                ..InstallOptions::default()
            },
            ..Options::default()
        }
    }
}

/// The environment that nobody has to name.
const DEFAULT: &str = "default";

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let remembered = Remembered::load(settings);
    let (asked, of_before) = remembered.complete(args, settings);
    let typed = words(args, settings);
    if let Some(note) = remembered.note(&typed, &words(&asked, &of_before), &settings.project) {
        settings.ui.note(note);
    }
    let pushes = args.push && !args.dry_run;
    pushes.then(|| place(&of_before)).transpose()?;
    let report = syncing::sync(&asked.options(), &of_before)?;
    if !args.dry_run {
        remembered.keep(&asked, &of_before);
    }
    // Who reads JSON gets one object, whatever comes of the push.
    let (ui, json) = (settings.ui, settings.ui.json());
    if !json {
        syncing::show(&report, ui);
    }
    if pushes {
        let pushed = pushing(&asked.options().resolve, &of_before);
        pushed.map_err(|failure| failure.result(report.to_json()))?;
    }
    if json {
        syncing::show(&report, ui);
    }
    for said in still_imported(&settings.project.directory, &report.sync) {
        settings.ui.warning(said);
    }
    let environments = &settings.project.config.env;
    if report.sync.new && settings.env != DEFAULT && !environments.contains_key(&settings.env) {
        settings.ui.note(format!("`{}` is a new environment of this project", settings.env));
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings the environment up to date for a command that runs in it, as it was synced last; says nothing if nothing
/// changed.
pub(crate) fn ensure(remembered: &Remembered, settings: &Settings) -> Result<(), Failure> {
    let (asked, of_before) = remembered.repeated(settings);
    let options = Options { cause: Cause::Run, ..asked.options() };
    show(&syncing::sync(&options, &of_before)?, settings);
    Ok(())
}

/// Makes an environment of these files alone for a command that runs in it.
pub(crate) fn ensure_of(requirements: Vec<PathBuf>, settings: &Settings) -> Result<(), Failure> {
    let resolve = ResolveFlags { requirements, ..ResolveFlags::default() };
    let options = Options { resolve, cause: Cause::Run, ..Options::default() };
    show(&syncing::sync(&options, settings)?, settings);
    Ok(())
}

fn show(report: &Report, settings: &Settings) {
    if report.sync.changed {
        syncing::show_changes(report, settings.ui);
    }
}
