//! `pyfast export`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pyfast_environment::report::PackageFacts;
use pyfast_resolver::{LineOptions, Lock};
use serde_json::json;

use crate::args::ResultArgs;
use crate::commands::lock::Format;
use crate::failure::Failure;
use crate::locked::LockArgs;
use crate::progress::Progress;
use crate::remembered::Remembered;
use crate::settings::Settings;
use crate::ui::count;
use pyfast_crew::lock_file::{ChosenBy, write};
use pyfast_crew::wheelhouse::{Filled, fill};

/// Write the lock in another form, without resolving anything
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast export --hashes > pinned.txt\n  pyfast export --annotate -o pinned.txt\n  pyfast export --wheels wheels\n  \
                  pyfast export --lock pylock.toml --format pylock -o pylock.here.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    lock: LockArgs,
    /// Put the lock's wheels into this directory, for `--find-links` of machines that reach no index
    #[arg(long, value_name = "DIR", conflicts_with_all = ["output", "hashes", "annotate"])]
    wheels: Option<PathBuf>,
    /// Where to write; without it, or with `-`, to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form
    #[arg(long, value_name = "FORMAT", default_value = "requirements")]
    format: Format,
    /// With --format requirements: add --hash options
    #[arg(long)]
    hashes: bool,
    /// With --format requirements: say in comments what needs each package
    #[arg(long)]
    annotate: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (lock, ui) = (args.lock.open(settings)?.lock, settings.ui);
    let working = &settings.project.working_directory;
    if let Some(directory) = &args.wheels {
        return export_wheels(&working.join(directory), &lock, settings);
    }
    let output = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    let output = output.map(|path| working.join(path));
    let options = LineOptions { hashes: args.hashes, annotate: args.annotate };
    let directory = output.as_deref().and_then(Path::parent).unwrap_or(working);
    let text = args.format.text(&lock, options, directory);
    let mut report = json!({ "packages": PackageFacts::all(&lock) });
    if let Some(path) = &output {
        args.format.check_name(path)?;
        write(path, &text, ChosenBy::User)?;
        ui.note(format!("Wrote {}", path.display()));
        report["output"] = json!(path);
    }
    if ui.json() {
        ui.data(format!("{report}\n"));
    } else if output.is_none() {
        ui.data(text);
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts the lock's wheels into a directory, and says which were built.
fn export_wheels(directory: &Path, lock: &Lock, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    let (asked, settings) = Remembered::load(settings).repeated(settings);
    let (flags, events) = (asked.resolve.flags(), Progress::new(ui).events());
    let Filled { wheels, built } = fill(directory, lock, &flags, &settings, &events)?;
    for wheel in &built {
        ui.warning(format!("{wheel} was built of its source: the lock has another digest"));
    }
    let (all, shown) = (count(wheels.len() + built.len(), "wheel"), directory.display());
    ui.note(format!("{all} in {shown}: `pyfast sync --no-index --find-links {shown}`"));
    if ui.json() {
        ui.data(format!("{}\n", json!({ "output": directory, "wheels": wheels, "built": built })));
    }
    Ok(ExitCode::SUCCESS)
}
