//! `pyfast init`.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use pyfast_launcher::propose::{Proposal, propose};

use crate::args::ResultArgs;
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use crate::ui::{Ui, green};
use pyfast_settings::FILE;
use pyfast_stack::facts;
use pyfast_stack::init::{
    Moving, NotWritten, as_data, configured_beside, moving, proposed, ready, with_proposed,
    write_proposed,
};

/// Write a pyfast.toml that fits the project
///
/// Looks at requirements files, the compose file and Dockerfiles, and writes `pyfast.toml`, and `.dockerignore` where
/// images are built from directories that have none. Says what it decided and why. Never overwrites a file.
///
/// Says what Dockerfiles still install though it comes with the environment, and shows as a diff how they and the
/// requirements files would be without. Only `--write` changes them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  pyfast init\n  pyfast init --print\n  pyfast init --write\n  pyfast init --project backend --python 3.12"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) result: ResultArgs,
    /// Print what would be written to standard output, and write nothing
    #[arg(long)]
    print: bool,
    /// Change Dockerfiles and requirements files as shown
    #[arg(long, conflicts_with = "print")]
    write: bool,
}

pub(crate) fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    let file = settings.project.directory.join(FILE);
    let existing = existing(settings, &file).filter(|_| !args.print);
    let facts = facts(settings)?;
    let proposal = existing.is_none().then(|| propose(&facts)).transpose()?;
    let own = proposal.as_ref().map(|proposal| with_proposed(settings, proposal));
    let compose = facts.compose.as_ref();
    let moving = compose
        .map(|compose| moving(own.as_ref().unwrap_or(settings), compose))
        .unwrap_or_default();
    let nothing = moving.changes.is_empty() && moving.left().is_empty();
    if let Some(refusal) = existing.filter(|_| !args.write && nothing) {
        return Err(refusal);
    }
    tell(settings, proposal.as_ref(), &moving);
    let ready = if args.write { Some(ready(&moving.changes)?) } else { None };
    let mut written = Vec::new();
    if let Some(proposal) = proposal.as_ref().filter(|_| !args.print) {
        let files = write_proposed(proposal, &settings.project.directory);
        written.extend(files.map_err(|error| not_written(&error))?);
    }
    if let Some(ready) = ready {
        ready.put()?;
        written.extend(moving.changes.iter().map(|change| change.path().to_owned()));
    }
    match &proposal {
        _ if ui.json() => ui.data(format!("{}\n", as_data(proposal.as_ref(), &moving, &written))),
        Some(proposal) if args.print => ui.data(proposed(proposal)),
        _ => ui.data(moving.diff()),
    }
    for path in &written {
        ui.note(green("Wrote").and(format!(" {}", path.display())));
    }
    rest(args, ui, &moving);
    Ok(ExitCode::SUCCESS)
}

/// What can be done next about files that are there.
fn rest(args: &Args, ui: Ui, moving: &Moving) {
    let stays = !moving.left().is_empty();
    match moving.changes.is_empty() {
        true if stays => ui.note("Nothing is left to change; what stays is named above"),
        true if args.write => ui.note("No Dockerfile installs what its environment brings"),
        false if args.print => {
            let files = moving.changed().join(" and ");
            ui.note(format!("`pyfast init` shows how {files} would change too"));
        }
        false if !args.write => ui.note("`pyfast init --write` makes these changes"),
        _ => {}
    }
}

/// The words of what was decided.
fn tell(settings: &Settings, proposal: Option<&Proposal>, moving: &Moving) {
    let words = proposal.map(ToString::to_string).unwrap_or_default() + &moving.to_string();
    words.lines().for_each(|line| settings.ui.note(line));
    for note in proposal.iter().flat_map(|proposal| &proposal.notes).chain(&moving.left()) {
        settings.ui.warning(note);
    }
}

/// A project that has a configuration keeps it.
fn existing(settings: &Settings, file: &Path) -> Option<Failure> {
    if file.symlink_metadata().is_ok() {
        return Some(exists(file));
    }
    let shared = configured_beside(&settings.project.directory)?;
    let message = format!("`{}` configures pyfast already, in [tool.pyfast]", shared.display());
    Some(
        Failure::new("exists", message, Code::Usage)
            .hint("--print shows what a pyfast.toml would say; one would hide that table"),
    )
}

fn exists(file: &Path) -> Failure {
    let message = format!("`{}` exists already, and is not overwritten", file.display());
    Failure::new("exists", message, Code::Usage)
        .hint("--print shows what would be written; --project DIR names another directory")
}

fn not_written(error: &NotWritten) -> Failure {
    match error.source.kind() {
        ErrorKind::AlreadyExists => exists(&error.path),
        _ => Failure::new("io", error.to_string(), Code::Mendable),
    }
}
