//! `up --watch`: does `up`, and again whenever what it was made from changes; does by the rules of compose files what
//! they say.

use std::process::ExitCode;
use std::time::Instant;

use pyfast_crew::interrupt;
use pyfast_stack::{Stack, Watched, assume, watched};

use super::events::Shown;
use super::start::Started;
use super::up::{UpRequest, up};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::ui::count;

/// Repeats `up` until it is interrupted.
pub(crate) fn watch(mut request: UpRequest, settings: &Settings) -> Result<ExitCode, Failure> {
    let ui = settings.ui;
    interrupt::catch();
    let (mut last, mut rules) = (None::<Watched>, None);
    loop {
        // The configuration may be what changed.
        let (again, broken) = match settings.again() {
            Ok(again) => (Some(again), None),
            Err(failure) => (None, Some(failure)),
        };
        // Before `up`, so that an edit during it is not lost.
        let read = again.as_ref().unwrap_or(settings);
        let mut before = watched(read, &request.flags, &request.options.services);
        let others = last.as_ref().map(|last| before.missing_of(last)).unwrap_or_default();
        before.resume(last.as_ref(), &mut request.options.following);
        let done = broken.map_or_else(|| up(&request, read).map(drop), Err);
        let failed = !survives(done, settings)?;
        // Cleaning and building anew were meant once.
        (request.clean, request.options.rebuild) = (None, false);
        request.options.build.clear();
        if rules.as_ref() != Some(before.rules()) {
            for rule in &before.rules().held {
                ui.note(rule.to_string());
            }
            for why in &before.rules().unfit {
                ui.warning(why);
            }
            rules = Some(before.rules().clone());
        }
        if failed {
            // What was read while all was well may be what is to be mended.
            before.join(others);
        } else {
            survives(follow(&mut request, read, last.as_ref(), &mut before), settings)?;
        }
        let mut seen = before.after_sync();
        loop {
            ui.note(format!("Watching {} (Ctrl-C ends it)", count(seen.count(), "file")));
            let mut now = seen.await_change()?;
            request.options.build = now.builds();
            if !request.options.build.is_empty() {
                break;
            }
            survives(follow(&mut request, read, Some(&seen), &mut now), settings)?;
            let more = seen.is_more(&now);
            seen = now;
            if more {
                break;
            }
        }
        last = Some(seen);
    }
}

/// Shows a failure after which watching goes on: what runs goes on running, and the next change may mend it. Says
/// whether there was none.
fn survives(outcome: Result<(), Failure>, settings: &Settings) -> Result<bool, Failure> {
    match outcome {
        Ok(()) => Ok(true),
        Err(failure) if failure.code == 130 => Err(failure),
        Err(failure) => {
            failure.show(settings.ui);
            Ok(false)
        }
    }
}

/// Does what rules say of changes.
fn follow(
    request: &mut UpRequest,
    settings: &Settings,
    before: Option<&Watched>,
    now: &mut Watched,
) -> Result<(), Failure> {
    if now.rules().held.is_empty() {
        return Ok(());
    }
    let (begun, shown) = (Instant::now(), Shown::new(settings.ui));
    let assumed = assume(settings, &request.flags)?;
    let read = assumed.as_ref().map_or(&**settings, |assumed| &assumed.settings);
    let mut stack = Stack::open(read, &request.flags, &request.options.services, &shown.events())?;
    let Some(upped) = stack.follow(before, now, &mut request.options)? else { return Ok(()) };
    Started { stack: &stack, upped, total: begun.elapsed() }.show(settings.ui).map(drop)
}
