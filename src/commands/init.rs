//! `pyfast init`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use pyfast_launcher::propose::{Proposal, propose};
use serde_json::json;

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::ui::green;
use pyfast_settings::FILE;
use pyfast_stack::{configured_beside, facts, proposed, write_new};

/// Write a pyfast.toml that fits the project
///
/// Looks at requirements files, the compose file and Dockerfiles, and writes `pyfast.toml`, and `.dockerignore` where
/// images are built from directories that have none. Says what it decided and why. Never overwrites a file.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast init\n  pyfast init --print\n  pyfast init --project backend --python 3.12"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// Print what would be written to standard output, and write nothing
    #[arg(long)]
    print: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    let file = settings.project.directory.join(FILE);
    if !args.print {
        refuse_existing(settings, &file)?;
    }
    let proposal = propose(&facts(settings)?)?;
    let text = proposed(&proposal);
    for line in proposal.to_string().lines() {
        ui.note(line);
    }
    for note in &proposal.notes {
        ui.warning(note);
    }
    let mut written = Vec::new();
    if !args.print {
        for ignore in &proposal.ignores {
            let path = settings.project.directory.join(&ignore.path);
            write(&path, &ignore.text)?;
            written.push(path);
        }
        write(&file, &text)?;
        written.push(file);
    }
    if ui.json() {
        ui.data(format!("{}\n", json(&proposal, &text, &written)));
    } else if args.print {
        ui.data(&text);
    }
    for path in &written {
        ui.note(green("Wrote").and(format!(" {}", path.display())));
    }
    Ok(ExitCode::SUCCESS)
}

/// A project that has a configuration keeps it.
fn refuse_existing(settings: &Settings, file: &Path) -> Result<(), Failure> {
    if file.symlink_metadata().is_ok() {
        return Err(exists(file));
    }
    if let Some(shared) = configured_beside(&settings.project.directory) {
        let message = format!("`{}` configures pyfast already, in [tool.pyfast]", shared.display());
        return Err(Failure::new("exists", message, Code::Usage)
            .hint("--print shows what a pyfast.toml would say; one would hide that table"));
    }
    Ok(())
}

fn exists(file: &Path) -> Failure {
    let message = format!("`{}` exists already, and is not overwritten", file.display());
    Failure::new("exists", message, Code::Usage)
        .hint("--print shows what would be written; --project DIR names another directory")
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    write_new(path, text).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            return exists(path);
        }
        let message = format!("cannot write `{}`: {error}", path.display());
        Failure::new("io", message, Code::Mendable)
    })
}

fn json(proposal: &Proposal, text: &str, written: &[PathBuf]) -> serde_json::Value {
    let environments = proposal.environments.iter().map(|environment| {
        json!({
            "name": environment.name, "requirements": environment.requirements,
            "constraints": environment.constraints, "image": environment.image,
            "python": environment.python, "services": environment.services,
            "reasons": environment.reasons,
        })
    });
    let ignores = proposal
        .ignores
        .iter()
        .map(|ignore| json!({ "path": ignore.path, "text": ignore.text, "needed": ignore.needed }));
    json!({
        "written": written,
        "project": { "name": proposal.name, "root": proposal.root },
        "environments": environments.collect::<Vec<_>>(),
        "without_environment": proposal.left,
        "text": text,
        "dockerignore": ignores.collect::<Vec<_>>(),
        "notes": proposal.notes,
    })
}
