//! Builds wheels from sources (PEP 517) in isolated environments that this crate makes itself, once
//! however many processes ask. The wheel enters the store through the same audit as any other.
//! Knows nothing of requirements files; what may be built is the caller's decision.

mod brought;
mod built;
mod carried;
mod clean;
mod debian;
mod diagnose;
mod handing;
mod hook;
mod metadata;
mod project;
mod system;
mod tree;
mod tree_digest;
mod turns;
mod workshop;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use pyfast_index::Body;
use pyfast_index::cache::Cache;
use pyfast_index::client::Client;
use pyfast_index::git::check_out;
use pyfast_packaging::build::{BuildFailure, BuildStage};
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::formats::FormatControl;
use pyfast_packaging::hash::{Digest, Sha256};
use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::requirement_line::BuildSettings;
use pyfast_packaging::requirements_txt::SettingsOf;
use pyfast_packaging::source_dist::{SourceDist, SourceTree};
use pyfast_resolver::Error as ResolveError;
use pyfast_resolver::cutoff::Cutoff;
use pyfast_root::Root;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::error::Error;
use crate::event::{Event, Sink};
use crate::interpreter::Interpreter;
use crate::store::Store;

pub use brought::built_wheel;
pub(crate) use built::remembered_wheel;
pub use built::{RememberedWheel, remember_wheel, remembered_wheels};
pub use carried::{CarriedSource, CarryTools, carried_settings, carry};
pub use debian::debian_package;
pub use handing::Handed;
pub use tree_digest::{tree_digest, tree_listing};

use built::Memory;
use hook::{Answer, Call, Hook};
use project::Project;
use system::BuildSystem;
use turns::{Circle, Making, Turn};
use workshop::{BuildRun, Workshop};

/// Raised when the same source could be built from something else than before: 2 since the places that a project
/// names for what it needs count.
const MEANING: u32 = 2;

/// Why a build that waits for itself is refused.
const NEEDS_ITSELF: &str = "it is needed to build itself";

/// How sources are built.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The interpreter of this machine that runs the builds.
    pub interpreter: Interpreter,
    /// Whether wheels are for another machine, which only those of pure Python fit.
    pub foreign: bool,
    /// The environment variables of this process; those that hold credentials are left out.
    pub variables: BTreeMap<String, String>,
    /// Passed on to each backend: one value, or several, for each key.
    pub config_settings: BuildSettings,
    /// Passed on to the backends of single requirements, in the place of those of the same key.
    pub settings_of: Vec<SettingsOf>,
    /// Constraints on what builds need.
    pub constraints: Vec<Requirement>,
    /// Which kinds of distributions builds may need.
    pub formats: FormatControl,
    /// What builds need must have been uploaded before this ISO 8601 time.
    pub exclude_newer: Option<Cutoff>,
    /// Without isolation: the interpreter of an environment that has what builds need.
    pub shared: Option<PathBuf>,
    /// A directory of sources that another machine packed with [`carry`]; what is there is looked for nowhere else.
    pub carried: Option<PathBuf>,
    /// How many hooks may run at once.
    pub at_once: NonZeroUsize,
}

/// What builds work with.
pub struct BuildTools {
    /// The root where built wheels are kept and remembered; made when it is needed.
    pub store: PathBuf,
    /// The root where builds happen: their environments, what those need, and their directories.
    /// Nobody but this user may write it, because hooks run with what lies there. May be the same.
    pub yard: PathBuf,
    /// Fetches.
    pub client: Arc<Client>,
    /// Pages, metadata and source archives.
    pub cache: Cache,
    /// Where requirements of builds come from, without credentials.
    pub sources: pyfast_resolver::Sources,
    /// Where fetching runs.
    pub runtime: Handle,
    /// Told each step.
    pub sink: Sink,
}

/// A wheel in the store that was built from source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltWheel {
    /// Its file name.
    pub filename: WheelFilename,
    /// Its digest.
    pub sha256: Sha256,
    /// The text of its `METADATA`.
    pub metadata: String,
}

/// Builds sources.
pub struct Builder {
    run: Arc<BuildRun>,
    /// What is being built and needs what this one builds.
    chain: Vec<String>,
    /// The same as turns, with the environments of builds among them.
    making: Making,
}

/// One source that is ready to be built.
struct Ready {
    project: Project,
    /// A directory for what hooks write.
    work: PathBuf,
    system: BuildSystem,
    workshop: Arc<Workshop>,
}

/// Whether a wheel is what was to be built of a source, for this interpreter; else why not, in words.
///
/// # Errors
/// The reason: another project's, another version's or another Python's.
pub fn fits(
    source: &SourceDist,
    filename: &WheelFilename,
    interpreter: &Interpreter,
) -> Result<(), String> {
    if source.name.as_ref().is_some_and(|name| *name != filename.name) {
        return Err(format!("its backend made {filename}, another project's wheel"));
    }
    let public = filename.version.clone().without_local();
    if source.version.as_ref().is_some_and(|v| *v != filename.version && *v != public) {
        return Err(format!("its backend made {filename}, another version"));
    }
    if interpreter.target().tags.rank(filename).is_none() {
        return Err(format!("its backend made {filename}, which fits another Python"));
    }
    Ok(())
}

impl Builder {
    /// A builder; nothing is made before something is built.
    pub fn new(options: BuildOptions, tools: BuildTools) -> Self {
        Self { run: Arc::new(BuildRun::new(options, tools)), chain: Vec::new(), making: Vec::new() }
    }

    /// The wheel of a source, built unless that was done before.
    ///
    /// # Errors
    /// [`Error::Build`] with what the build printed; what fetching fails with.
    pub fn wheel(&self, source: &SourceDist) -> Result<BuiltWheel, Error> {
        let memory = self.memory(source)?;
        let store = self.home()?;
        if let Some(built) = memory.wheel(&store)? {
            return Ok(built);
        }
        let turn = self.turn(source, &memory.key)?;
        let _alone = memory.alone(&*self.run.tools.sink)?;
        if let Some(built) = memory.wheel(&store)? {
            return Ok(built);
        }
        let within = self.within(&turn);
        let built = within.with_ready(source, |ready| {
            let (filename, path) = within.build(source, ready)?;
            self.admit(source, filename, &path)
        })?;
        memory.remember_wheel(&built)?;
        Ok(built)
    }

    /// The turn of this process' threads to make something.
    fn turn(&self, source: &SourceDist, thing: &str) -> Result<Turn<'_>, Error> {
        let taken = self.run.turns.take(&self.making, thing);
        taken.map_err(|Circle| self.failure(source, BuildStage::Requirements, NEEDS_ITSELF))
    }

    /// The same builder, while something is made.
    fn within(&self, turn: &Turn<'_>) -> Self {
        let making = [&self.making[..], &[turn.number]].concat();
        Self { run: Arc::clone(&self.run), chain: self.chain.clone(), making }
    }

    /// Where wheels are kept. What builds need themselves never leaves the place where builds happen.
    fn home(&self) -> Result<Arc<Store>, Error> {
        if self.chain.is_empty() { self.run.store() } else { self.run.yard() }
    }

    /// The root of [`Self::home`].
    fn home_root(&self) -> Result<Root, Error> {
        let tools = &self.run.tools;
        let root = if self.chain.is_empty() { &tools.store } else { &tools.yard };
        Ok(Root::create(root, root)?)
    }

    /// Lets a wheel into the store, if it is what was to be built.
    fn admit(
        &self,
        source: &SourceDist,
        filename: WheelFilename,
        path: &Path,
    ) -> Result<BuiltWheel, Error> {
        self.check(source, &filename)?;
        let store = self.home()?;
        let sha256 = store.admit_made(&filename, path)?;
        let metadata = built::stored_metadata(&store, &sha256)?;
        Ok(BuiltWheel { filename, sha256, metadata })
    }

    /// The memory of this build. A build that waits for itself would never end, so it is refused
    /// before any lock is taken.
    fn memory(&self, source: &SourceDist) -> Result<Memory, Error> {
        if self.chain.contains(&source.to_string()) {
            return Err(self.failure(source, BuildStage::Requirements, NEEDS_ITSELF));
        }
        if source.editable && self.run.options.foreign {
            let reason = "an image does not have the files that an editable points to";
            return Err(self.failure(source, BuildStage::Editable, reason));
        }
        let digest = match &source.tree {
            SourceTree::Archive { sha256, .. } => sha256.to_string(),
            // An editable's wheel has no files of its own: only what describes it shapes it.
            SourceTree::Directory(path) if source.editable => {
                let project = source.subdirectory.as_ref().map_or(path.clone(), |d| path.join(d));
                format!("{} {}", path.display(), tree_digest::description_digest(&project))
            }
            SourceTree::Directory(path) => match self.carried(source)? {
                Some(packed) => format!("{} {}", path.display(), Sha256::of(&packed)),
                None => format!("{} {}", path.display(), tree_digest(path)?),
            },
            SourceTree::Repository { url, commit, .. } => format!("git+{url}@{commit}"),
        };
        let options = &self.run.options;
        let facts = &options.interpreter;
        let constraints: Vec<String> =
            options.constraints.iter().map(ToString::to_string).collect();
        let key = json!([
            MEANING,
            digest,
            source.subdirectory,
            source.editable,
            self.config_settings(source),
            constraints,
            options.shared.as_deref().map(|python| shared_key(python, facts)),
            [&facts.soabi, &facts.cache_tag],
            facts.version().to_string(),
            facts.tags.machine,
        ]);
        Ok(Memory::new(&self.home_root()?, &key))
    }

    fn failure(&self, source: &SourceDist, stage: BuildStage, reason: &str) -> Error {
        let mut failure = BuildFailure::new(source, stage, reason);
        failure.chain.clone_from(&self.chain);
        failure.python = Some(self.run.options.interpreter.tags.python);
        Error::Build(Box::new(failure))
    }

    /// Unpacks the source, makes its environment, and cleans up afterwards.
    fn with_ready<T>(
        &self,
        source: &SourceDist,
        act: impl FnOnce(&Ready) -> Result<T, Error>,
    ) -> Result<T, Error> {
        (self.run.tools.sink)(Event::Building { source: source.to_string() });
        let yard = self.run.yard()?;
        let name = yard.fresh_name()?;
        yard.workspace().create_dir(&name, 0o755)?;
        let work = yard.workspace().path().join(&name);
        let outcome = self.ready(source, work).and_then(|ready| act(&ready));
        let removed = yard.workspace().remove_tree(&name);
        (self.run.tools.sink)(Event::BuildEnded { source: source.to_string() });
        let outcome = outcome?;
        removed?;
        Ok(outcome)
    }

    fn ready(&self, source: &SourceDist, work: PathBuf) -> Result<Ready, Error> {
        let top = match (&source.tree, self.carried(source)?) {
            (tree, Some(packed)) => {
                let packed = Body::Memory(packed.into());
                self.unpack(source, carried::format(tree), &packed, &work)?
            }
            (SourceTree::Directory(path), None) => path.clone(),
            (SourceTree::Archive { filename, location, sha256 }, None) => {
                let tools = &self.run.tools;
                let (client, cache) = (&tools.client, &tools.cache);
                let expected = Digest::Sha256(*sha256);
                let fetch = pyfast_index::source_archive::fetch_source(
                    client,
                    cache,
                    filename,
                    location,
                    Some(&expected),
                );
                let fetched = tools.runtime.block_on(fetch).map_err(Error::Fetch)?;
                self.unpack(source, filename, &fetched.body, &work)?
            }
            (SourceTree::Repository { url, commit, .. }, None) => {
                let (tools, top) = (&self.run.tools, work.join("source"));
                check_out(&tools.client, &tools.cache, url, commit, &top).map_err(Error::Fetch)?;
                top
            }
        };
        let directory = source.subdirectory.as_ref().map_or(top.clone(), |below| top.join(below));
        let wrong = |reason: String| self.failure(source, BuildStage::Source, &reason);
        let project = Project::read(&source.tree, directory, top).map_err(wrong)?;
        let system = BuildSystem::parse(&project.text).map_err(wrong)?;
        let workshop = self.workshop(source, &project, &system.requires)?;
        Ok(Ready { project, work, system, workshop })
    }

    /// What another machine packed of a source.
    fn carried(&self, source: &SourceDist) -> Result<Option<Vec<u8>>, Error> {
        let carried = self.run.options.carried.as_deref();
        let Some(path) = carried::found(carried, &source.tree) else { return Ok(None) };
        let bytes = fs_err::read(&path).map_err(Error::io("read", &path))?;
        match &source.tree {
            SourceTree::Archive { sha256, .. } if Sha256::of(&bytes) != *sha256 => {
                Err(self.failure(source, BuildStage::Source, "it came here with other bytes"))
            }
            _ => Ok(Some(bytes)),
        }
    }

    fn unpack(
        &self,
        source: &SourceDist,
        filename: &str,
        body: &Body,
        work: &Path,
    ) -> Result<PathBuf, Error> {
        let top = work.join("source");
        tree::unpack(filename, body, &top)
            .map_err(|error| self.failure(source, BuildStage::Source, &error.to_string()))?;
        Ok(top)
    }

    /// An environment with these requirements of a project.
    fn workshop(
        &self,
        source: &SourceDist,
        project: &Project,
        requires: &[String],
    ) -> Result<Arc<Workshop>, Error> {
        let requires = project.requirements(&self.run, requires);
        let requires = &requires
            .map_err(|reason| self.failure(source, BuildStage::Requirements, &reason))?[..];
        if let Some(workshop) = self.run.standing(requires) {
            return Ok(workshop);
        }
        let turn = self.turn(source, &format!("environment with {requires:?}"))?;
        if let Some(workshop) = self.run.standing(requires) {
            return Ok(workshop);
        }
        let mut inner = self.within(&turn);
        inner.chain.push(source.to_string());
        self.run.workshop(requires, inner).map_err(|error| {
            let unmet = match &error {
                Error::Resolve(error) => matches!(
                    error.root(),
                    ResolveError::NoSolution(_)
                        | ResolveError::UnknownPackage { .. }
                        | ResolveError::Packaging(pyfast_packaging::Error::Requirement { .. })
                ),
                // What a requirement's own build failed with is the better story.
                _ => false,
            };
            if !unmet {
                return error;
            }
            self.failure(source, BuildStage::Requirements, &error.to_string())
        })
    }

    /// The environment with what the backend asks for besides.
    fn complete(
        &self,
        source: &SourceDist,
        ready: &Ready,
        stage: BuildStage,
    ) -> Result<Arc<Workshop>, Error> {
        let hook = if source.editable {
            "get_requires_for_build_editable"
        } else {
            "get_requires_for_build_wheel"
        };
        let arguments = json!([self.settings(source)]);
        let call = Call { stage, hook, arguments };
        let answer = self.run_hook(source, ready, &ready.workshop, &call)?;
        let asked: Vec<String> = match answer {
            Answer::Missing => Vec::new(),
            Answer::Value(value) => serde_json::from_value(value).map_err(|_other| {
                self.failure(source, stage, &format!("its backend answered {hook} with no list"))
            })?,
        };
        if asked.is_empty() || self.run.options.shared.is_some() {
            return Ok(Arc::clone(&ready.workshop));
        }
        self.workshop(source, &ready.project, &[&ready.system.requires[..], &asked].concat())
    }

    /// The settings of one build.
    fn config_settings(&self, source: &SourceDist) -> BuildSettings {
        let options = &self.run.options;
        let own = options.settings_of.iter().filter(|one| one.is_for(source));
        let own: BuildSettings = own.flat_map(|one| one.settings.clone()).collect();
        let mut settings = options.config_settings.clone();
        settings.extend(own);
        settings.extend(carried::settings(options.carried.as_deref(), &source.tree));
        settings
    }

    fn settings(&self, source: &SourceDist) -> Value {
        let settings = self.config_settings(source);
        if settings.is_empty() {
            return Value::Null;
        }
        let values = settings.iter().map(|(key, values)| match &values[..] {
            [one] => (key.clone(), json!(one)),
            several => (key.clone(), json!(several)),
        });
        Value::Object(values.collect())
    }

    fn run_hook(
        &self,
        source: &SourceDist,
        ready: &Ready,
        workshop: &Workshop,
        call: &Call<'_>,
    ) -> Result<Answer, Error> {
        let hook = Hook {
            python: &workshop.python,
            path: workshop.path.as_deref(),
            variables: &self.run.variables,
            directory: &ready.project.directory,
            work: &ready.work,
        };
        let slot = self.run.slots.take();
        let answer = hook.call(&ready.system, call)?;
        drop(slot);
        answer.map_err(|(reason, log)| {
            let Error::Build(mut failure) = self.failure(source, call.stage, &reason) else {
                unreachable!("a failure is a failed build")
            };
            failure.log = diagnose::tail(&log);
            failure.missing = diagnose::missing(&log);
            Error::Build(failure)
        })
    }

    /// Builds the wheel in the directory of the build.
    fn build(&self, source: &SourceDist, ready: &Ready) -> Result<(WheelFilename, PathBuf), Error> {
        let stage = BuildStage::Wheel;
        let workshop = self.complete(source, ready, stage)?;
        let place = ready.work.join("wheels");
        fs_err::create_dir_all(&place).map_err(Error::io("create", &place))?;
        let hook = if source.editable { "build_editable" } else { "build_wheel" };
        let arguments = json!([place, self.settings(source), null]);
        let answer = self.run_hook(source, ready, &workshop, &Call { stage, hook, arguments })?;
        let failed = |reason: String| self.failure(source, stage, &reason);
        let name = match &answer {
            Answer::Value(Value::String(name)) => name,
            Answer::Missing => return Err(failed(format!("its backend has no {hook}"))),
            Answer::Value(_) => {
                return Err(failed(format!("its backend answered {hook} with no name")));
            }
        };
        let filename: WheelFilename =
            name.parse().map_err(|error| failed(format!("its backend made no wheel: {error}")))?;
        let path = place.join(filename.as_str());
        Ok((filename, path))
    }

    /// Whether a wheel is what was to be built, and fits where it will be used.
    fn check(&self, source: &SourceDist, filename: &WheelFilename) -> Result<(), Error> {
        let failed = |reason: String| self.failure(source, BuildStage::Wheel, &reason);
        let options = &self.run.options;
        fits(source, filename, &options.interpreter).map_err(failed)?;
        if options.foreign && filename.platform != "any" {
            return Err(failed(format!(
                "its wheel {filename} has machine code of this machine, and it is for an image"
            )));
        }
        Ok(())
    }
}

/// An environment that is not ours, and when packages were last put into it or taken out.
fn shared_key(python: &Path, facts: &Interpreter) -> String {
    let lib = python.parent().map(|bin| bin.with_file_name("lib")).unwrap_or_default();
    let packages = lib.join(format!("python{}", facts.short_version())).join("site-packages");
    let changed = fs_err::metadata(&packages).and_then(|metadata| metadata.modified()).ok();
    let changed = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    format!("{} {}", python.display(), changed.unwrap_or_default().as_nanos())
}

#[cfg(test)]
mod tests;
