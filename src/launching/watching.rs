//! `up --watch`: repeats `up` when what it was made from changes. Owns which files those are and when a change counts
//! as over.
//!
//! The files are few and may be replaced rather than written, on any file system, so they are looked at in turn.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use super::{Stack, upping};
use crate::commands::up;
use crate::failure::Failure;
use crate::settings::Settings;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long nothing may change until a change counts as over.
const QUIET: Duration = Duration::from_millis(100);

/// Size and time of a file; `None` when there is none.
type Stamp = Option<(u64, SystemTime)>;

/// Repeats `up` until it is interrupted.
pub(crate) fn watch(args: &up::Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    loop {
        let files = files(args, settings);
        let before = stamps(&files);
        ui.note(format!("Watching {} (Ctrl-C ends it)", crate::ui::count(files.len(), "file")));
        while stamps(&files) == before {
            std::thread::sleep(LOOK);
        }
        let mut last = stamps(&files);
        loop {
            std::thread::sleep(QUIET);
            let now = stamps(&files);
            if now == last {
                break;
            }
            last = now;
        }
        // The configuration may be what changed.
        let again = Settings::new(settings.common.clone(), ui.json(), settings.environment.clone())
            .and_then(|settings| upping::up(args, &settings));
        if let Err(failure) = again {
            // What runs goes on running; the next change may mend it.
            if failure.code == 130 {
                return Err(failure);
            }
            failure.show(ui);
        }
    }
}

/// What a change of the project shows in: requirements with what they include, locks, compose files, `.env`.
fn files(args: &up::Args, settings: &Settings) -> Vec<PathBuf> {
    let project = &settings.project;
    let mut files =
        vec![project.directory.join(crate::config::FILE), project.directory.join(".env")];
    if let Ok(stack) = Stack::read(settings, &args.stack, &args.services) {
        files.extend(stack.project.files.clone());
        files.push(stack.project.directory.join(".env"));
        for env in stack.environments.keys() {
            files.extend(crate::resolving::input_files(settings, env));
        }
    }
    files.sort();
    files.dedup();
    files
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| {
        let facts = fs_err::metadata(file).ok()?;
        Some((facts.len(), facts.modified().ok()?))
    };
    files.iter().map(stamp).collect()
}
