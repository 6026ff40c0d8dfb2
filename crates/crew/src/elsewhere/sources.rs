//! The sources of a sync that only containers can do: packed here, built in containers that see no volume.
//! What a source does not state of itself is asked there as well, while this process resolves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
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
use pyfast_resolver::{
    BuildSource, Error as ResolveError, Lock, LockRequest, Locked, LockedPackage, lock,
};
use serde_json::json;

use super::workplace::{Fault, Made, Order, Wheel, Workplace};
use crate::building;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::session::Session;
use crate::side_by_side::builds_at_once;
use pyfast_settings::ResolveFlags;

/// The most containers that build at once: each gets a copy of this program, and its own source.
const CONTAINERS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

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
        let (session, tools) = (&*session, session.tools(self.args, 0)?);
        std::thread::scope(|scope| {
            let solver = scope.spawn(move || {
                let last = Last(questions);
                let locked = lock(request, &tools, &|_decided| ());
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

    /// Answers until the last question, as many at once as are asked and may be; whether a build failed.
    fn answer(&self, session: &Session, asked: &Receiver<Option<Question>>) -> bool {
        let mut failed = false;
        let mut ended = false;
        while !ended && let Ok(Some(first)) = asked.recv() {
            let mut questions = vec![first];
            while questions.len() < self.at_once() {
                match asked.try_recv() {
                    Ok(Some(question)) => questions.push(question),
                    Ok(None) => ended = true,
                    Err(_) => break,
                }
            }
            let sources: Vec<&SourceDist> = questions.iter().map(|one| &one.source).collect();
            let answers = self.metadata(session, &sources);
            failed |= answers.iter().any(Result::is_err);
            for (question, answer) in questions.iter().zip(answers) {
                // Whoever asked may have given up.
                drop(question.reply.send(answer));
            }
        }
        failed
    }

    fn at_once(&self) -> usize {
        builds_at_once(self.args.concurrent_builds).min(CONTAINERS).get()
    }

    /// The metadata that builds give. What the user named directly will be installed, so that its wheel is
    /// built at once.
    fn metadata(&self, session: &Session, sources: &[&SourceDist]) -> Vec<Answered> {
        let packed = sources.iter().map(|source| self.packed(session, source));
        let packed: Vec<_> = packed.collect();
        let orders = sources.iter().zip(&packed).filter_map(|(source, packed)| {
            let (packed, settings) = (packed.as_ref().ok()?, own_settings(session, source));
            Some(Order { source, packed, settings, whole: source.version.is_none() })
        });
        let orders: Vec<Order<'_>> = orders.collect();
        let made = self.workplace.build_all(&orders);
        drop(orders);
        let mut made = made.map(Vec::into_iter).map_err(|error| {
            let interrupted = matches!(error, Error::Interrupted);
            self.interrupted.set(self.interrupted.get() || interrupted);
            self.untried(error)
        });
        let answers = sources.iter().zip(packed).map(|(source, packed)| {
            packed?;
            match &mut made {
                Ok(made) => made.next().map_or_else(
                    || Err(broken(source, "it was not built")),
                    |made| self.told(source, made),
                ),
                Err(reason) => Err(broken(source, reason)),
            }
        });
        answers.collect()
    }

    /// What goes to a container.
    fn packed(
        &self,
        session: &Session,
        source: &SourceDist,
    ) -> Result<CarriedSource, ResolveError> {
        if source.editable {
            return Err(broken(source, EDITABLE));
        }
        if self.interrupted.get() {
            return Err(broken(source, "interrupted"));
        }
        self.pack(session, source).map_err(|error| broken(source, &error.to_string()))
    }

    fn told(&self, source: &SourceDist, made: Result<Made, Fault>) -> Answered {
        match made {
            Ok(Made::Metadata(text)) => Ok(text),
            Ok(Made::Wheel(wheel)) => Ok(wheel.built.metadata),
            Err(Fault::Build(failure)) => Err(ResolveError::Build(failure)),
            Err(Fault::Other(error)) => Err(broken(source, &self.untried(error))),
        }
    }

    /// Remembers why a build could not be tried, and says it.
    fn untried(&self, error: Error) -> String {
        let reason = error.to_string();
        self.untried.borrow_mut().push(error);
        reason
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
        index: &IndexOptions,
        events: &Events,
    ) -> Result<BTreeMap<PackageName, (Sha256, Wheel)>, Error> {
        let formats = building::formats(self.args, Some(index))?;
        let sources = building::sources(lock, &formats, self.args)?;
        if let Some((package, source)) = sources.iter().find(|(_, source)| source.editable) {
            let stage = BuildStage::Editable;
            return Err(building::refused(lock, package, source, stage, EDITABLE));
        }
        let mut wheels = BTreeMap::new();
        for few in sources.chunks(self.at_once()) {
            let packed = few.iter().map(|(_, source)| {
                events(Event::Work(InstallEvent::Building { source: source.to_string() }));
                self.pack(session, source)
            });
            let packed = packed.collect::<Result<Vec<_>, _>>()?;
            let orders: Vec<Order<'_>> = few
                .iter()
                .zip(&packed)
                .map(|((_, source), packed)| {
                    let settings = own_settings(session, source);
                    Order { source, packed, settings, whole: true }
                })
                .collect();
            let made = self.workplace.build_all(&orders)?;
            for (_, source) in few {
                events(Event::Work(InstallEvent::BuildEnded { source: source.to_string() }));
            }
            let made = made.into_iter().zip(&orders).zip(few);
            for ((made, order), (package, _)) in made {
                let wheel = made.and_then(|made| whole(made, order));
                let wheel = wheel.map_err(|fault| self.failure(fault, lock, package))?;
                wheels.insert(package.name.clone(), (self.workplace.key(order), wheel));
            }
        }
        Ok(wheels)
    }

    fn failure(&self, fault: Fault, lock: &Lock, package: &LockedPackage) -> Error {
        match fault {
            Fault::Build(mut failure) => {
                if failure.chain.is_empty() {
                    failure.chain = building::chain(lock, &package.name);
                }
                self.built_in(ResolveError::Build(failure).into())
            }
            Fault::Other(error) => self.built_in(error),
        }
    }

    /// A failure with what may be different where a build happens in a container.
    fn built_in(&self, error: Error) -> Error {
        let (image, untried) = (self.workplace.helper.image.to_owned(), self.untried.take());
        Error::BuiltIn { image, untried, source: Box::new(error) }
    }
}

fn whole(made: Made, order: &Order<'_>) -> Result<Wheel, Fault> {
    match made {
        Made::Wheel(wheel) => Ok(*wheel),
        Made::Metadata(_) => {
            let (stage, reason) = (BuildStage::Wheel, "there is only metadata of it");
            Err(Fault::Build(Box::new(BuildFailure::new(order.source, stage, reason))))
        }
    }
}

/// The settings that one requirement gives its own build (JSON).
fn own_settings(session: &Session, source: &SourceDist) -> Option<Bytes> {
    let own = session.build_settings.iter().filter(|one| one.is_for(source));
    let own: BuildSettings = own.flat_map(|one| one.settings.clone()).collect();
    (!own.is_empty()).then(|| json!(own).to_string().into())
}

/// The metadata of a source, or why there is none.
type Answered = Result<String, ResolveError>;

/// A source whose metadata somebody waits for.
struct Question {
    source: SourceDist,
    reply: Sender<Answered>,
}

fn broken(source: &SourceDist, reason: &str) -> ResolveError {
    let stage = if source.editable { BuildStage::Editable } else { BuildStage::Metadata };
    ResolveError::Build(Box::new(BuildFailure::new(source, stage, reason)))
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
