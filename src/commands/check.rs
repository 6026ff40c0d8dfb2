//! `pyfast check`.

use std::path::PathBuf;
use std::process::ExitCode;

use pyfast_stack::check::{Asked, check};

use crate::args::{ResultArgs, StackArgs};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::stack::check::{show, summary};

/// Find what would keep services from starting, before any of them starts
///
/// Reads what their commands import, as their containers would; runs nothing of it. Errors make it fail, warnings do with
/// --strict. A comment `# pyfast: ignore[RULE]` leaves its line out.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast check\n  pyfast check --service backend --strict\n  pyfast check src tests --github\n\n`pyfast list --check` looks at what packages need of each other."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// A service to check; give it again for further ones [default: all that start in environments]
    #[arg(long = "service", value_name = "SERVICE", conflicts_with = "paths")]
    services: Vec<String>,
    /// Fail on warnings, too
    #[arg(long)]
    strict: bool,
    /// Print annotations as workflows of GitHub read them
    #[arg(long, conflicts_with = "json")]
    github: bool,
    /// Files and directories that are checked as they are imported, whatever services reach
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    let asked = Asked { paths: args.paths.clone(), services: args.services.clone() };
    let events = Progress::new(ui).events();
    let checked = check(settings, &args.stack.flags(), &asked, &events)?;
    if ui.json() {
        ui.data(format!("{}\n", checked.to_json()));
    } else if args.github {
        ui.data(checked.annotations());
    } else {
        show(&checked, ui);
    }
    ui.note(summary(&checked));
    let failed = checked.errors() + if args.strict { checked.warnings() } else { 0 };
    Ok(ExitCode::from(u8::from(failed > 0)))
}
