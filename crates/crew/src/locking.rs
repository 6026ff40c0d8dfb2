//! A lock for its own sake, without an environment: for the interpreter, or for platforms and Pythons that are named. Owns
//! which targets are meant, where the lock goes, and whether it has to be made at all; must not know its form in a file.

mod targets;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::report::Changes;
use pyfast_resolver::native::{NativeLock, Said, written};
use pyfast_resolver::{BuildSource, Lock, Locked, Standing, Targets};
use pyfast_settings::own_lock::FILE;
use pyfast_settings::{ResolveFlags, Settings};
use tokio::runtime::Runtime;

use crate::asking::{Remembering, asked_python};
use crate::building::{BUILDS, BuildPlace};
use crate::error::Error;
use crate::event::{Event, Events};
use crate::inputs::{Inputs, read_inputs};
use crate::lock_file::known;
use crate::managed;
use crate::relocking::{changes, check_upgrades};
use crate::session::{Session, lock_request, own_lock};
use crate::task::{Options, Task};

use targets::Base;
pub use targets::TargetFlags;

/// Where a lock goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// To no file.
    Text,
    /// To this file, absolute.
    File(PathBuf),
    /// Where the environment's own is.
    Own,
}

/// A lock that is wanted.
#[derive(Debug)]
pub struct Wish<'a> {
    /// What shapes the resolution.
    pub resolve: &'a ResolveFlags,
    /// What it is for.
    pub target: &'a TargetFlags,
    /// Where it goes.
    pub goal: Goal,
    /// Whether one that answers the requirements is left as it is.
    pub may_stand: bool,
}

/// A lock that was made, and what was there before.
#[derive(Debug)]
pub struct Made {
    /// The lock; `None` where the one that is there stands.
    pub lock: Option<Lock>,
    /// The file that it belongs in.
    pub path: Option<PathBuf>,
    /// What it says of a Python out of channels.
    pub native: Option<NativeLock>,
    /// Whether there was one.
    pub was_there: bool,
    /// What it has that the one before has not.
    pub changes: Changes,
    /// What ends with it.
    pub ending: Ending,
}

impl Made {
    /// The text of the lock with all that it says, of one in `directory`; requirements say nothing else.
    pub fn complete(&self, text: String, directory: &Path) -> String {
        match &self.native {
            Some(native) => written(native, &text, &directory.join(FILE)),
            None => text,
        }
    }
}

/// The threads that a lock was made with. They put aside what was fetched while its maker goes on, and end with it: nobody
/// waits for more.
#[derive(Debug)]
pub struct Ending(Option<Runtime>);

impl Drop for Ending {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Makes a lock, and writes nothing.
///
/// # Errors
/// What keeps it from being made.
pub fn make(wish: &Wish<'_>, settings: &Settings, events: &Events) -> Result<Made, Error> {
    let Wish { resolve, target, .. } = wish;
    let inputs = read_inputs(resolve, settings, events)?;
    for warning in &inputs.set.warnings {
        events(Event::Warning(warning.clone()));
    }
    let native = native(wish, settings, events, before(wish, &inputs, settings).as_ref())?;
    let base = target.base(settings, native.as_ref())?;
    let path = path(wish, &inputs, settings, &base);
    let several = target.choice(settings, path.as_deref());
    let several = several.several(&inputs.set, base.target.as_ref())?;
    let targets = match several {
        Some(several) => several,
        None => Targets::One(target.one_from(&base)?),
    };
    let old = path.as_deref().and_then(|path| Some((path, known(path)?)));
    let kept = old.as_ref().map(|(path, text)| Lock::kept(text, path)).unwrap_or_default();
    if let Some((path, _)) = &old {
        check_upgrades(resolve, &kept, path)?;
    }
    let was_there = old.is_some();
    let request = lock_request(&inputs.set, resolve, targets, kept.clone())?;
    let whole = old.as_ref().and_then(|(path, text)| Lock::whole(text, path).ok());
    let says = |native: &NativeLock| {
        old.as_ref().is_some_and(|(path, text)| written(native, text, path) == *text)
    };
    let is_current = whole.is_some_and(|lock| request.standing(&lock) == Standing::Current);
    if wish.may_stand && is_current && native.as_ref().is_none_or(says) {
        let (changes, ending) = (Changes::default(), Ending(None));
        return Ok(Made { lock: None, path, native, was_there, changes, ending });
    }
    let (cache, host) = (settings.cache_directory()?, base.host.as_deref());
    let mut session = Session::new(settings, request.set, host, cache.clone(), events)?;
    let python = asked_python(&request.targets, base.interpreter.as_ref(), settings);
    if let Some(interpreter) = &python {
        let root = cache.join(BUILDS);
        let place = BuildPlace { store: root.clone(), yard: root, interpreter };
        session.build_in(place, resolve, settings, events)?;
    }
    let asking = session.asked.take().map(|inner| Arc::new(Remembering::new(inner)));
    session.asked = asking.clone().map(|asking| asking as Arc<dyn BuildSource>);
    events(Event::Resolving);
    let locked = pyfast_resolver::lock(&request, &session.tools(resolve, 0)?, &|_decided| ());
    let ending = Ending(Some(session.runtime));
    let Locked { lock, warnings, .. } = locked?;
    let told = asking.zip(python.as_ref());
    let told = told.and_then(|(asking, python)| asking.told(python, &request.targets));
    for event in told.into_iter().chain(warnings.into_iter().map(Event::Warning)) {
        events(event);
    }
    let changes = changes(&kept, &lock);
    Ok(Made { lock: Some(lock), path, native, was_there, changes, ending })
}

/// The lock that may say what was chosen of channels before: which file is an environment's own may be told by the Python that
/// was chosen alone.
fn before(wish: &Wish<'_>, inputs: &Inputs, settings: &Settings) -> Option<(PathBuf, String)> {
    let text = |path: &PathBuf| Some((path.clone(), known(path)?));
    match &wish.goal {
        Goal::Text => None,
        Goal::File(path) => text(path),
        Goal::Own => {
            let own = own_lock(wish.resolve, settings, Some(&inputs.set));
            own.places().iter().find_map(text)
        }
    }
}

/// What the lock says of a Python out of channels: of the one for this machine where no other target is named.
fn native(
    wish: &Wish<'_>,
    settings: &Settings,
    events: &Events,
    before: Option<&(PathBuf, String)>,
) -> Result<Option<NativeLock>, Error> {
    let before = before.map(|(path, text)| (&**path, &**text));
    match settings.from_channels() {
        Some(what) if wish.target.is_empty() => {
            let options = Options { resolve: wish.resolve.clone(), ..Options::default() };
            let task = Task { options: &options, settings, events };
            Ok(Some(managed::locked(task, what, before)?))
        }
        // What cannot be read is chosen by the next sync.
        Some(_) => Ok(before.and_then(|(path, text)| match Said::read(text, path) {
            Ok(Said::Archives(native)) => Some(native),
            _ => None,
        })),
        None => Ok(None),
    }
}

/// The file that the lock belongs in.
fn path(wish: &Wish<'_>, inputs: &Inputs, settings: &Settings, base: &Base) -> Option<PathBuf> {
    match &wish.goal {
        Goal::Text => None,
        Goal::File(path) => Some(path.clone()),
        Goal::Own => {
            let own = own_lock(wish.resolve, settings, Some(&inputs.set));
            let target = || wish.target.one_from(base).ok();
            Some(own.path(target).to_owned())
        }
    }
}
