//! `pyfast verify`.

use std::process::ExitCode;

use pyfast_installer::{Store, Subject, current, repair, verify_generation, verify_store};

use pyfast_root::Waiting;

use crate::args::ResultArgs;
use crate::commands::history::open;
use crate::commands::list::no_environment;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::ui::count;

/// Find altered, missing and extra files of the environment
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  pyfast verify\n  pyfast verify --all --repair")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// Look at every wheel of the store, not only at those of the environment
    #[arg(long)]
    all: bool,
    /// Mark damaged wheels, so that the next sync puts others in their place
    #[arg(long)]
    repair: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let (root, name) = open(settings)?;
    let ui = settings.ui;
    // Only who mends writes, and keeps collections out.
    let wait = |waiting: &Waiting| ui.note(format!("waiting for {waiting}"));
    let store = args.repair.then(|| Store::open(&root, &wait)).transpose()?;
    let findings = if args.all {
        verify_store(&root)?
    } else {
        let generation = current(&root, &name)?.ok_or_else(|| no_environment(settings))?;
        verify_generation(&root, &generation)?
    };
    if ui.json() {
        let findings: serde_json::Value = findings
            .iter()
            .map(|finding| {
                let (package, environment) = match &finding.subject {
                    Subject::Wheel { package, .. } => (package.as_ref(), None),
                    Subject::Environment { id } => (None, Some(id)),
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
    if let Some(store) = store {
        let marked = repair(&store, &findings)?;
        // The next sync of any project must look for itself.
        crate::state::forget_all(&root)?;
        ui.note(format!(
            "Marked {}; run `pyfast sync` to have them replaced",
            count(marked.len(), "damaged wheel")
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let shown: Vec<String> = findings.iter().take(3).map(ToString::to_string).collect();
    let more = if findings.len() > 3 { "; …" } else { "" };
    let message = format!(
        "not everything is as it was installed; in {}: {}{more}",
        count(findings.len(), "place"),
        shown.join("; ")
    );
    Err(Failure::new("damaged", message, Code::Mendable)
        .hint("`pyfast verify --repair` and then `pyfast sync` replace what is damaged"))
}
