//! Bringing wheels into a store of this machine: fetching, unpacking, compiling and building, while the
//! solver works. Owns the session of one sync; must not know which lock is meant, nor why.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pyfast_environment::Site;
use pyfast_environment::crew::{Brought, BuiltWheels, Given, ToBring};
use pyfast_index::flat::local_path;
use pyfast_installer::bytecode::{Compiler, Form, Invalidation, is_compiled};
use pyfast_installer::download::{Downloads, Means, Wanted};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::Habitat;
use pyfast_packaging::PackageName;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_remote::Reader;
use pyfast_resolver::{Lock, LockEvent, LockRequest, Locked, lock};

use crate::building::{BUILDS, BuildPlace};
use crate::error::Error;
use crate::event::{Event, Events, sink, wheels};
use crate::identifying;
use crate::interpreter::{compiling_python, host_python};
use crate::remote::{self, lacks, learn, reader};
use crate::session::Session;
use crate::setting::habitat;
use crate::task::{Options, Task};
use pyfast_settings::{Root, Settings};

/// Wheels up to this size are fetched whole where their metadata is needed: the bytes are wanted anyway.
const WHOLE_UP_TO: u64 = 1 << 20;

/// One sync's session, made when it is first needed.
pub(crate) struct Here<'a> {
    options: &'a Options,
    settings: &'a Settings,
    events: &'a Events,
    working: OnceCell<Working>,
    /// Whether the session's downloads have been waited for.
    brought: Cell<bool>,
}

/// A session, and where its wheels go.
struct Working {
    session: Session,
    downloads: Option<Downloads>,
    remote: Option<Arc<Reader>>,
}

/// What a session is made with.
#[derive(Clone, Copy)]
pub(crate) struct For<'a> {
    /// Who the environment is for.
    pub(crate) interpreter: &'a Interpreter,
    /// Whether wheels are compiled.
    pub(crate) compile: bool,
    /// Where wheels go; `None` where nothing is to be left anywhere.
    pub(crate) site: Option<&'a Site>,
}

impl<'a> Here<'a> {
    pub(crate) fn new(task: Task<'a>) -> Self {
        let Task { options, settings, events } = task;
        let (working, brought) = (OnceCell::new(), Cell::new(false));
        Self { options, settings, events, working, brought }
    }

    /// Makes a lock. What is decided on the way is fetched already, where there is a site.
    pub(crate) fn lock(&self, request: &LockRequest<'_>, whom: For<'_>) -> Result<Locked, Error> {
        let Working { session, downloads, .. } = self.working(request.set, whom)?;
        let whole_up_to = if downloads.is_some() { WHOLE_UP_TO } else { 0 };
        let tools = session.tools(&self.options.resolve, whole_up_to)?;
        let locked = lock(request, &tools, &|event| {
            let LockEvent::Decided { candidate, body } = event;
            if let Some(downloads) = downloads
                && let (Some(sha256), Some(wheel)) = (candidate.sha256, candidate.filename.wheel())
            {
                downloads.start(Wanted {
                    filename: wheel.clone(),
                    location: candidate.location.clone(),
                    sha256,
                    size: candidate.facts.size,
                    body,
                });
            }
        })?;
        Ok(locked)
    }

    /// Finds the SHA-256 of a lock's files; wheels that come for that go on into the store.
    pub(crate) fn identify(
        &self,
        lock: &mut Lock,
        set: &RequirementSet,
        whom: For<'_>,
    ) -> Result<(), Error> {
        let Working { session, downloads, .. } = self.working(set, whom)?;
        (self.events)(wheels(&lock.packages));
        identifying::find(lock, session, |package, body| {
            let wanted = Wanted::of(package).map(|wanted| Wanted { body: Some(body), ..wanted });
            if let Some((downloads, wanted)) = downloads.as_ref().zip(wanted) {
                downloads.start(wanted);
            }
        })
    }

    /// Has every wheel of a lock in the store.
    pub(crate) fn bring(
        &self,
        what: &ToBring<'_>,
        site: &Site,
        set: &RequirementSet,
    ) -> Result<Brought, Error> {
        let own = own_packages(what.lock, what.given);
        let form = self.form(what.interpreter);
        // Of what was begun while the solver worked, each wheel was asked for already.
        let begun = self.working.get().is_some();
        let takes = form.is_some();
        let there = (takes || !begun) && is_there(what, &own, site, takes)?;
        if !begun && there {
            return Ok(Brought::default());
        }
        let whom = For { interpreter: what.interpreter, compile: what.compile, site: Some(site) };
        let working = self.working(set, whom)?;
        let Working { session, downloads, remote } = working;
        let Some(downloads) = downloads else { return Ok(Brought::default()) };
        if let Some(remote) = remote
            && (takes && !there || !begun && lacks(site.store(), what.lock)?)
        {
            learn(remote, what, session);
        }
        // Downloads remember what they have brought; what was found damaged since is to come again.
        let remote = remote.as_ref();
        let again = self.brought.replace(true).then(|| self.downloads(session, site, whom, remote));
        let again = again.transpose()?;
        let downloads = again.as_ref().unwrap_or(downloads);
        (self.events)(wheels(&what.lock.packages));
        let nearby = Nearby::of(&own, session, site)?;
        let wanted = own.packages.iter().filter_map(Wanted::of);
        wanted.for_each(|wanted| downloads.start(nearby.locate(wanted)));
        // What builds may be limited to is said by the files' own options too.
        let built = session.build_all(&own, &self.options.resolve, Some(&set.index))?;
        let wanted = all_wanted(what, &own, &built).into_iter();
        downloads.finish(&wanted.map(|wanted| nearby.locate(wanted)).collect::<Vec<_>>())?;
        Ok(Brought { built, admitted: downloads.admitted(), ..Brought::default() })
    }

    /// The cache of the session, where there is one.
    pub(crate) fn cache(&self) -> Option<&pyfast_index::cache::Cache> {
        self.working.get().map(|working| &working.session.cache)
    }

    /// The runtime's threads have nothing more to do that anyone waits for.
    pub(crate) fn end(self) {
        if let Some(working) = self.working.into_inner() {
            working.session.runtime.shutdown_background();
        }
    }

    fn working(&self, set: &RequirementSet, whom: For<'_>) -> Result<&Working, Error> {
        if let Some(working) = self.working.get() {
            return Ok(working);
        }
        let session = self.session(set, whom)?;
        let remote = match whom.site {
            Some(_) => reader(self.settings, &session.client, self.events)?,
            None => None,
        };
        let downloads = match whom.site {
            Some(site) => Some(self.downloads(&session, site, whom, remote.as_ref())?),
            None => None,
        };
        Ok(self.working.get_or_init(|| Working { session, downloads, remote }))
    }

    /// A session that builds what has no wheel.
    fn session(&self, set: &RequirementSet, whom: For<'_>) -> Result<Session, Error> {
        let settings = self.settings;
        let host = host_python(settings, Some(whom.interpreter));
        let cache = settings.cache_directory()?;
        let builds = cache.join(BUILDS);
        let mut session = Session::new(settings, set, host.as_deref(), cache, self.events)?;
        let (store, yard) = match (whom.site, &settings.root) {
            // What only tries leaves nothing in the root.
            (None, _) => (builds.clone(), builds),
            // Containers may have a volume writable: nothing that hooks run with lies where they write.
            (Some(site), Root::Volume(_)) => (site.root().written().to_owned(), builds),
            (Some(site), Root::Directory(_)) => {
                (site.root().written().to_owned(), site.root().written().to_owned())
            }
        };
        let interpreter = whom.interpreter;
        let place = BuildPlace { store, yard, interpreter };
        session.build_in(place, &self.options.resolve, settings, self.events)?;
        Ok(session)
    }

    fn downloads(
        &self,
        session: &Session,
        site: &Site,
        whom: For<'_>,
        remote: Option<&Arc<Reader>>,
    ) -> Result<Downloads, Error> {
        let compiler = if whom.compile { self.compiler(whom.interpreter)? } else { None };
        let (client, cache) = (Arc::clone(&session.client), session.cache.clone());
        let bytecode = self.form(whom.interpreter);
        let means = Means { client, cache, remote: remote.cloned(), compiler, bytecode };
        let (store, runtime) = (Arc::clone(site.store()), session.runtime.handle());
        Ok(Downloads::new(store, means, runtime, sink(self.events)))
    }

    /// The bytecode that is taken out of the remote store.
    fn form(&self, interpreter: &Interpreter) -> Option<Form> {
        let Self { options, settings, events, .. } = *self;
        // Most take none, and need not look for a Python for it.
        remote::form(Task { options, settings, events }, interpreter)?;
        let python = compiling_python(settings, interpreter);
        Form::of(python.as_ref().unwrap_or(interpreter))
    }

    /// Workers of an interpreter on this machine that writes the bytecode that the environment reads.
    fn compiler(&self, interpreter: &Interpreter) -> Result<Option<Compiler>, Error> {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        if let Some(python) = compiling_python(self.settings, interpreter) {
            // On a host somebody may edit what is installed, to see what it does.
            let invalidation = match habitat(self.settings) {
                Habitat::Host => Invalidation::CheckedHash,
                Habitat::Volume => Invalidation::UncheckedHash,
            };
            return Ok(Some(Compiler::start(&python, invalidation, workers)?));
        }
        (self.events)(Event::NoCompiler { python: interpreter.short_version() });
        Ok(None)
    }
}

/// Wheels of a lock that lie in directories which the user names, by their digests: the lock may have been made where a
/// server was.
struct Nearby(BTreeMap<Sha256, PathBuf>);

impl Nearby {
    /// Reads no file that nothing depends on: neither of a wheel that the store has, nor where the lock has said it.
    fn of(lock: &Lock, session: &Session, site: &Site) -> Result<Self, Error> {
        let places = session.sources.find_links.iter();
        let directories: Vec<PathBuf> = places.filter_map(|place| local_path(place)).collect();
        if directories.is_empty() {
            return Ok(Self(BTreeMap::new()));
        }
        let elsewhere = |wheel: &Wanted| match &wheel.location {
            Location::Path(path) => !path.exists(),
            Location::Url(_) => true,
        };
        let wheels = lock.packages.iter().filter_map(Wanted::of).filter(elsewhere);
        let wheels: BTreeMap<Sha256, String> =
            wheels.map(|wheel| (wheel.sha256, wheel.filename.to_string())).collect();
        let missing = site.store().missing(&wheels.keys().copied().collect::<Vec<_>>())?;
        let found = missing.into_iter().filter_map(|sha256| {
            let mut places = directories.iter().map(|place| place.join(&wheels[&sha256]));
            let is_it =
                |path: &PathBuf| session.cache.file_digest(path).is_ok_and(|found| found == sha256);
            Some((sha256, places.find(is_it)?))
        });
        Ok(Self(found.collect()))
    }

    fn locate(&self, wanted: Wanted) -> Wanted {
        match self.0.get(&wanted.sha256) {
            Some(path) if wanted.body.is_none() => {
                Wanted { location: Location::Path(path.clone()), ..wanted }
            }
            _ => wanted,
        }
    }
}

/// What fetching the files of a lock needs of its requirements. A lock names its files, so no index is
/// needed; but credentials come with the indexes.
pub(crate) fn for_fetching(set: Option<&RequirementSet>) -> RequirementSet {
    let Some(set) = set else { return RequirementSet::default() };
    let (index, logins) = (set.index.clone(), set.logins.clone());
    RequirementSet {
        index,
        logins,
        build_settings: set.build_settings.clone(),
        build_constraints: set.build_constraints.clone(),
        wishes: set.wishes.clone(),
        ..RequirementSet::default()
    }
}

/// The packages of a lock whose files nobody gave.
fn own_packages(lock: &Lock, given: &BTreeMap<PackageName, Given>) -> Lock {
    let mut own = lock.clone();
    own.packages.retain(|package| !given.contains_key(&package.name));
    own
}

/// Whether nothing has to be fetched, built or compiled. Bytecode that may come later is looked for all the same where
/// somebody else may have it.
fn is_there(what: &ToBring<'_>, own: &Lock, site: &Site, shared: bool) -> Result<bool, Error> {
    let fetched = own.packages.iter().filter_map(Wanted::of);
    let mut wheels: Vec<Sha256> = fetched.map(|wheel| wheel.sha256).collect();
    if wheels.len() < own.packages.len() {
        return Ok(false);
    }
    wheels.extend(what.given.values().map(|given| given.sha256));
    let compiled = |wheel: &Sha256| is_compiled(site.root(), what.interpreter, wheel);
    Ok(site.store().missing(&wheels)?.is_empty()
        && (!(what.compile || shared) || wheels.iter().all(compiled)))
}

/// The wheels of a lock, and those that were built for it, which may have to be compiled yet.
fn all_wanted(what: &ToBring<'_>, own: &Lock, built: &BuiltWheels) -> Vec<Wanted> {
    let wheels = own.packages.iter().filter_map(|package| {
        Wanted::of(package).or_else(|| {
            let built = built.get(&package.name)?;
            Some(Wanted {
                filename: built.filename.clone(),
                location: package.location.clone(),
                sha256: built.sha256,
                size: None,
                body: None,
            })
        })
    });
    let given = what.given.values().map(|given| Wanted {
        filename: given.filename.clone(),
        location: Location::Path(given.path.clone()),
        sha256: given.sha256,
        size: None,
        body: None,
    });
    wheels.chain(given).collect()
}
