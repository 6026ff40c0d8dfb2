//! `pyfast list`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use pyfast_environment::ask::{details, packages};
use pyfast_environment::consistency::problems;
use pyfast_environment::direct_url;
use pyfast_installer::link::Package;
use pyfast_packaging::Version;
use pyfast_packaging::source_dist::SourceTree;
use pyfast_resolver::LockedPackage;
use serde_json::{Value, json};

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::locked::LockArgs;
use crate::settings::Settings;
use crate::syncing::at_place;

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
    let packages = match &args.lock {
        Some(lock) => locked(&LockArgs::of(lock.clone()), settings)?,
        None => installed(settings)?,
    };
    let text = if settings.ui.json() {
        format!("{}\n", packages.iter().map(One::to_json).collect::<Value>())
    } else if args.format == Format::Columns {
        columns(&packages)
    } else {
        packages.iter().map(One::line).collect()
    };
    settings.ui.data(text);
    Ok(ExitCode::SUCCESS)
}

/// Whether each package has what it needs.
fn check(settings: &Settings) -> Result<ExitCode, Failure> {
    let found = problems(&at_place(settings, details)?);
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

/// A package of an environment or of a lock.
struct One {
    name: String,
    /// `None` where only a build tells it.
    version: Option<String>,
    requested: bool,
    /// Where it came from if not from an index (PEP 610).
    direct_url: Option<Value>,
}

fn installed(settings: &Settings) -> Result<Vec<One>, Failure> {
    let one = |package: Package| One {
        name: package.name.to_string(),
        version: Some(package.version.to_string()),
        requested: package.requested,
        direct_url: package.direct_url,
    };
    let packages = at_place(settings, |place| packages(place, None))?;
    Ok(packages.into_iter().map(one).collect())
}

fn locked(lock: &LockArgs, settings: &Settings) -> Result<Vec<One>, Failure> {
    let one = |package: &LockedPackage| One {
        name: package.name.to_string(),
        version: version(package).map(ToString::to_string),
        requested: package.requested,
        direct_url: direct_url(package),
    };
    Ok(lock.open(settings)?.lock.packages.iter().map(one).collect())
}

/// A lock has no version of what changes without it: directories and repositories.
fn version(package: &LockedPackage) -> Option<&Version> {
    match package.tree.as_ref().map(|tree| &tree.tree) {
        Some(SourceTree::Directory(_) | SourceTree::Repository { .. }) => None,
        Some(SourceTree::Archive { .. }) | None => Some(&package.version),
    }
}

impl One {
    fn to_json(&self) -> Value {
        let mut object = json!({
            "name": self.name, "version": self.version, "requested": self.requested,
        });
        if let Some(direct_url) = &self.direct_url {
            object["direct_url"] = direct_url.clone();
        }
        object
    }

    /// As a requirements file names it: by version, or by where it came from.
    fn line(&self) -> String {
        let name = &self.name;
        match (&self.direct_url, &self.version) {
            (None, Some(version)) => format!("{name}=={version}\n"),
            (None, None) => format!("{name}\n"),
            (Some(direct), _) => {
                let place = place(direct);
                if direct["dir_info"]["editable"] != true {
                    return format!("{name} @ {place}\n");
                }
                let separator = if place.contains('#') { '&' } else { '#' };
                format!("-e {place}{separator}egg={name}\n")
            }
        }
    }
}

/// Where a package came from, as a requirement writes it.
fn place(direct: &Value) -> String {
    let mut url = direct["url"].as_str().unwrap_or_default().to_owned();
    if let Some(commit) = direct["vcs_info"]["commit_id"].as_str() {
        url = format!("git+{url}@{commit}");
    }
    if let Some(below) = direct["subdirectory"].as_str() {
        url = format!("{url}#subdirectory={below}");
    }
    url
}

/// A table as pip draws it, with the place of what came from no index.
fn columns(packages: &[One]) -> String {
    let rows = packages.iter().map(|one| {
        let version = one.version.clone().unwrap_or_else(|| "-".to_owned());
        [one.name.clone(), version, one.direct_url.as_ref().map(place).unwrap_or_default()]
    });
    let rows: Vec<[String; 3]> = rows.collect();
    let places = rows.iter().any(|[.., place]| !place.is_empty());
    table(&["Package", "Version", "Location"][..if places { 3 } else { 2 }], &rows)
}

/// Rows below their titles; cells beyond the titles are left out.
pub(crate) fn table<const N: usize>(titles: &[&str], rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([titles[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..titles.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    let mut text = line(&mut titles.iter().copied());
    text.push_str(&line(&mut rules.iter().map(String::as_str)));
    for row in rows {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}
