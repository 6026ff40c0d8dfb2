//! `pyfast verify`.

use std::process::ExitCode;

use pyfast_environment::ask::verify;
use pyfast_environment::question::{Verified, Verify};
use pyfast_installer::finding::{Finding, Subject};

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::syncing::at_place;
use crate::ui::count;

/// Find altered, missing and extra files of the environment
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast verify\n  pyfast verify --all --repair")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// Look at everything in the root, not only at the environment and its wheels
    #[arg(long)]
    all: bool,
    /// Mark damaged wheels and Pythons, so that the next sync puts others in their place
    #[arg(long)]
    repair: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    let how = Verify { all: args.all, repair: args.repair };
    let Verified { findings, marked, concerned } = at_place(settings, |place| verify(place, how))?;
    if ui.json() {
        let findings: serde_json::Value = findings
            .iter()
            .map(|finding| {
                let (package, environment) = match &finding.subject {
                    Subject::Wheel { package, .. } => (package.as_ref(), None),
                    Subject::Environment { id } | Subject::Python { id } => (None, Some(id)),
                };
                serde_json::json!({
                    "package": package,
                    "environment": environment,
                    "path": finding.path,
                    "fault": finding.fault.word(),
                    "wheel": finding.wheel(),
                })
            })
            .collect();
        ui.data(format!("{findings}\n"));
    } else {
        ui.data(findings.iter().map(|finding| format!("{finding}\n")).collect::<String>());
    }
    if findings.is_empty() {
        ui.note("Everything is as it was installed");
        return Ok(ExitCode::SUCCESS);
    }
    let concerned = match &concerned[..] {
        [] => String::new(),
        names => format!(" (concerned: {})", names.join(", ")),
    };
    if let Some(marked) = marked {
        let python = |finding: &Finding| matches!(finding.subject, Subject::Python { .. });
        let what = if findings.iter().any(python) { "damaged part" } else { "damaged wheel" };
        ui.note(format!(
            "Marked {}{concerned}; `pyfast sync` replaces them and composes environments anew",
            count(marked, what)
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Vec<String> = findings.iter().take(3).map(ToString::to_string).collect();
    let more = if findings.len() > 3 { "; …" } else { "" };
    let message = format!(
        "not everything is as it was installed; in {}{concerned}: {}{more}",
        count(findings.len(), "place"),
        shown.join("; ")
    );
    Err(Failure::new("damaged", message, Code::Mendable)
        .hint("`pyfast verify --repair` and then `pyfast sync` replace what is damaged"))
}
