//! A sync as the user sees it: what goes on meanwhile, and the result in words and as JSON. Owns no part of the
//! syncing itself.

use pyfast_crew::inputs::Inputs;
use pyfast_crew::task::{Options, Report, Task};
use pyfast_environment::place::Place;
use pyfast_environment::report::Changes;
use pyfast_settings::ResolveFlags;

use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::ui::{Line, Ui, count, duration, green, paint, red};

/// One change of an environment, behind its mark.
fn change(mark: Line, what: &str) -> Line {
    Line::from(" ").and(mark).and(format!(" {what}"))
}

/// Makes the environment what the requirements say, and shows what goes on.
pub(crate) fn sync(options: &Options, settings: &Settings) -> Result<Report, Failure> {
    let progress = Progress::new(settings.ui);
    let events = progress.events();
    let outcome = pyfast_crew::sync::sync(Task { options, settings, events: &events });
    progress.done();
    Ok(outcome?)
}

/// Does something where the environment is.
pub(crate) fn at_place<T>(
    settings: &Settings,
    act: impl FnOnce(&dyn Place) -> Result<T, pyfast_environment::Error>,
) -> Result<T, Failure> {
    let events = Progress::new(settings.ui).events();
    pyfast_crew::volume_place::at_place(settings, &events, act).map_err(|error| {
        let failure = Failure::from(error);
        let known = &settings.project.config.env;
        if failure.kind != "no-environment" || known.is_empty() || known.contains_key(&settings.env)
        {
            return failure;
        }
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        failure.hint(format!("the project has {}: name one with --env", names.join(", ")))
    })
}

/// Reads requirements and constraints, and says what the user should know of them.
pub(crate) fn read_inputs(args: &ResolveFlags, settings: &Settings) -> Result<Inputs, Failure> {
    let events = Progress::new(settings.ui).events();
    let inputs = pyfast_crew::inputs::read_inputs(args, settings, &events)?;
    for warning in &inputs.set.warnings {
        settings.ui.warning(warning);
    }
    Ok(inputs)
}

/// Shows the result: one JSON object, or some lines.
pub(crate) fn show(report: &Report, ui: Ui) {
    if ui.json() {
        ui.data(format!("{}\n", report.to_json()));
    }
    let packages = count(report.sync.facts.packages.len(), "package");
    let total = duration(report.sync.timings.total);
    if let Some(plan) = &report.plan {
        if !ui.json() {
            ui.data(plan);
        }
        ui.note(format!("Nothing was changed ({packages} resolved in {total})"));
        return;
    }
    show_changes(report, ui);
    if report.sync.changed {
        ui.note(green("Synced").and(format!(" {packages} in {total}")));
    } else if report.sync.fetched > 0 {
        let wheels = count(report.sync.fetched, "wheel");
        ui.note(green("Restored").and(format!(" {wheels}: {packages} are whole again ({total})")));
    } else {
        ui.note(green("Up to date:").and(format!(" {packages}, nothing to do ({total})")));
    }
}

/// Shows what was added, removed and updated.
pub(crate) fn show_changes(report: &Report, ui: Ui) {
    if report.sync.fetched > 0 {
        ui.note(format!(
            "Fetched {} in {}",
            count(report.sync.fetched, "wheel"),
            duration(report.sync.timings.fetch + report.sync.timings.resolve)
        ));
    }
    show_difference(&report.sync.changes, ui);
}

/// Shows what one environment or lock has that another has not.
pub(crate) fn show_difference(changes: &Changes, ui: Ui) {
    let Changes { added, removed, updated } = changes;
    for package in removed {
        ui.note(change(red("-"), &format!("{}=={}", package.name, package.version)));
    }
    for package in added {
        ui.note(change(green("+"), &format!("{}=={}", package.name, package.version)));
    }
    for package in updated {
        let versions = format!("{} {} → {}", package.name, package.from, package.to);
        ui.note(change(paint("33", "~"), &versions));
    }
}
