//! `pyfast export`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pyfast_environment::report::PackageFacts;
use pyfast_resolver::LineOptions;

use crate::args::ResultArgs;
use crate::commands::lock::Format;
use crate::failure::Failure;
use crate::locked::LockArgs;
use crate::settings::Settings;
use pyfast_crew::lock_file::{ChosenBy, write};

/// Write the lock in another form, without resolving anything
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast export --hashes > pinned.txt\n  pyfast export --annotate -o pinned.txt\n  \
                  pyfast export --lock pylock.toml --format pylock -o pylock.here.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    lock: LockArgs,
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
    let output = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    let output = output.map(|path| working.join(path));
    let options = LineOptions { hashes: args.hashes, annotate: args.annotate };
    let directory = output.as_deref().and_then(Path::parent).unwrap_or(working);
    let text = args.format.text(&lock, options, directory);
    let mut report = serde_json::json!({ "packages": PackageFacts::all(&lock) });
    if let Some(path) = &output {
        args.format.check_name(path)?;
        write(path, &text, ChosenBy::User)?;
        ui.note(format!("Wrote {}", path.display()));
        report["output"] = serde_json::json!(path);
    }
    if ui.json() {
        ui.data(format!("{report}\n"));
    } else if output.is_none() {
        ui.data(text);
    }
    Ok(ExitCode::SUCCESS)
}
