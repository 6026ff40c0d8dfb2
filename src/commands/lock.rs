//! `pyfast lock`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::ValueEnum;
use pyfast_installer::Interpreter;
use pyfast_resolver::{LineOptions, Lock, Target, named_target, to_requirements};

use crate::building::BuildPlace;
use crate::cli::ResultArgs;
use crate::environment;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::resolving::{
    Inputs, Outcome, Request, ResolveArgs, Session, inputs_digest, read_inputs,
};
use crate::settings::Settings;
use crate::ui::{count, duration};

/// The name of a lock file (PEP 751).
pub(crate) const FILE: &str = "pylock.toml";

/// Whether a file is a lock by its name: `pylock.toml`, or `pylock.NAME.toml` (PEP 751).
pub(crate) fn is_lock(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix("pylock.")
        .and_then(|rest| if rest == "toml" { Some("") } else { rest.strip_suffix(".toml") })
        .is_some_and(|inner| !inner.contains('.'))
}

/// Resolve requirements and write a lock file
///
/// Without -o the lock is `pylock.toml` beside the first requirements file. An existing lock is kept
/// where it still fits; --upgrade takes the newest versions.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast lock -r requirements.txt\n  pyfast lock -r requirements.txt -o - --format requirements --hashes\n  \
                  pyfast lock -r requirements.txt --python-version 3.12 --python-platform linux/arm64 -o arm.toml"
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
    /// Lock for this version of Python instead of the interpreter's
    #[arg(long, value_name = "X.Y[.Z]", env = "PYFAST_PYTHON_VERSION")]
    python_version: Option<String>,
    /// Lock for this platform instead of the interpreter's (linux/arm64, x86_64-manylinux_2_28, …)
    #[arg(long, value_name = "PLATFORM", env = "PYFAST_PYTHON_PLATFORM")]
    python_platform: Option<String>,
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

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let started = Instant::now();
    let inputs = read_inputs(&args.resolve, settings)?;
    let (target, interpreter) = target(args, settings)?;
    let output = output(args, &inputs, settings);
    let previous = output.as_ref().and_then(|path| existing(path, &target));
    let cache = settings.cache_directory()?;
    let root = cache.join("builds-1");
    let mut session = Session::new(settings, &inputs.set, interpreter.as_deref(), cache)?;
    let progress = Progress::new(settings.ui);
    // A target that is no interpreter at hand has nothing that could build for it.
    let own = args.python_version.is_none() && args.python_platform.is_none();
    if own && let Ok(interpreter) = &environment::interpreter(settings) {
        let place = BuildPlace { root, interpreter, sink: progress.sink() };
        session.build_in(place, &args.resolve, settings)?;
    }
    progress.step("resolving");
    let request = Request {
        set: &inputs.set,
        args: &args.resolve,
        target: &target,
        previous: previous.as_ref(),
    };
    let resolved = session.resolve(&request, None);
    progress.done();
    let Outcome { lock, warnings, .. } = resolved?;
    for warning in &warnings {
        settings.ui.warning(warning);
    }
    let text = match args.format {
        Format::Requirements => {
            to_requirements(&lock, LineOptions { hashes: args.hashes, annotate: args.annotate })
        }
        Format::Pylock => {
            let directory = output.as_deref().and_then(Path::parent).map(Path::to_owned);
            lock.to_toml(&directory.unwrap_or_else(|| settings.project.working_directory.clone()))
        }
    };
    settings.ui.note(format!(
        "Resolved {} in {}",
        settings.ui.bold(&count(lock.packages.len(), "package")),
        duration(started.elapsed())
    ));
    match output {
        None => settings.ui.data(text),
        Some(path) => {
            write(&path, &text)?;
            settings.ui.note(format!("Wrote {}", path.display()));
            if settings.ui.json() {
                let report = serde_json::json!({ "lock": path, "packages": environment::packages_json(&lock) });
                settings.ui.data(format!("{report}\n"));
            }
        }
    }
    // The runtime's threads have nothing more to do that anyone waits for.
    session.runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// The target, and the interpreter whose pip's default index counts.
fn target(args: &Args, settings: &Settings) -> Result<(Target, Option<PathBuf>), Failure> {
    let both = args.python_version.is_some() && args.python_platform.is_some();
    let found = environment::interpreter(settings);
    let interpreter = match found {
        Ok(interpreter) => Some(interpreter),
        Err(_) if both => None,
        Err(failure) => return Err(failure),
    };
    let base = interpreter.as_ref().map(Interpreter::target);
    let host = environment::host_python(settings, interpreter.as_ref());
    let (version, platform) = (args.python_version.as_deref(), args.python_platform.as_deref());
    if version.is_none()
        && platform.is_none()
        && let Some(target) = base
    {
        return Ok((target, host));
    }
    Ok((named_target(version, platform, base.as_ref())?, host))
}

/// Where the lock goes; `None` is standard output.
fn output(args: &Args, inputs: &Inputs, settings: &Settings) -> Option<PathBuf> {
    let working = &settings.project.working_directory;
    match &args.output {
        Some(path) if path.as_os_str() == "-" => None,
        Some(path) => Some(working.join(path)),
        None if args.format == Format::Requirements => None,
        None => match inputs.set.files.first() {
            Some(file) => Some(beside(&working.join(file))),
            // Files of servers have no lock beside them.
            None => Some(settings.project.directory.join(FILE)),
        },
    }
}

/// The lock beside a requirements file.
pub(crate) fn beside(requirements: &Path) -> PathBuf {
    requirements.with_file_name(FILE)
}

/// An existing lock whose versions are kept where they fit; one that cannot be read is made anew.
pub(crate) fn existing(path: &Path, target: &Target) -> Option<Lock> {
    let text = fs_err::read_to_string(path).ok()?;
    Lock::from_toml(&text, path, target).ok()
}

/// Whether a lock answers these inputs.
pub(crate) fn is_current(
    lock: &Lock,
    inputs: &Inputs,
    args: &ResolveArgs,
    target: &Target,
) -> bool {
    lock.inputs.as_deref() == Some(inputs_digest(&inputs.set, args, target).as_str())
}

/// Writes a lock whole or not at all; the same content leaves the file alone.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    if fs_err::read_to_string(path).is_ok_and(|known| known == text) {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}-{}", std::process::id()));
    let written = fs_err::write(&temporary, text).and_then(|()| fs_err::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs_err::remove_file(&temporary);
        Failure::new(
            "io",
            format!("cannot write the lock `{}`: {error}", path.display()),
            Code::Mendable,
        )
    })
}
