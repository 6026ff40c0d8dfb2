//! The sources of a sync that only containers can do: packed here, built in containers that see no volume.
//! What a source does not state of itself is asked there as well, while this process resolves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pyfast_installer::Event as InstallEvent;
use pyfast_installer::build::{CarriedSource, CarryTools, carry};
use pyfast_packaging::PackageName;
use pyfast_packaging::build::{BuildFailure, BuildStage};
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::requirement_line::BuildSettings;
use pyfast_packaging::requirements_txt::IndexOptions;
use pyfast_packaging::source_dist::SourceDist;
use pyfast_resolver::{BuildSource, Error as ResolveError, Lock, LockRequest, Locked, lock};
use serde_json::json;

use super::workplace::{Fault, Made, Order, Wheel, Workplace};
use crate::building;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::session::Session;
use pyfast_settings::ResolveFlags;

/// Why an editable is refused.
const EDITABLE: &str = "an image does not have the files that an editable points to";

/// The builds of a sync.
pub(crate) struct Builds<'a> {
    args: &'a ResolveFlags,
    workplace: Workplace<'a>,
    scratch: PathBuf,
    /// Whether the user interrupted a build.
    interrupted: Cell<bool>,
    /// Why builds could not even be tried: what the solver passes on has no place for it.
    untried: RefCell<Vec<Error>>,
}

impl<'a> Builds<'a> {
    pub(crate) fn new(args: &'a ResolveFlags, workplace: Workplace<'a>) -> Self {
        let scratch = workplace.cache.join("scratch-1");
        let (interrupted, untried) = (Cell::default(), RefCell::default());
        Self { args, workplace, scratch, interrupted, untried }
    }

    /// Resolves; metadata that only a build gives comes from a container.
    pub(crate) fn resolve(
        &self,
        session: &mut Session,
        request: &LockRequest<'_>,
    ) -> Result<Locked, Error> {
        let (questions, asked) = channel();
        session.asked = Some(Arc::new(Asking(Mutex::new(questions.clone()))));
        let session = &*session;
        std::thread::scope(|scope| {
            let args = self.args;
            let solver = scope.spawn(move || {
                let last = Last(questions);
                let locked = lock(request, &session.tools(args, 0), &|_decided| ());
                drop(last);
                locked.map_err(Error::from)
            });
            let failed = self.answer(session, &asked);
            let outcome = solver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome.map_err(|error| match failed {
                _ if self.interrupted.get() => Error::Interrupted,
                true => self.built_in(error),
                false => error,
            })
        })
    }

    /// Answers until the last question; whether a build failed.
    fn answer(&self, session: &Session, asked: &Receiver<Option<Question>>) -> bool {
        let mut failed = false;
        while let Ok(Some(Question { source, reply })) = asked.recv() {
            let answer = self.metadata(session, &source);
            failed |= answer.is_err();
            // Whoever asked may have given up.
            drop(reply.send(answer));
        }
        failed
    }

    /// The metadata that a build gives. What the user named directly will be installed, so that its wheel is
    /// built at once.
    fn metadata(&self, session: &Session, source: &SourceDist) -> Result<String, ResolveError> {
        let stage = if source.editable { BuildStage::Editable } else { BuildStage::Metadata };
        let broken = |reason: String| {
            ResolveError::Build(Box::new(BuildFailure::new(source, stage, reason)))
        };
        if source.editable {
            return Err(broken(EDITABLE.to_owned()));
        }
        if self.interrupted.get() {
            return Err(broken("interrupted".to_owned()));
        }
        let packed = self.pack(session, source).map_err(|error| broken(error.to_string()))?;
        let settings = own_settings(session, source);
        let whole = source.version.is_none();
        let made = self.workplace.build(&Order { source, packed: &packed, settings, whole });
        match made {
            Ok(Made::Metadata(text)) => Ok(text),
            Ok(Made::Wheel(wheel)) => Ok(wheel.built.metadata),
            Err(Fault::Build(failure)) => Err(ResolveError::Build(failure)),
            Err(Fault::Other(error)) => {
                let interrupted = matches!(error, Error::Interrupted);
                self.interrupted.set(self.interrupted.get() || interrupted);
                let reason = error.to_string();
                self.untried.borrow_mut().push(error);
                Err(broken(reason))
            }
        }
    }

    fn pack(
        &self,
        session: &Session,
        source: &SourceDist,
    ) -> Result<CarriedSource, pyfast_installer::Error> {
        let tools = CarryTools {
            client: &session.client,
            cache: &session.cache,
            runtime: session.runtime.handle(),
            scratch: &self.scratch,
        };
        carry(source, &tools)
    }

    /// The wheels of a lock's sources, each with the digest of everything that shapes its build.
    pub(crate) fn wheels(
        &self,
        lock: &Lock,
        session: &Session,
        (index, events): (&IndexOptions, &Events),
    ) -> Result<BTreeMap<PackageName, (Sha256, Wheel)>, Error> {
        let formats = building::formats(self.args, Some(index))?;
        let mut wheels = BTreeMap::new();
        for (package, source) in building::sources(lock, &formats, self.args)? {
            if source.editable {
                let why = (BuildStage::Editable, EDITABLE);
                return Err(building::refused(lock, (package, &source), why));
            }
            events(Event::Work(InstallEvent::Building { source: source.to_string() }));
            let packed = self.pack(session, &source)?;
            let settings = own_settings(session, &source);
            let order = Order { source: &source, packed: &packed, settings, whole: true };
            let wheel = self.wheel(&order).map_err(|fault| match fault {
                Fault::Build(mut failure) => {
                    if failure.chain.is_empty() {
                        failure.chain = building::chain(lock, &package.name);
                    }
                    self.built_in(ResolveError::Build(failure).into())
                }
                Fault::Other(Error::Interrupted) => Error::Interrupted,
                Fault::Other(error) => self.built_in(error),
            })?;
            wheels.insert(package.name.clone(), (self.workplace.key(&order), wheel));
        }
        Ok(wheels)
    }

    /// A failure with what may be different where a build happens in a container.
    fn built_in(&self, error: Error) -> Error {
        let (image, untried) = (self.workplace.helper.image.to_owned(), self.untried.take());
        Error::BuiltIn { image, untried, source: Box::new(error) }
    }

    fn wheel(&self, order: &Order<'_>) -> Result<Wheel, Fault> {
        match self.workplace.build(order)? {
            Made::Wheel(wheel) => Ok(*wheel),
            Made::Metadata(_) => {
                let (stage, reason) = (BuildStage::Wheel, "there is only metadata of it");
                Err(Fault::Build(Box::new(BuildFailure::new(order.source, stage, reason))))
            }
        }
    }
}

/// The settings that one requirement gives its own build (JSON).
fn own_settings(session: &Session, source: &SourceDist) -> Option<Bytes> {
    let own = session.build_settings.iter().filter(|one| one.is_for(source));
    let own: BuildSettings = own.flat_map(|one| one.settings.clone()).collect();
    (!own.is_empty()).then(|| json!(own).to_string().into())
}

/// A source whose metadata somebody waits for.
struct Question {
    source: SourceDist,
    reply: Sender<Result<String, ResolveError>>,
}

/// Asks whoever has the helper container.
struct Asking(Mutex<Sender<Option<Question>>>);

impl BuildSource for Asking {
    fn metadata(&self, source: &SourceDist) -> Result<String, ResolveError> {
        let (reply, answer) = channel();
        let question = Question { source: source.clone(), reply };
        let sent = self.0.lock().unwrap_or_else(PoisonError::into_inner).send(Some(question));
        let answer = sent.ok().and_then(|()| answer.recv().ok());
        answer.unwrap_or_else(|| {
            let reason = "the resolution has ended";
            let failure = BuildFailure::new(source, BuildStage::Metadata, reason);
            Err(ResolveError::Build(Box::new(failure)))
        })
    }
}

/// Ends the questions, also where the solver panics.
struct Last(Sender<Option<Question>>);

impl Drop for Last {
    fn drop(&mut self) {
        // Nobody listens any more where the other side has failed.
        drop(self.0.send(None));
    }
}
