//! `pyfast lock`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::ValueEnum;
use pyfast_crew::lock_file::{ChosenBy, write};
use pyfast_crew::locking::{Goal, Made, TargetFlags, Wish, make};
use pyfast_environment::Outdated;
use pyfast_environment::report::{Changes, PackageFacts};
use pyfast_resolver::{LineOptions, Lock};
use pyfast_settings::own_lock::is_lock;

use crate::args::{ResolveArgs, ResultArgs, short_find_links};
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;
use crate::syncing::show_difference;
use crate::ui::{Line, bold, count, duration};

/// Resolve requirements and write a lock file
///
/// Without -o the lock is `pylock.toml` beside the first requirements file, or `pylock.ENV.toml` where
/// environments of pyfast.toml ask for different things there. An existing lock is kept where it still
/// fits, and stays for the platforms it is for; --upgrade takes the newest versions.
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are bools")]
#[derive(Debug, clap::Args)]
#[command(
    arg = short_find_links(),
    after_help = "Examples:\n  pyfast lock -r requirements.txt\n  pyfast lock -r requirements.txt -o - --format requirements --hashes\n  \
                  pyfast lock -r requirements.txt --python-version 3.12 --python-platform linux/arm64 -o pylock.arm.toml\n  \
                  pyfast lock -r requirements.txt --python-platform linux/amd64 --python-platform linux/arm64\n  \
                  pyfast lock -r requirements.txt --universal --python-version 3.10\n  pyfast lock --check"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    pub(crate) resolve: ResolveArgs,
    /// Where to write the lock; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form of the lock
    #[arg(long, value_name = "FORMAT", default_value = "pylock")]
    format: Format,
    /// Say whether the lock answers the requirements, and what would change in it; write nothing
    #[arg(long, conflicts_with_all = ["upgrade", "upgrade_package"])]
    check: bool,
    /// Say what would change in the lock, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    target: TargetArgs,
    /// Lock for all platforms, and for the Pythons that the project allows or --python-version and newer
    #[arg(long, env = "PYFAST_UNIVERSAL", help_heading = "Target options")]
    universal: bool,
    /// With --format requirements: add --hash options
    #[arg(long)]
    hashes: bool,
    /// With --format requirements: say in comments what needs each package
    #[arg(long)]
    annotate: bool,
}

/// The form of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// `pylock.toml`, PEP 751
    Pylock,
    /// `name==version` lines
    Requirements,
}

impl Format {
    /// A lock in this form, with paths relative to a directory.
    pub(crate) fn text(self, lock: &Lock, options: LineOptions, directory: &Path) -> String {
        match self {
            Self::Requirements => lock.to_requirements(options),
            Self::Pylock => lock.to_toml(directory),
        }
    }

    /// Whether a lock of this form can be read again under a name, or what has that is no file.
    pub(crate) fn check_name(self, path: &Path) -> Result<(), Failure> {
        let is_file = fs_err::metadata(path).map_or(true, |facts| facts.is_file());
        if self == Self::Requirements || is_lock(path) || !is_file {
            return Ok(());
        }
        let message = format!("`{}` is no name of a lock: nothing would read it", path.display());
        Err(Failure::usage(message).hint("name it pylock.toml or pylock.NAME.toml (PEP 751)"))
    }
}

/// Targets that are named instead of asked.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Target options")]
pub(crate) struct TargetArgs {
    /// For this version of Python instead of the interpreter's; repeated: for all of them
    #[arg(long, value_name = "X.Y[.Z]", env = "PYFAST_PYTHON_VERSION", value_delimiter = ' ')]
    python_version: Vec<String>,
    /// For this platform instead of the interpreter's: linux/arm64, x86_64-manylinux_2_28, macos,
    /// windows, …; repeated: for all of them
    #[arg(long, value_name = "PLATFORM", env = "PYFAST_PYTHON_PLATFORM", value_delimiter = ' ')]
    python_platform: Vec<String>,
}

impl TargetArgs {
    pub(crate) fn flags(&self, universal: bool) -> TargetFlags {
        let (pythons, platforms) = (self.python_version.clone(), self.python_platform.clone());
        TargetFlags { pythons, platforms, universal }
    }
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let (resolve, target) = (args.resolve.flags(), args.target.flags(args.universal));
    let goal = match &args.output {
        Some(path) if path.as_os_str() == "-" => Goal::Text,
        Some(path) => Goal::File(settings.project.working_directory.join(path)),
        None if args.format == Format::Requirements => Goal::Text,
        None => Goal::Own,
    };
    if let Goal::File(path) = &goal {
        args.format.check_name(path)?;
    }
    let progress = Progress::new(settings.ui);
    let events = progress.events();
    let wish = Wish { resolve: &resolve, target: &target, goal, may_stand: args.check };
    let made = make(&wish, settings, &events);
    progress.done();
    let made = made?;
    report(args, settings, &made, started)?;
    let Some(path) = made.path.filter(|_| args.check && made.lock.is_some()) else {
        return Ok(ExitCode::SUCCESS);
    };
    let why = if made.was_there { Outdated::Requirements } else { Outdated::Missing };
    let message = format!("the lock `{}` {why}", path.display());
    let hint = "`pyfast lock` makes it anew";
    Err(Failure::new("lock-outdated", message, Code::Mendable).hint(hint))
}

/// The first line of requirements that were locked: who made them, so that nobody edits them.
const MADE_BY: &str = "# made by `pyfast lock --format requirements`: change what it was locked from, and lock again\n";

/// Writes the lock, and says what was done.
fn report(args: &Args, settings: &Settings, made: &Made, started: Instant) -> Result<(), Failure> {
    let ui = settings.ui;
    let Some(lock) = &made.lock else {
        let path = made.path.as_deref().unwrap_or(Path::new(""));
        ui.note(format!("{} answers the requirements", path.display()));
        return Ok(());
    };
    let packages = bold(count(lock.packages.len(), "package"));
    let time = format!(" in {}", duration(started.elapsed()));
    ui.note(Line::from("Resolved ").and(packages).and(time));
    let directory = made.path.as_deref().and_then(Path::parent);
    let directory = directory.unwrap_or(&settings.project.working_directory);
    let options = LineOptions { hashes: args.hashes, annotate: args.annotate };
    let text = made.complete(args.format.text(lock, options, directory), directory);
    let head = if args.format == Format::Requirements { MADE_BY } else { "" };
    let text = format!("{head}{text}");
    let packages = PackageFacts::all(lock);
    let Some(path) = &made.path else {
        let json = || format!("{}\n", serde_json::json!({ "packages": packages }));
        ui.data(if ui.json() { json() } else { text });
        return Ok(());
    };
    if args.dry_run || args.check {
        ui.note(format!("{} stays as it is", path.display()));
    } else {
        let chosen = match args.output {
            Some(_) => ChosenBy::User,
            None => ChosenBy::Project(&settings.project.directory),
        };
        write(path, &text, chosen)?;
        ui.note(format!("Wrote {}", path.display()));
    }
    if made.was_there || args.dry_run || args.check {
        show_difference(&made.changes, ui);
        if made.changes == Changes::default() {
            ui.note("No version changed");
        }
    }
    if ui.json() {
        let report = serde_json::json!({
            "lock": path, "packages": packages, "added": made.changes.added,
            "removed": made.changes.removed, "updated": made.changes.updated,
        });
        ui.data(format!("{report}\n"));
    }
    Ok(())
}
