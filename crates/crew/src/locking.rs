//! A lock for its own sake, without an environment: for the interpreter, or for platforms and Pythons that are named. Owns
//! which targets are meant, where the lock goes, and whether it has to be made at all; must not know its form in a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::report::Changes;
use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::platform::named_target;
use pyfast_packaging::target::Target;
use pyfast_resolver::native::{NativeLock, Said, written};
use pyfast_resolver::{BuildSource, Lock, Locked, Standing, Targets};
use pyfast_settings::own_lock::FILE;
use pyfast_settings::{ResolveFlags, Settings, TargetChoice};
use tokio::runtime::Runtime;

use crate::asking::{Remembering, asked_python};
use crate::building::{BUILDS, BuildPlace};
use crate::error::Error;
use crate::event::{Event, Events};
use crate::inputs::{Inputs, read_inputs};
use crate::interpreter::{host_python, interpreter};
use crate::lock_file::known;
use crate::managed;
use crate::relocking::{changes, check_upgrades};
use crate::session::{Session, lock_request, own_lock};
use crate::task::{Options, Task};

/// The targets that are named instead of asked.
#[derive(Debug, Clone, Default)]
pub struct TargetFlags {
    /// Versions of Python.
    pub pythons: Vec<String>,
    /// Platforms.
    pub platforms: Vec<String>,
    /// Whether it is for all platforms.
    pub universal: bool,
}

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

/// What targets are told apart from. It is looked for once a lock, because that may start interpreters.
struct Base {
    /// The environment's interpreter, where there is one or must be one.
    interpreter: Option<Interpreter>,
    /// The one whose pip's default index counts.
    host: Option<PathBuf>,
}

impl Base {
    fn target(&self) -> Option<Target> {
        self.interpreter.as_ref().map(Interpreter::target)
    }
}

impl TargetFlags {
    fn is_empty(&self) -> bool {
        self.pythons.is_empty() && self.platforms.is_empty()
    }

    /// Whether something is named, and no more than one target.
    fn is_one(&self) -> bool {
        !self.is_empty() && self.pythons.len() < 2 && self.platforms.len() < 2
    }

    /// The one target that is named, or the interpreter's.
    ///
    /// # Errors
    /// If several are named, or there is no such one.
    pub fn one(&self, settings: &Settings) -> Result<Target, Error> {
        self.one_from(&self.base(settings)?)
    }

    fn one_from(&self, base: &Base) -> Result<Target, Error> {
        let (version, platform) = match (&self.pythons[..], &self.platforms[..]) {
            ([] | [_], [] | [_]) => (self.pythons.first(), self.platforms.first()),
            _ => return Err(Error::SeveralTargets),
        };
        match base.target() {
            Some(base) if self.is_empty() => Ok(base),
            base => Ok(named_target(
                version.map(String::as_str),
                platform.map(String::as_str),
                base.as_ref(),
            )?),
        }
    }

    fn base(&self, settings: &Settings) -> Result<Base, Error> {
        let all_named = !self.pythons.is_empty() && !self.platforms.is_empty();
        let interpreter = match interpreter(settings) {
            Ok(interpreter) => Some(interpreter),
            Err(_) if all_named => None,
            Err(error) => return Err(error),
        };
        let host = host_python(settings, interpreter.as_ref());
        Ok(Base { interpreter, host })
    }

    /// The platforms and Pythons that are meant: those that are named, else those of the configuration, else those
    /// that the lock is for already.
    fn choice(&self, settings: &Settings, output: Option<&Path>) -> TargetChoice {
        if self.is_one() && !self.universal {
            return TargetChoice::default();
        }
        if self.universal || !self.is_empty() {
            return TargetChoice {
                universal: self.universal,
                pythons: self.pythons.clone(),
                platforms: self.platforms.clone(),
                locked: None,
            };
        }
        let configured = TargetChoice::configured(settings);
        if configured.is_single()
            && let Some(path) = output
            && let Some(text) = known(path)
            && let Ok(lock) = Lock::whole(&text, path)
        {
            return TargetChoice::of_lock(&lock);
        }
        configured
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
    let base = target.base(settings)?;
    let path = path(wish, &inputs, settings, &base);
    let several = target.choice(settings, path.as_deref());
    let several = several.several(&inputs.set, base.target().as_ref())?;
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
    let native = native(wish, settings, events, old.as_ref())?;
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
    let locked = pyfast_resolver::lock(&request, &session.tools(resolve, 0), &|_decided| ());
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

/// What the lock says of a Python out of channels: of the one for this machine where no other target is named.
fn native(
    wish: &Wish<'_>,
    settings: &Settings,
    events: &Events,
    old: Option<&(&Path, String)>,
) -> Result<Option<NativeLock>, Error> {
    let old = old.map(|(path, text)| (*path, &**text));
    match settings.brought() {
        Some(version) if wish.target.is_empty() => {
            let options = Options { resolve: wish.resolve.clone(), ..Options::default() };
            let task = Task { options: &options, settings, events };
            Ok(Some(managed::locked(task, version, old)?))
        }
        Some(_) => {
            let said = old.map(|(path, text)| Said::read(text, path)).transpose()?;
            Ok(said.and_then(|said| match said {
                Said::Archives(native) => Some(native),
                _ => None,
            }))
        }
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
            let named = || wish.target.one_from(base).ok();
            let target = || if wish.target.is_empty() { base.target() } else { named() };
            Some(own.path(target).to_owned())
        }
    }
}
