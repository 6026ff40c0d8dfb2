//! Sources for a volume that only containers write: packed here, built in the helper container by the
//! image's own interpreter. What a source does not state of itself is asked there as well, while this
//! process resolves.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use pyfast_installer::{CarriedSource, CarryTools, carry};
use pyfast_launcher::{HelperFile, MOUNT_POINT};
use pyfast_resolver::{
    BuildFailure, BuildSettings, BuildSource, BuildStage, Error as ResolveError, IndexOptions,
    IndexStrategy, Lock, SourceDist,
};
use serde_json::json;

use super::super::Options;
use super::{Call, Helper, PLACE, file, helper_network};
use crate::building::{self, CARRIED};
use crate::commands::metadata::Answer;
use crate::failure::Failure;
use crate::resolving::{Outcome, Request, ResolveArgs, Session};
use crate::settings::Settings;
use crate::state::digest;

/// Why an editable is refused.
const EDITABLE: &str = "an image does not have the files that an editable points to";

/// What builds in the container need to know.
pub(super) struct Builds<'a> {
    args: &'a ResolveArgs,
    settings: &'a Settings,
    /// Indexes and settings of builds, as the program inside is told.
    pub(super) arguments: Vec<String>,
    /// Files that those name.
    pub(super) files: Vec<HelperFile>,
    scratch: PathBuf,
    /// Whether the user interrupted a build.
    interrupted: Cell<bool>,
}

impl<'a> Builds<'a> {
    pub(super) fn new(
        options: &'a Options,
        settings: &'a Settings,
        session: &Session,
    ) -> Result<Self, Failure> {
        let args = &options.resolve;
        let mut arguments = index_arguments(session);
        arguments.extend(settings.common.index.offline.then(|| "--offline".to_owned()));
        let values = args.config_settings.iter();
        arguments.extend(values.map(|value| format!("--config-settings={value}")));
        arguments.extend(args.exclude_newer.iter().map(|time| format!("--exclude-newer={time}")));
        arguments.extend(args.no_build_isolation.then(|| "--no-build-isolation".to_owned()));
        let mut files = Vec::new();
        for path in &args.build_constraints {
            let path = settings.project.working_directory.join(path);
            let bytes = fs_err::read(&path).map_err(|error| {
                Failure::usage(format!("cannot read the constraints of builds: {error}"))
            })?;
            let inside = format!("{PLACE}/constraints/{}.txt", &digest(&bytes)[..16]);
            arguments.push(format!("--build-constraint={inside}"));
            files.push(file(inside, &bytes));
        }
        let scratch = settings.cache_directory()?.join("builds-1/tmp");
        Ok(Self { args, settings, arguments, files, scratch, interrupted: Cell::new(false) })
    }

    /// Resolves; metadata that only a build gives comes from the container.
    pub(super) fn resolve(
        &self,
        helper: &Helper<'_>,
        session: &mut Session,
        request: &Request<'_>,
    ) -> Result<Outcome, Failure> {
        let (questions, asked) = channel();
        session.asked = Some(Arc::new(Asking(Mutex::new(questions.clone()))));
        let session = &*session;
        std::thread::scope(|scope| {
            let solver = scope.spawn(move || {
                let last = Last(questions);
                let outcome = session.resolve(request, None);
                drop(last);
                outcome
            });
            let failed = self.answer(helper, session, &asked);
            let outcome = solver.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome.map_err(|failure| match failed {
                _ if self.interrupted.get() => Failure::interrupted(),
                true => explain(failure, helper.image),
                false => failure,
            })
        })
    }

    /// Answers until the last question; whether a build failed.
    fn answer(
        &self,
        helper: &Helper<'_>,
        session: &Session,
        asked: &Receiver<Option<Question>>,
    ) -> bool {
        let mut failed = false;
        while let Ok(Some(Question { source, reply })) = asked.recv() {
            let answer = self.metadata(helper, session, &source);
            failed |= answer.is_err();
            // Whoever asked may have given up.
            drop(reply.send(answer));
        }
        failed
    }

    /// Asks the program inside.
    fn metadata(
        &self,
        helper: &Helper<'_>,
        session: &Session,
        source: &SourceDist,
    ) -> Result<String, ResolveError> {
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
        let place = format!("{PLACE}/asked/{}", &digest(&packed.bytes)[..16]);
        let question = format!("{place}/source.json");
        let mut files = self.files.clone();
        files.push(file(format!("{place}/{}", packed.name), &packed.bytes));
        let settings = own_settings(session, source, &packed.name);
        files.extend(settings.map(|(name, text)| file(format!("{place}/{name}"), &text)));
        files.push(file(question.clone(), json!(source).to_string().as_bytes()));
        let fixed = ["metadata", &question, "--root", MOUNT_POINT];
        let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
        arguments.extend(self.arguments.iter().cloned());
        let variables = vec![(CARRIED.to_owned(), place)];
        let network = helper_network(self.settings);
        let told = helper.run(Call { arguments, files, variables, network });
        let told = told.map_err(|failure| {
            self.interrupted.set(self.interrupted.get() || failure.kind == "interrupted");
            broken(failure.to_string())
        })?;
        match serde_json::from_str(&told) {
            Ok(Answer::Metadata(text)) => Ok(text),
            Ok(Answer::Failure(failure)) => Err(ResolveError::Build(failure)),
            Err(_) => Err(broken(format!("the helper container answered `{told}`"))),
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

    /// The sources of a lock, by the names that builds inside expect.
    pub(super) fn carry(
        &self,
        lock: &Lock,
        session: &Session,
        index: &IndexOptions,
    ) -> Result<BTreeMap<String, Bytes>, Failure> {
        let mut carried = BTreeMap::new();
        for (package, source) in building::sources(lock, self.args, Some(index))? {
            if source.editable {
                let why = (BuildStage::Editable, EDITABLE);
                return Err(building::refused(lock, (package, &source), why));
            }
            let CarriedSource { name, bytes } = self.pack(session, &source)?;
            carried.extend(own_settings(session, &source, &name));
            carried.insert(name, bytes);
        }
        Ok(carried)
    }
}

/// The settings that one requirement gives its own build, as a file beside its source.
fn own_settings(session: &Session, source: &SourceDist, name: &str) -> Option<(String, Bytes)> {
    let own = session.build_settings.iter().filter(|one| one.is_for(source));
    let own: BuildSettings = own.flat_map(|one| one.settings.clone()).collect();
    (!own.is_empty()).then(|| (format!("{name}.settings"), json!(own).to_string().into()))
}

/// Says what may be different where a build failed in a container.
pub(super) fn explain(failure: Failure, image: &str) -> Failure {
    failure.hint(format!(
        "sources are built in a container of {image}, with the programs that are there and from \
         indexes that need no password"
    ))
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

/// The indexes of a session, which carry no credentials. Directories of wheels stay on this machine.
fn index_arguments(session: &Session) -> Vec<String> {
    let sources = &session.sources;
    // What a package is pinned to is searched for nothing else, in a container neither.
    let searched = sources.indexes.len().saturating_sub(sources.reserved);
    let mut arguments: Vec<String> = match sources.indexes[..searched].split_last() {
        None => vec!["--no-index".to_owned()],
        Some((default, further)) => {
            let further = further.iter().map(|url| format!("--extra-index-url={url}"));
            further.chain([format!("--index-url={default}")]).collect()
        }
    };
    let pages = sources.find_links.iter().filter(|place| place.contains("://"));
    arguments.extend(pages.map(|page| format!("--find-links={page}")));
    let strategy = match sources.strategy {
        IndexStrategy::FirstIndex => None,
        IndexStrategy::UnsafeFirstMatch => Some("unsafe-first-match"),
        IndexStrategy::UnsafeBestMatch => Some("unsafe-best-match"),
    };
    arguments.extend(strategy.map(|strategy| format!("--index-strategy={strategy}")));
    arguments
}
