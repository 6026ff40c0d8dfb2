//! `up --watch`: does `up`, and again whenever what it was made from changes. Owns which files those are and when a change counts
//! as over.
//!
//! The files are few and may be replaced rather than written, on any file system, so they are looked at in turn.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use pyfast_root::Stamp;

use super::defaults::assume;
use super::{Stack, UpOptions, up};
use crate::failure::{Code, Failure};
use crate::settings::Settings;
use pyfast_crew::interrupt::{self, Interrupts};
use pyfast_settings::own_lock::is_lock;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// How long nothing may change until a change counts as over.
const QUIET: Duration = Duration::from_millis(100);

/// What a file looks like; `None` when there is none.
type Seen = Option<Stamp>;

/// Repeats `up` until it is interrupted.
pub(crate) fn watch(mut options: UpOptions, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    interrupt::catch();
    loop {
        // The configuration may be what changed.
        let again = settings.again();
        let files = files(&options, again.as_ref().unwrap_or(settings));
        // Before `up`, so that an edit during it is not lost.
        let mut before = stamps(&files);
        if let Err(failure) = again.and_then(|settings| up::up(&options, &settings)) {
            // What runs goes on running; the next change may mend it.
            if failure.code == 130 {
                return Err(failure);
            }
            failure.show(ui);
        }
        // Cleaning and building anew were meant once.
        (options.clean, options.rebuild) = (None, false);
        for (file, stamp) in files.iter().zip(&mut before) {
            // A sync writes the lock.
            if is_lock(file) {
                *stamp = self::stamp(file);
            }
        }
        ui.note(format!("Watching {} (Ctrl-C ends it)", crate::ui::count(files.len(), "file")));
        await_change(&files, &before)?;
    }
}

/// Returns when files have changed and then been quiet for a while.
fn await_change(files: &[PathBuf], before: &[Seen]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new("system", format!("cannot start a runtime: {error}"), Code::Mendable)
    })?;
    let changed = async {
        while stamps(files) == before {
            tokio::time::sleep(LOOK).await;
        }
        let mut last = stamps(files);
        loop {
            tokio::time::sleep(QUIET).await;
            let now = stamps(files);
            if now == last {
                break;
            }
            last = now;
        }
    };
    let mut interrupts = Interrupts::take();
    runtime.block_on(async {
        tokio::select! {
            () = changed => Ok(()),
            () = interrupts.next() => Err(Failure::interrupted()),
        }
    })
}

/// What a change of the project shows in: requirements with what they include, locks, compose files, `.env`.
fn files(options: &UpOptions, settings: &Settings) -> Vec<PathBuf> {
    let assumed = assume(settings, &options.stack).ok().flatten();
    let settings = assumed.as_ref().map_or(settings, |assumed| &assumed.settings);
    let project = &settings.project;
    let mut files =
        vec![project.directory.join(pyfast_settings::FILE), project.directory.join(".env")];
    if let Ok(stack) = Stack::read(settings, &options.stack, &options.services) {
        files.extend(stack.project.files.clone());
        files.push(stack.project.directory.join(".env"));
        for env in stack.environments.keys() {
            files.extend(pyfast_crew::inputs::input_files(settings, env));
        }
    }
    files.sort();
    files.dedup();
    files
}

fn stamps(files: &[PathBuf]) -> Vec<Seen> {
    files.iter().map(|file| stamp(file)).collect()
}

fn stamp(file: &Path) -> Seen {
    fs_err::metadata(file).ok().map(|facts| Stamp::of(&facts))
}
