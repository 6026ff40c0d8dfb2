//! `pyfast logs`.

use std::process::ExitCode;

use pyfast_launcher::containers::{Following, follow_logs};
use pyfast_launcher::engine::LogLine;
use pyfast_stack::Stack;

use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::stack::open;
use crate::ui::{Ui, paint};

/// Show what the project's containers print, merged and by service
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("files", |file| file.short(None)),
    after_help = "Examples:\n  pyfast logs\n  pyfast logs -f -n 20 backend"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    /// Go on with what comes later, over restarts, until nothing runs any more
    #[arg(short, long)]
    follow: bool,
    /// Only so many of the last lines of each container
    #[arg(short = 'n', long, value_name = "N")]
    tail: Option<usize>,
    /// Show when each line was written
    #[arg(short, long)]
    timestamps: bool,
    /// Services [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
}

/// Colours of services, in turn.
const COLORS: [&str; 6] = ["36", "33", "32", "35", "34", "96"];

/// How lines are shown.
struct Shown<'a> {
    ui: Ui,
    /// The services, each with its colour.
    services: &'a [String],
    width: usize,
    timestamps: bool,
}

impl Shown<'_> {
    fn line(&self, service: &str, line: &LogLine) {
        let at = self.services.iter().position(|one| one == service).unwrap_or_default();
        let width = self.width;
        let prefix = paint(COLORS[at % COLORS.len()], format!("{service:width$} |"));
        let time = line.time.as_deref().filter(|_| self.timestamps);
        let time = time.map(|time| format!("{time} ")).unwrap_or_default();
        // As in Compose: a program's own colours and bars are part of what it says.
        self.ui.raw_line(&prefix.and(format!(" {time}")), &line.text);
    }
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let stack = open(settings, &args.stack, &args.services)?;
    let services: Vec<String> = stack.chosen(&args.services)?.into_iter().collect();
    let width = services.iter().map(String::len).max().unwrap_or_default();
    let shown = Shown { ui: settings.ui, services: &services, width, timestamps: args.timestamps };
    if args.follow {
        let project = &stack.description().project.name;
        let following = Following { project, services: &services, tail: args.tail };
        let mut show = |service: &str, line: &LogLine| shown.line(service, line);
        let connection = stack.connection();
        let engine = &connection.engine;
        match connection.wait(follow_logs(engine, &following, &mut show)) {
            // The usual end of it, and nothing that went wrong.
            Err(pyfast_crew::Error::Interrupted) => return Ok(ExitCode::from(130)),
            outcome => outcome?,
        }
    } else {
        print(&stack, &shown, args.tail)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows what is there, by the time at which it was written.
fn print(stack: &Stack<'_>, shown: &Shown<'_>, tail: Option<usize>) -> Result<(), Failure> {
    let lines = stack.logs(shown.services, tail)?;
    for (service, line) in &lines {
        shown.line(service, line);
    }
    Ok(())
}
