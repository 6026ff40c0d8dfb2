//! `pyfast export`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pyfast_environment::report::PackageFacts;
use pyfast_resolver::{LineOptions, to_requirements};

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
                  pyfast export --lock pylock.toml --format pylock -o here.toml"
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
    let lock = args.lock.open(settings)?.lock;
    let working = &settings.project.working_directory;
    let output = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    let output = output.map(|path| working.join(path));
    let text = match args.format {
        Format::Requirements => {
            to_requirements(&lock, LineOptions { hashes: args.hashes, annotate: args.annotate })
        }
        Format::Pylock => lock.to_toml(output.as_deref().and_then(Path::parent).unwrap_or(working)),
    };
    let Some(path) = output else {
        settings.ui.data(text);
        return Ok(ExitCode::SUCCESS);
    };
    write(&path, &text, ChosenBy::User)?;
    settings.ui.note(format!("Wrote {}", path.display()));
    if settings.ui.json() {
        let report = serde_json::json!({ "output": path, "packages": PackageFacts::all(&lock) });
        settings.ui.data(format!("{report}\n"));
    }
    Ok(ExitCode::SUCCESS)
}
