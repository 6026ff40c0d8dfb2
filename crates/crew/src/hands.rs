//! Who does for a sync what settings decide: reads requirements, finds the interpreter, resolves, brings
//! wheels, writes the user's lock. Owns the choice between this machine and containers.

use std::cell::{OnceCell, RefCell};
use std::path::{Path, PathBuf};

use pyfast_environment::crew::{Brought, Crew, Means, Requirements, ToBring};
use pyfast_environment::{Error as EnvironmentError, ReadyPlan, Site};
use pyfast_index::cache::Cache;
use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::target::Target;
use pyfast_resolver::native::{NativeLock, written};
use pyfast_resolver::{Claim, Lock, LockRequest, Locked, Pin, Targets};

use crate::elsewhere::Elsewhere;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::here::{For, Here, for_fetching};
use crate::identifying;
use crate::inputs;
use crate::lock_file::{ChosenBy, write};
use crate::news::is_news;
use crate::session::{lock_request, own_lock};
use crate::task::{Options, Task};
use pyfast_settings::{Settings, TargetChoice};

/// How the interpreter is asked.
pub type Probe<'a> = Box<dyn Fn() -> Result<Interpreter, Error> + 'a>;

/// Who works for a sync.
pub struct Hands<'a> {
    options: &'a Options,
    settings: &'a Settings,
    events: &'a Events,
    probe: Probe<'a>,
    way: Way<'a>,
    interpreter: OnceCell<Interpreter>,
    /// Whether wheels are compiled.
    compile: bool,
    /// What fetching needs of the requirements.
    set: OnceCell<RequirementSet>,
    claims: RefCell<Vec<Claim>>,
    /// Where digests of files are kept.
    digests: OnceCell<Cache>,
    /// What was brought from channels.
    native: Option<NativeLock>,
}

/// Where wheels are brought and sources built.
enum Way<'a> {
    /// On this machine.
    Here(Here<'a>),
    /// In containers of the image.
    Elsewhere(Elsewhere<'a>),
}

impl<'a> Hands<'a> {
    /// For a root that this process writes.
    pub fn here(task: Task<'a>, compile: bool, probe: Probe<'a>) -> Self {
        Self::new(task, compile, probe, Way::Here(Here::new(task)))
    }

    /// For one that only containers write.
    pub(crate) fn elsewhere(task: Task<'a>, elsewhere: Elsewhere<'a>, probe: Probe<'a>) -> Self {
        Self::new(task, false, probe, Way::Elsewhere(elsewhere))
    }

    fn new(task: Task<'a>, compile: bool, probe: Probe<'a>, way: Way<'a>) -> Self {
        let Task { options, settings, events } = task;
        let (interpreter, set, claims) = (OnceCell::new(), OnceCell::new(), RefCell::default());
        let (digests, native) = (OnceCell::new(), None);
        Self {
            options,
            settings,
            events,
            probe,
            way,
            interpreter,
            compile,
            set,
            claims,
            digests,
            native,
        }
    }

    /// The same, with what was brought from channels for the environment, which its lock says.
    #[must_use]
    pub(crate) fn locking(self, native: Option<NativeLock>) -> Self {
        Self { native, ..self }
    }

    /// Lets go of what nobody waits for.
    pub fn end(self) {
        match self.way {
            Way::Here(here) => here.end(),
            Way::Elsewhere(elsewhere) => elsewhere.end(),
        }
    }

    /// Shows that somebody else works now.
    pub fn installing(&self) {
        if matches!(self.way, Way::Elsewhere(_)) {
            (self.events)(Event::InContainer);
        }
    }

    /// Has everything ready for whoever carries a plan out.
    pub(crate) fn pack(&self, ready: &mut ReadyPlan) -> Result<(), Error> {
        match &self.way {
            Way::Here(_) => Ok(()),
            Way::Elsewhere(elsewhere) => elsewhere.pack(ready),
        }
    }

    /// Whether the user does not know this yet.
    fn is_news(&self, event: &Event) -> bool {
        // It is told of what comes of a draft, which is read once more.
        if self.options.without_hashes {
            return false;
        }
        let Self { options, settings, events, .. } = *self;
        is_news(Task { options, settings, events }, event)
    }

    /// The cache, where nothing else of a session is needed.
    fn own_cache(&self) -> &Cache {
        self.digests.get_or_init(|| Cache::new(self.settings.cache_directory().ok()))
    }

    fn asked_interpreter(&self) -> Result<&Interpreter, Error> {
        if let Some(interpreter) = self.interpreter.get() {
            return Ok(interpreter);
        }
        let interpreter = (self.probe)()?;
        Ok(self.interpreter.get_or_init(|| interpreter))
    }

    fn resolve(&self, request: &LockRequest<'_>, site: Option<&Site>) -> Result<Locked, Error> {
        (self.events)(Event::Resolving);
        let interpreter = self.asked_interpreter()?;
        let compile = self.compile;
        match &self.way {
            Way::Here(here) => here.lock(request, For { interpreter, compile, site }),
            Way::Elsewhere(elsewhere) => elsewhere.lock(request, interpreter),
        }
    }
}

/// For `map_err`: what the command line's own parts fail with.
pub(crate) fn outside(error: impl Into<Error>) -> EnvironmentError {
    EnvironmentError::Outside(Box::new(error.into()))
}

impl Means for Hands<'_> {
    fn bring(&self, what: &ToBring<'_>, site: Option<&Site>) -> Result<Brought, EnvironmentError> {
        let set = self.set.get_or_init(RequirementSet::default);
        match (&self.way, site) {
            (Way::Here(here), Some(site)) => here.bring(what, site, set),
            (Way::Here(_), None) => Ok(Brought::default()),
            (Way::Elsewhere(elsewhere), _) => elsewhere.bring(what, set),
        }
        .map_err(outside)
    }

    fn write_lock(&self, path: &Path, text: &str) -> Result<(), EnvironmentError> {
        // Nobody named the lock that is kept up to date.
        let chosen = ChosenBy::Project(&self.settings.project.directory);
        write(path, text, chosen).map_err(outside)
    }
}

impl Crew for Hands<'_> {
    fn requirements(&self) -> Result<Requirements, EnvironmentError> {
        let mut inputs = inputs::of(self.options, self.settings, self.events).map_err(outside)?;
        if self.options.without_hashes {
            inputs.set.index.require_hashes = false;
        }
        for warning in &inputs.set.warnings {
            (self.events)(Event::Warning(warning.clone()));
        }
        for event in inputs.told {
            if self.is_news(&event) {
                (self.events)(event);
            }
        }
        self.set.get_or_init(|| for_fetching(Some(&inputs.set)));
        let working = &self.settings.project.working_directory;
        let absolute = |paths: Vec<PathBuf>| paths.iter().map(|path| working.join(path)).collect();
        let (paths, trees) = (absolute(inputs.paths), inputs.trees);
        Ok(Requirements { set: inputs.set, paths, trees })
    }

    fn interpreter(&self) -> Result<Interpreter, EnvironmentError> {
        self.asked_interpreter().cloned().map_err(outside)
    }

    fn lock_places(&self, set: Option<&RequirementSet>) -> Vec<PathBuf> {
        own_lock(&self.options.resolve, self.settings, set).places().to_vec()
    }

    fn own_lock(&self, set: Option<&RequirementSet>, target: &Target) -> PathBuf {
        let own = own_lock(&self.options.resolve, self.settings, set);
        let path = own.path(|| Some(target.clone()));
        if let Some(other) = own.passed_over(path) {
            (self.events)(Event::OthersLock {
                env: self.settings.env.clone(),
                other: other.to_owned(),
                own: path.to_owned(),
            });
        }
        path.to_owned()
    }

    fn complete(&self, text: String, path: &Path) -> String {
        match &self.native {
            Some(native) => written(native, &text, path),
            None => text,
        }
    }

    fn several(
        &self,
        lock: Option<&Lock>,
        set: &RequirementSet,
        target: &Target,
    ) -> Result<Option<Targets>, EnvironmentError> {
        let configured = TargetChoice::configured(self.settings);
        let choice = match lock {
            _ if !configured.is_single() => configured,
            Some(lock) => TargetChoice::of_lock(lock),
            None => return Ok(None),
        };
        choice.several(set, Some(target)).map_err(outside)
    }

    fn request<'a>(
        &self,
        set: &'a RequirementSet,
        targets: Targets,
        kept: Vec<Pin>,
    ) -> Result<LockRequest<'a>, EnvironmentError> {
        lock_request(set, &self.options.resolve, targets, kept).map_err(outside)
    }

    fn lock(
        &self,
        request: &LockRequest<'_>,
        site: Option<&Site>,
    ) -> Result<Locked, EnvironmentError> {
        let locked = self.resolve(request, site).map_err(outside)?;
        self.claims.borrow_mut().clone_from(&locked.claims);
        Ok(locked)
    }

    fn tell(&self, warning: &str) {
        (self.events)(Event::Warning(warning.to_owned()));
    }

    fn digest(&self, file: &Path) -> Option<Sha256> {
        self.own_cache().file_digest(file).ok()
    }

    fn identify(&self, lock: &mut Lock, site: Option<&Site>) -> Result<(), EnvironmentError> {
        identifying::recall(lock, self.own_cache());
        let is_known = lock.packages.iter().all(|package| package.pending.is_none());
        if is_known || self.options.dry_run {
            return Ok(());
        }
        let set = self.set.get_or_init(RequirementSet::default);
        let interpreter = self.asked_interpreter().map_err(outside)?;
        let compile = self.compile;
        match &self.way {
            Way::Here(here) => here.identify(lock, set, For { interpreter, compile, site }),
            Way::Elsewhere(elsewhere) => elsewhere.identify(lock, set, interpreter),
        }
        .map_err(outside)
    }

    fn forget(&self, filename: &str) {
        let cache = match &self.way {
            Way::Here(here) => here.cache().cloned(),
            Way::Elsewhere(elsewhere) => elsewhere.cache(),
        };
        let claims = self.claims.borrow();
        let doubtful = claims.iter().filter(|claim| claim.filename == filename);
        if let Some(cache) = cache {
            doubtful.for_each(|claim| claim.forget(&cache));
        }
    }
}
