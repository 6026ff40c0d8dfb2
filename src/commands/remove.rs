//! `pyfast remove`.

use std::process::ExitCode;

use pyfast_crew::edit::{self, Change, Reach};
use pyfast_crew::task::{Options, Task};
use pyfast_packaging::PackageName;
use pyfast_root::Cause;

use crate::args::{EditArgs, ResultArgs, short_find_links};
use crate::commands::add::{in_script, show};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remembered::Remembered;
use crate::settings::Settings;

/// Remove packages from the requirements files or `pyproject.toml`, and from the environment
///
/// Without a file named, every file is looked at that the environment is made of. What another package
/// needs stays installed. Where resolving or installing fails, the files are as they were.
#[derive(Debug, clap::Args)]
#[command(
    arg = short_find_links(),
    after_help = "Examples:\n  pyfast remove flask\n  pyfast remove --dev pytest\n  pyfast remove -r requirements-dev.txt ruff"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// What to remove
    #[arg(required = true, value_name = "NAME")]
    names: Vec<PackageName>,
    #[command(flatten)]
    edit: EditArgs,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let remembered = Remembered::load(settings);
    if let Some(script) = args.edit.script().and_then(|script| remembered.alone(script, settings)) {
        return in_script(Change::Remove(&args.names), script, args.edit.reach(), settings);
    }
    let (asked, settings) = remembered.repeated(settings);
    let progress = Progress::new(settings.ui);
    let events = progress.events();
    let options = Options { cause: Cause::Remove, ..asked.options() };
    let task = Task { options: &options, settings: &settings, events: &events };
    let (file, group) = (args.edit.file.clone(), args.edit.group());
    let place = edit::named_place(file, group, &options.resolve, &settings)?;
    let done = edit::remove(&args.names, place.as_ref(), args.edit.reach(), task);
    progress.done();
    let done = done?;
    if args.edit.reach() == Reach::Environment {
        remembered.keep(&asked, &settings);
    }
    show(&done, &settings);
    Ok(ExitCode::SUCCESS)
}
