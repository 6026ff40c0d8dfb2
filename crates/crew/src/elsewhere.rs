//! A sync into a volume that only containers can write, as far as this machine does it: resolved here, sources
//! built in containers that see no volume (`elsewhere/workplace`), wheels of this machine packed. The
//! container that writes the volume gets the plan and wheels, and builds nothing.
//!
//! The index' credentials stay here: the container gets the lock, whose URLs carry none. Files that
//! only this machine may fetch therefore need a volume it can write.

mod kept;
mod sources;
mod workplace;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pyfast_environment::crew::{Brought, BuiltWheels, ToBring};
use pyfast_environment::{LocalWheel, ReadyPlan};
use pyfast_index::Body;
use pyfast_installer::Event;
use pyfast_installer::download::{Downloads, Means, Wanted};
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::store::Store;
use pyfast_launcher::engine::Content;
use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_resolver::{Lock, LockRequest, Locked};
use pyfast_root::{Root, Waiting};

use crate::engine::direct;
use crate::error::Error;
use crate::event::{Events, sink, wheels};
use crate::identifying;
use crate::interpreter::host_python;
use crate::remote;
use crate::session::Session;
use crate::task::{Options, Task};
use crate::volume_place::{FILES, Luggage, VolumePlace, file, helper_network};
use sources::Builds;
use workplace::Workplace;

/// A wheel that goes along with a plan. Large ones stay in their files until they are sent.
struct Packed {
    sha256: Sha256,
    content: Content,
}

/// What this machine does for a volume that it cannot write.
pub(crate) struct Elsewhere<'a> {
    options: &'a Options,
    place: &'a VolumePlace<'a>,
    events: &'a Events,
    session: RefCell<Option<Session>>,
    /// Wheels that containers built, by file name.
    built: RefCell<BTreeMap<String, Packed>>,
    /// Wheels that came before their SHA-256 was known.
    arrived: RefCell<Vec<Wanted>>,
}

impl<'a> Elsewhere<'a> {
    pub(crate) fn new(task: Task<'a>, place: &'a VolumePlace<'a>) -> Self {
        let Task { options, events, .. } = task;
        let (session, built, arrived) = Default::default();
        Self { options, place, events, session, built, arrived }
    }

    /// Makes a lock; metadata that only a build gives comes from a container.
    pub(crate) fn lock(
        &self,
        request: &LockRequest<'_>,
        interpreter: &Interpreter,
    ) -> Result<Locked, Error> {
        self.with_session(request.set, interpreter, |session| {
            let args = &self.options.resolve;
            let workplace = Workplace::new(self.place, args, session, interpreter, self.events)?;
            Builds::new(args, workplace).resolve(session, request)
        })
    }

    /// Finds the SHA-256 of a lock's files; wheels that come for that are kept for whoever installs them.
    pub(crate) fn identify(
        &self,
        lock: &mut Lock,
        set: &RequirementSet,
        interpreter: &Interpreter,
    ) -> Result<(), Error> {
        self.with_session(set, interpreter, |session| {
            identifying::find(lock, session, |package, body| {
                let wanted = Wanted::of(package);
                let wanted = wanted.map(|wanted| Wanted { body: Some(body), ..wanted });
                self.arrived.borrow_mut().extend(wanted);
            })
        })
    }

    /// Builds the sources of a lock, and fetches its wheels where that can be done from here.
    pub(crate) fn bring(&self, what: &ToBring<'_>, set: &RequirementSet) -> Result<Brought, Error> {
        let sources = what.lock.packages.iter().any(|package| package.filename.source().is_some());
        let reachable = direct(self.place.volume);
        let remote = self.place.settings.remote()?;
        if !sources && reachable.is_none() && remote.is_none() {
            return Ok(Brought::default());
        }
        self.with_session(set, what.interpreter, |session| {
            if reachable.is_none() {
                self.take_from_remote(session, what)?;
            }
            if !sources && reachable.is_none() {
                return Ok(Brought::default());
            }
            let args = &self.options.resolve;
            let workplace =
                Workplace::new(self.place, args, session, what.interpreter, self.events)?;
            let builds = Builds::new(args, workplace);
            let wheels = builds.wheels(what.lock, session, &set.index, self.events)?;
            let (mut built, mut keys) = (BuiltWheels::new(), BTreeMap::new());
            for (name, (key, wheel)) in wheels {
                keys.insert(name.clone(), key);
                let filename = wheel.built.filename.to_string();
                let (sha256, content) = (wheel.built.sha256, wheel.bytes.into());
                self.built.borrow_mut().insert(filename, Packed { sha256, content });
                built.insert(name, wheel.built);
            }
            let admitted = match &reachable {
                Some(root) => self.fetch(root, session, what)?,
                None => Vec::new(),
            };
            Ok(Brought { built, keys, admitted })
        })
    }

    /// Takes what the volume lacks out of the remote store: its container gets wheels, and neither the way there nor a
    /// password.
    fn take_from_remote(&self, session: &Session, what: &ToBring<'_>) -> Result<(), Error> {
        let settings = self.place.settings;
        let missing = self.place.lacks(remote::wheels(what.lock).collect());
        if missing.is_empty() {
            return Ok(());
        }
        let reader = remote::reader(settings, &session.client, self.events)?;
        let Some(reader) = reader else { return Ok(()) };
        remote::learn(&reader, what, session);
        self.arrived.borrow_mut().extend(remote::take(&reader, missing, session, self.events));
        Ok(())
    }

    /// Has every wheel in the store of a volume that this machine can write.
    fn fetch(
        &self,
        root: &Path,
        session: &Session,
        what: &ToBring<'_>,
    ) -> Result<Vec<pyfast_packaging::hash::Sha256>, Error> {
        let root = Root::create(root, Path::new(MOUNT_POINT))?;
        let sink = sink(self.events);
        let told = Arc::clone(&sink);
        let waiting = move |waiting: &Waiting| told(Event::Waiting(waiting.clone()));
        let store = Arc::new(Store::open(&root, &waiting)?);
        let (client, cache) = (Arc::clone(&session.client), session.cache.clone());
        let (options, settings, events) = (self.options, self.place.settings, self.events);
        // Whoever compiles for it is the image's own Python.
        let bytecode = remote::form(Task { options, settings, events }, what.interpreter);
        let remote = if bytecode.is_some() || remote::lacks(&store, what.lock)? {
            remote::reader(self.place.settings, &session.client, self.events)?
        } else {
            None
        };
        if let Some(remote) = &remote {
            remote::learn(remote, what, session);
        }
        let means = Means { client, cache, remote, compiler: None, bytecode };
        let downloads = Downloads::new(store, means, session.runtime.handle(), sink);
        let packages = &what.lock.packages;
        (self.events)(wheels(packages));
        // What has come already.
        for wanted in self.arrived.take() {
            downloads.start(wanted);
        }
        downloads.finish(&packages.iter().filter_map(Wanted::of).collect::<Vec<_>>())?;
        Ok(downloads.admitted())
    }

    fn with_session<T>(
        &self,
        set: &RequirementSet,
        interpreter: &Interpreter,
        act: impl FnOnce(&mut Session) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let settings = self.place.settings;
        let mut session = self.session.borrow_mut();
        let session = match &mut *session {
            Some(session) => session,
            none => {
                let host = host_python(settings, Some(interpreter));
                let cache = settings.cache_directory()?;
                none.insert(Session::new(settings, set, host.as_deref(), cache, self.events)?)
            }
        };
        act(session)
    }

    /// The cache of the session, where there is one.
    pub(crate) fn cache(&self) -> Option<pyfast_index::cache::Cache> {
        self.session.borrow().as_ref().map(|session| session.cache.clone())
    }

    /// The runtime's threads have nothing more to do that anyone waits for.
    pub(crate) fn end(self) {
        if let Some(session) = self.session.into_inner() {
            session.runtime.shutdown_background();
        }
    }

    /// Packs the wheels that a plan installs and that only this machine has, and tells the plan where they
    /// will be.
    pub(crate) fn pack(&self, ready: &mut ReadyPlan) -> Result<(), Error> {
        // What is in the store needs no network.
        let reachable = direct(self.place.volume).is_some();
        let network = if reachable { "none" } else { helper_network(self.place.settings) };
        let mut wheels = self.built.take();
        if !reachable {
            for (name, LocalWheel { path, sha256 }) in &ready.local {
                // It is the user's own: who admits it compares its digest.
                let file = pyfast_root::regular_file::open(path).map_err(Error::ReadWheel)?;
                let content = Content::File(Arc::new(file));
                wheels.insert(name.clone(), Packed { sha256: *sha256, content });
            }
            for Wanted { filename, sha256, body, .. } in self.arrived.take() {
                let content = body.map(|body| match body {
                    Body::Memory(bytes) => bytes.into(),
                    Body::File(file) => Content::File(file),
                });
                let packed = content.map(|content| Packed { sha256, content });
                wheels.extend(packed.map(|packed| (filename.to_string(), packed)));
            }
        }
        let (mut files, mut places) = (Vec::new(), BTreeMap::new());
        for (name, Packed { sha256, content }) in wheels {
            let path = format!("{FILES}/wheels/{}/{name}", &sha256.to_string()[..16]);
            places.insert(name, PathBuf::from(&path));
            files.push(file(path, content));
        }
        ready.plan.moved(places);
        self.place.take_along(Luggage { files, network: network.to_owned() });
        Ok(())
    }
}
