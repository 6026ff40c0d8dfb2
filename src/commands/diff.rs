//! `pyfast diff`.

use std::path::Path;
use std::process::ExitCode;

use pyfast_environment::report::{Changes, Listed};
use pyfast_installer::generation::Rollback;
use pyfast_resolver::Lock;
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::syncing::at_place;
use pyfast_crew::interpreter::interpreter;

/// Show which packages differ between two environments or lock files
#[derive(Debug, clap::Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "Examples:\n  pyfast diff\n  pyfast diff 3f2a9c 81bd07\n  pyfast diff old/pylock.toml pylock.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// The beginning of an id of `pyfast history`, how many activations back, or a lock file
    #[arg(value_name = "A", default_value = "-1")]
    before: String,
    /// The same for what it is compared with [default: the current environment]
    #[arg(value_name = "B")]
    after: Option<String>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let before = packages(Some(&args.before), settings)?;
    let after = packages(args.after.as_deref(), settings)?;
    let Changes { added, removed, updated } = Changes::between(&before, &after);
    let ui = settings.ui;
    if ui.json() {
        ui.data(format!("{}\n", json!(Changes { added, removed, updated })));
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = Vec::new();
    lines.extend(added.iter().map(|one| (&one.name, format!("+ {}=={}\n", one.name, one.version))));
    lines.extend(
        removed.iter().map(|one| (&one.name, format!("- {}=={}\n", one.name, one.version))),
    );
    lines.extend(
        updated
            .iter()
            .map(|one| (&one.name, format!("~ {} {} → {}\n", one.name, one.from, one.to))),
    );
    lines.sort();
    ui.data(lines.into_iter().map(|(_, line)| line).collect::<String>());
    Ok(ExitCode::SUCCESS)
}

/// The packages of what was named, in the order of names; of the current environment for `None`.
fn packages(named: Option<&str>, settings: &Settings) -> Result<Vec<Listed>, Failure> {
    let mut packages = match named {
        Some(named) if is_file(named) => of_lock(Path::new(named), settings)?,
        _ => of_generation(named, settings)?,
    };
    packages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(packages)
}

/// Ids and numbers have neither dots nor slashes.
fn is_file(named: &str) -> bool {
    named.contains(['.', '/'])
}

fn of_lock(path: &Path, settings: &Settings) -> Result<Vec<Listed>, Failure> {
    let path = settings.project.working_directory.join(path);
    let text = fs_err::read_to_string(&path).map_err(|error| {
        Failure::new("lock", format!("cannot read a lock: {error}"), Code::Mendable)
    })?;
    let lock = Lock::from_toml(&text, &path, &interpreter(settings)?.target())?;
    Ok(lock.packages.iter().map(Listed::from).collect())
}

fn of_generation(named: Option<&str>, settings: &Settings) -> Result<Vec<Listed>, Failure> {
    let to = named.map(|named| {
        let back = named.strip_prefix('-').and_then(|count| count.parse().ok());
        back.map_or_else(|| Rollback::To(named.to_owned()), Rollback::Back)
    });
    let packages = at_place(settings, |place| pyfast_environment::ask::packages(place, to))?;
    Ok(packages.iter().map(Listed::from).collect())
}
