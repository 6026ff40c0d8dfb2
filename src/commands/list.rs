//! `pyfast list`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use pyfast_environment::ask::{details, native_packages, packages};
use pyfast_environment::consistency::problems;
use pyfast_environment::listing::{Entry, native_json};
use pyfast_installer::prefix::NativePackage;
use serde_json::{Value, json};

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::locked::LockArgs;
use crate::settings::Settings;
use crate::syncing::at_place;
use crate::ui::{count, titled};

/// List the packages of the environment, or of a lock
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast list\n  pyfast list --env backend --json\n  pyfast list --format columns\n  pyfast list --lock pylock.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    result: ResultArgs,
    /// List what a lock has for the environment's interpreter [default: the project's lock]
    #[arg(long, value_name = "FILE")]
    #[expect(clippy::option_option, reason = "a flag whose value may be left out")]
    lock: Option<Option<PathBuf>>,
    /// Say instead which packages need what is not there, or is there in another version
    #[arg(long, conflicts_with_all = ["lock", "format"])]
    check: bool,
    /// List instead what was brought from channels: the environment's Python and native libraries
    #[arg(long, conflicts_with_all = ["lock", "check"])]
    native: bool,
    /// The form of the list
    #[arg(long, value_name = "FORMAT", default_value = "freeze")]
    format: Format,
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines as a requirements file has them
    Freeze,
    /// A table
    Columns,
    /// One JSON array, as --json
    Json,
}

impl Args {
    /// Whether the result is wanted as JSON.
    pub(crate) fn json(&self) -> bool {
        self.result.json || self.format == Format::Json
    }
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    if args.check {
        return check(settings);
    }
    if args.native {
        return native(args.format, settings);
    }
    let packages = match &args.lock {
        Some(lock) => Entry::locked(&LockArgs::of(lock.clone()).open(settings)?.lock),
        None => Entry::installed(at_place(settings, |place| packages(place, None))?),
    };
    let text = if settings.ui.json() {
        format!("{}\n", packages.iter().map(Entry::to_json).collect::<Value>())
    } else if args.format == Format::Columns {
        columns(&packages)
    } else {
        packages.iter().map(|one| format!("{one}\n")).collect()
    };
    settings.ui.data(text);
    Ok(ExitCode::SUCCESS)
}

/// What was brought from channels.
fn native(format: Format, settings: &Settings) -> Result<ExitCode, Failure> {
    let packages = at_place(settings, native_packages)?;
    let each = packages.iter();
    settings.ui.data(if settings.ui.json() {
        format!("{}\n", each.map(native_json).collect::<Value>())
    } else if format == Format::Columns {
        let row = |one: &NativePackage| {
            [one.name.clone(), one.version.clone(), one.build.clone(), one.channel().to_owned()]
        };
        titled(&["Package", "Version", "Build", "Channel"], &each.map(row).collect::<Vec<_>>())
    } else {
        each.map(|one| format!("{}={}={}\n", one.name, one.version, one.build)).collect()
    });
    Ok(ExitCode::SUCCESS)
}

/// Whether each package has what it needs.
fn check(settings: &Settings) -> Result<ExitCode, Failure> {
    let found = problems(&at_place(settings, |place| details(place, false))?);
    let json = settings.ui.json().then(|| format!("{}\n", json!(found)));
    let lines = || found.iter().map(|problem| format!("{problem}\n")).collect();
    settings.ui.data(json.unwrap_or_else(lines));
    if found.is_empty() {
        settings.ui.note("Every package has what it needs");
        return Ok(ExitCode::SUCCESS);
    }
    let message = format!("{} of packages are not met", count(found.len(), "need"));
    Err(Failure::new("inconsistent", message, Code::Mendable))
}

/// A table as pip draws it, with the place of what came from no index.
fn columns(packages: &[Entry]) -> String {
    let row = |one: &Entry| {
        let version = one.version.clone().unwrap_or_else(|| "-".to_owned());
        [one.name.clone(), version, one.place().unwrap_or_default()]
    };
    let rows: Vec<[String; 3]> = packages.iter().map(row).collect();
    let places = rows.iter().any(|[.., place]| !place.is_empty());
    titled(&["Package", "Version", "Location"][..if places { 3 } else { 2 }], &rows)
}
