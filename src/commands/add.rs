//! `pyfast add`.

use std::path::Path;
use std::process::ExitCode;

use pyfast_crew::edit::{self, Change, Done, Reach, Reading};
use pyfast_crew::task::{Options, Task};
use pyfast_packaging::edit::{Outcome, Wanted};
use pyfast_root::Cause;

use crate::args::{EditArgs, ResultArgs, short_find_links};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remembered::Remembered;
use crate::settings::Settings;
use crate::syncing;
use crate::ui::{green, paint};

/// Add packages to the requirements file or `pyproject.toml`, and to the environment
///
/// Comments, order and style of the file stay. A name without a version gets the chosen version as its
/// lower bound, or as the file's other lines limit theirs. Where resolving or installing fails, the file is as it was.
#[derive(Debug, clap::Args)]
#[command(
    arg = short_find_links(),
    after_help = "Examples:\n  pyfast add flask\n  pyfast add 'rich>=13' 'uvicorn[standard]'\n  \
                  pyfast add --dev pytest\n  pyfast add -r requirements-dev.txt ruff\n  \
                  pyfast add --script tool.py httpx"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// What to add, as a line of a requirements file has it
    #[arg(required = true, value_name = "REQUIREMENT")]
    wanted: Vec<String>,
    #[command(flatten)]
    edit: EditArgs,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let working = &settings.project.working_directory;
    let wanted = args.wanted.iter().map(|text| Wanted::new(text, working));
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    let remembered = Remembered::load(settings);
    if let Some(script) = args.edit.script().and_then(|script| remembered.alone(script, settings)) {
        return in_script(Change::Add(wanted), script, args.edit.reach(), settings);
    }
    let (kept, settings) = remembered.repeated(settings);
    let mut asked = kept.clone();
    let progress = Progress::new(settings.ui);
    let events = progress.events();
    let options = asked.options();
    let place =
        edit::place(args.edit.file.clone(), args.edit.group(), &options.resolve, &settings)?;
    let task = Task { options: &options, settings: &settings, events: &events };
    if let Some(Reading { files, groups }) = edit::reading(&place, &options.resolve, task)? {
        (asked.resolve.requirements, asked.resolve.group) = (files, groups);
    }
    let options = Options { cause: Cause::Add, ..asked.options() };
    let task = Task { options: &options, settings: &settings, events: &events };
    let done = edit::add(wanted, &place, args.edit.reach(), task);
    progress.done();
    let done = done?;
    if args.edit.reach() == Reach::Environment {
        remembered.keep(if place.is_new { &kept } else { &asked }, &settings);
    }
    show(&done, &settings);
    Ok(ExitCode::SUCCESS)
}

/// Edits the header of a script.
pub(crate) fn in_script(
    change: Change<'_>,
    script: &Path,
    reach: Reach,
    settings: &Settings,
) -> Result<ExitCode, Failure> {
    let progress = Progress::new(settings.ui);
    let done = edit::in_script(change, script, reach, settings, &progress.events());
    progress.done();
    show(&done?, settings);
    Ok(ExitCode::SUCCESS)
}

/// Shows what became of the files, and of the environment.
pub(crate) fn show(done: &Done, settings: &Settings) {
    let ui = settings.ui;
    let [added, changed, removed] = match done.reach {
        Reach::Tried => ["Would add", "Would change", "Would remove"],
        Reach::File | Reach::Environment => ["Added", "Changed", "Removed"],
    };
    for (file, outcome) in &done.added {
        let file = file.display();
        ui.note(match outcome {
            Outcome::Added { text } => green(added).and(format!(" {text} to {file}")),
            Outcome::Changed { before, text } => {
                paint("33", changed).and(format!(" {before} → {text} in {file}"))
            }
            Outcome::There { text } => format!("{file} asks for {text} already").into(),
        });
    }
    for (file, text) in &done.removed {
        ui.note(paint("31", removed).and(format!(" {text} from {}", file.display())));
    }
    for (name, by) in &done.needed {
        let by: Vec<String> = by.iter().map(ToString::to_string).collect();
        ui.note(format!("{name} stays installed: {} needs it", by.join(", ")));
    }
    if done.is_behind {
        ui.note("Its own environment follows when it is run again");
    }
    if ui.json() {
        let mut report = done.report.to_json();
        report["edits"] = done.edits();
        return ui.data(format!("{report}\n"));
    }
    match done.reach {
        Reach::File => {}
        Reach::Tried | Reach::Environment => syncing::show(&done.report, ui),
    }
}
