//! `pyfast doctor`.

use std::process::ExitCode;

use crate::args::StackArgs;
use crate::args::{CommonArgs, ResultArgs};
use crate::doctor::{code, summary, to_text, with_settings, without_configuration};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::ui::Ui;
use pyfast_crew::examined::Report;
use pyfast_settings::Variables;
use pyfast_stack::assume;

/// Check engine, Compose, interpreter, index and file system, and say what to do about each
///
/// Changes nothing: what a check tries out, it removes again. Exits with 3 when the container engine is needed and
/// cannot be reached, with 1 when something else is wrong, and with 0 when there are warnings only.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast doctor\n  pyfast doctor --json\n  pyfast doctor --offline"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    pub(crate) stack: StackArgs,
}

/// Examines a project whose configuration may be unreadable.
pub(crate) fn run(
    args: &Args,
    common: &CommonArgs,
    variables: &Variables,
) -> Result<ExitCode, Failure> {
    let ui = Ui::new(common, args.result.json, variables);
    let given = common.project.clone();
    match Settings::new(common, args.result.json, variables.clone()) {
        Ok(settings) => Ok(examine(args, &settings.with_named_image())),
        // What was typed is wrong, and not what lies there.
        Err(failure) if given.is_some_and(|directory| !directory.is_dir()) => Err(failure),
        Err(failure) => Ok(show(ui, &without_configuration(&failure, variables))),
    }
}

/// Examines a project.
pub(crate) fn examine(args: &Args, settings: &Settings) -> ExitCode {
    // What `up` takes where nobody has configured the project; what keeps it from that is found below.
    let assumed = assume(settings, &args.stack.flags()).ok().flatten();
    let assumed = assumed.map(|assumed| settings.meaning(assumed.settings));
    show(settings.ui, &with_settings(assumed.as_ref().unwrap_or(settings), &args.stack))
}

fn show(ui: Ui, report: &Report) -> ExitCode {
    if ui.json() {
        ui.data(format!("{}\n", report.to_json()));
    } else {
        ui.data(to_text(report));
        ui.note(summary(report));
    }
    ExitCode::from(code(report))
}
