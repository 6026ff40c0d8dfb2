//! `pyfast lock`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::ValueEnum;
use pyfast_environment::report::PackageFacts;
use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::platform::named_target;
use pyfast_packaging::target::Target;
use pyfast_resolver::{LineOptions, Lock, Locked, Targets, lock, to_requirements};

use crate::args::{ResolveArgs, ResultArgs, short_find_links};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::syncing::read_inputs;
use crate::ui::{Line, bold, count, duration};
use pyfast_crew::building::{BUILDS, BuildPlace};
use pyfast_crew::inputs::Inputs;
use pyfast_crew::interpreter as environment;
use pyfast_crew::lock_file::{ChosenBy, known, write};
use pyfast_crew::session::{Session, lock_request, own_lock};
use pyfast_settings::TargetChoice;

/// Resolve requirements and write a lock file
///
/// Without -o the lock is `pylock.toml` beside the first requirements file, or `pylock.ENV.toml` where
/// environments of pyfast.toml ask for different things there. An existing lock is kept where it still
/// fits, and stays for the platforms it is for; --upgrade takes the newest versions.
#[derive(Debug, clap::Args)]
#[command(
    arg = short_find_links(),
    after_help = "Examples:\n  pyfast lock -r requirements.txt\n  pyfast lock -r requirements.txt -o - --format requirements --hashes\n  \
                  pyfast lock -r requirements.txt --python-version 3.12 --python-platform linux/arm64 -o arm.toml\n  \
                  pyfast lock -r requirements.txt --python-platform linux/amd64 --python-platform linux/arm64\n  \
                  pyfast lock -r requirements.txt --universal --python-version 3.10"
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

/// Targets that are named instead of asked.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct TargetArgs {
    /// For this version of Python instead of the interpreter's; repeated: for all of them
    #[arg(
        long,
        value_name = "X.Y[.Z]",
        env = "PYFAST_PYTHON_VERSION",
        value_delimiter = ' ',
        help_heading = "Target options"
    )]
    python_version: Vec<String>,
    /// For this platform instead of the interpreter's: linux/arm64, x86_64-manylinux_2_28, macos,
    /// windows, …; repeated: for all of them
    #[arg(
        long,
        value_name = "PLATFORM",
        env = "PYFAST_PYTHON_PLATFORM",
        value_delimiter = ' ',
        help_heading = "Target options"
    )]
    python_platform: Vec<String>,
}

impl TargetArgs {
    fn is_empty(&self) -> bool {
        self.python_version.is_empty() && self.python_platform.is_empty()
    }

    /// Whether something is named, and no more than one target.
    fn is_one(&self) -> bool {
        !self.is_empty() && self.python_version.len() < 2 && self.python_platform.len() < 2
    }

    /// The one target that is named, or the interpreter's.
    pub(crate) fn one(&self, settings: &Settings) -> Result<Target, Failure> {
        let (version, platform) = match (&self.python_version[..], &self.python_platform[..]) {
            ([] | [_], [] | [_]) => (self.python_version.first(), self.python_platform.first()),
            _ => return Err(Failure::usage("only one target can be looked at".to_owned())),
        };
        let base = self.base(settings)?.0;
        match base {
            Some(base) if self.is_empty() => Ok(base),
            base => Ok(named_target(
                version.map(String::as_str),
                platform.map(String::as_str),
                base.as_ref(),
            )?),
        }
    }

    /// The interpreter's target, where there is one or must be one, and the interpreter whose pip's
    /// default index counts.
    fn base(&self, settings: &Settings) -> Result<(Option<Target>, Option<PathBuf>), Failure> {
        let all_named = !self.python_version.is_empty() && !self.python_platform.is_empty();
        let interpreter = match environment::interpreter(settings) {
            Ok(interpreter) => Some(interpreter),
            Err(_) if all_named => None,
            Err(error) => return Err(error.into()),
        };
        let host = environment::host_python(settings, interpreter.as_ref());
        Ok((interpreter.as_ref().map(Interpreter::target), host))
    }
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let resolve = args.resolve.flags();
    let inputs = read_inputs(&resolve, settings)?;
    let (base, interpreter) = args.target.base(settings)?;
    let output = output(args, &inputs, (settings, base.as_ref()));
    let several = choice(args, settings, output.as_deref()).several(&inputs.set, base.as_ref())?;
    // One target that is no interpreter at hand has nothing that could build for it. Where there are
    // several, what one build says of dependencies stands for all (rule 11).
    let builds = args.target.is_empty() || several.is_some();
    let targets = match several {
        Some(several) => several,
        None => Targets::One(args.target.one(settings)?),
    };
    let old = output.as_deref().and_then(|path| Some((path, known(path)?)));
    let kept = old.map(|(path, text)| Lock::kept(&text, path)).unwrap_or_default();
    let request = lock_request(&inputs.set, &resolve, targets, kept)?;
    let cache = settings.cache_directory()?;
    let root = cache.join(BUILDS);
    let progress = Progress::new(settings.ui);
    let events = progress.events();
    let mut session = Session::new(settings, &inputs.set, interpreter.as_deref(), cache, &events)?;
    if builds && let Ok(interpreter) = &environment::interpreter(settings) {
        let place = BuildPlace { store: root.clone(), yard: root, interpreter };
        session.build_in(place, &resolve, settings, &events)?;
    }
    progress.step("resolving");
    let locked = lock(&request, &session.tools(&resolve, 0), &|_decided| ());
    progress.done();
    let Locked { lock, warnings, .. } = locked?;
    for warning in &warnings {
        settings.ui.warning(warning);
    }
    report(args, settings, &lock, (output, started))?;
    // The runtime's threads have nothing more to do that anyone waits for.
    session.runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// The platforms and Pythons that are meant: those of the command line, else of the configuration, else
/// those that the lock is for already.
fn choice(args: &Args, settings: &Settings, output: Option<&Path>) -> TargetChoice {
    if args.target.is_one() && !args.universal {
        return TargetChoice::default();
    }
    if args.universal || !args.target.is_empty() {
        return TargetChoice {
            universal: args.universal,
            pythons: args.target.python_version.clone(),
            platforms: args.target.python_platform.clone(),
            locked: None,
        };
    }
    let configured = TargetChoice::configured(settings);
    if configured.is_single()
        && let Some(path) = output
        && let Some(text) = known(path)
        && let Ok(lock) = Lock::whole(&text, path)
    {
        return TargetChoice::of_lock(&lock);
    }
    configured
}

/// The first line of requirements that were locked: who made them, so that nobody edits them.
const MADE_BY: &str = "# made by `pyfast lock --format requirements`: change what it was locked from, and lock again\n";

/// Writes the lock, and says what was done.
fn report(
    args: &Args,
    settings: &Settings,
    lock: &Lock,
    (output, started): (Option<PathBuf>, Instant),
) -> Result<(), Failure> {
    let text = match args.format {
        Format::Requirements => {
            let options = LineOptions { hashes: args.hashes, annotate: args.annotate };
            format!("{MADE_BY}{}", to_requirements(lock, options))
        }
        Format::Pylock => {
            let directory = output.as_deref().and_then(Path::parent).map(Path::to_owned);
            lock.to_toml(&directory.unwrap_or_else(|| settings.project.working_directory.clone()))
        }
    };
    let packages = bold(count(lock.packages.len(), "package"));
    let time = format!(" in {}", duration(started.elapsed()));
    settings.ui.note(Line::from("Resolved ").and(packages).and(time));
    let Some(path) = output else {
        settings.ui.data(text);
        return Ok(());
    };
    let chosen = match args.output {
        Some(_) => ChosenBy::User,
        None => ChosenBy::Project(&settings.project.directory),
    };
    write(&path, &text, chosen)?;
    settings.ui.note(format!("Wrote {}", path.display()));
    if settings.ui.json() {
        let report = serde_json::json!({ "lock": path, "packages": PackageFacts::all(lock) });
        settings.ui.data(format!("{report}\n"));
    }
    Ok(())
}

/// Where the lock goes; `None` is standard output.
fn output(
    args: &Args,
    inputs: &Inputs,
    (settings, base): (&Settings, Option<&Target>),
) -> Option<PathBuf> {
    match &args.output {
        Some(path) if path.as_os_str() == "-" => None,
        Some(path) => Some(settings.project.working_directory.join(path)),
        None if args.format == Format::Requirements => None,
        None => {
            let own = own_lock(&args.resolve.flags(), settings, Some(&inputs.set));
            let named = || args.target.one(settings).ok();
            let target = || if args.target.is_empty() { base.cloned() } else { named() };
            Some(own.path(target).to_owned())
        }
    }
}
