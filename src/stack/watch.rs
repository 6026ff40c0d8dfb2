//! `up --watch`: does `up`, and again whenever what it was made from changes.

use std::process::ExitCode;

use pyfast_crew::interrupt;
use pyfast_stack::watched;

use super::up::{UpRequest, up};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::ui::count;

/// Repeats `up` until it is interrupted.
pub(crate) fn watch(mut request: UpRequest, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    interrupt::catch();
    let mut last = None;
    loop {
        // The configuration may be what changed.
        let again = settings.again();
        // Before `up`, so that an edit during it is not lost.
        let read = again.as_ref().unwrap_or(settings);
        let mut before = watched(read, &request.flags, &request.options.services);
        let others = last.as_ref().map(|last| before.missing_of(last)).unwrap_or_default();
        if let Err(failure) = again.and_then(|settings| up(&request, &settings)) {
            // What runs goes on running; the next change may mend it.
            if failure.code == 130 {
                return Err(failure);
            }
            failure.show(ui);
            // What was read while all was well may be what is to be mended.
            before.join(others);
        }
        // Cleaning and building anew were meant once.
        (request.clean, request.options.rebuild) = (None, false);
        let before = before.after_sync();
        ui.note(format!("Watching {} (Ctrl-C ends it)", count(before.count(), "file")));
        before.await_change()?;
        last = Some(before);
    }
}
