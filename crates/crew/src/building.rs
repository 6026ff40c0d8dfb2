//! Building from source, joined: settings and the session's client, cache and indexes make the
//! installer's builder. Knows nothing of how a build goes.

mod alone;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use pyfast_environment::crew::BuiltWheels;
use pyfast_installer::build::{BuildOptions, BuildTools, Builder};
use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::PackageName;
use pyfast_packaging::build::{BuildFailure, BuildStage};
use pyfast_packaging::formats::FormatControl;
use pyfast_packaging::requirement::Requirement;
use pyfast_packaging::requirements_txt::{
    IndexOptions, ReadContext, RequirementSet, read_build_constraints,
};
use pyfast_packaging::source_dist::SourceDist;
use pyfast_resolver::{Error as ResolveError, Lock, LockedPackage};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::{Events, sink};
use crate::inputs::fetch;
use crate::interpreter::compiling_python;
use crate::session::Session;
use crate::side_by_side::{builds_at_once, side_by_side};
use pyfast_settings::{Python, ResolveFlags, Settings, interpreters, is_remote};

pub use alone::{Alone, build_alone};

/// Which kinds of distributions the files' options and then the command line's allow.
pub(crate) fn formats(
    args: &ResolveFlags,
    index: Option<&IndexOptions>,
) -> Result<FormatControl, Error> {
    let mut formats = FormatControl::default();
    let wrong = |name: String| Error::PackageName { name };
    let only = index.into_iter().flat_map(|index| &index.only_binary);
    for text in only.chain(&args.only_binary) {
        formats.only_binary.add(text).map_err(wrong)?;
    }
    let no = index.into_iter().flat_map(|index| &index.no_binary);
    for text in no.chain(&args.no_binary) {
        formats.no_binary.add(text).map_err(wrong)?;
    }
    formats.only_binary.all |= args.no_build;
    Ok(formats)
}

/// The variable that tells a build's container where the sources are that came into it.
pub(crate) const CARRIED_SOURCES: &str = "PYFAST_CARRIED_SOURCES";

/// The root below the user's cache directory that builds happen in where no root of the user's own is.
pub const BUILDS: &str = "builds-1";

/// What a container that builds a source prints. A failed build is an answer too.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceAnswer {
    /// The text of `METADATA`.
    Metadata(String),
    /// The name of the wheel that was left.
    Wheel(String),
    /// Why there is none.
    Failure(Box<BuildFailure>),
}

/// Where builds happen, and for whom.
pub struct BuildPlace<'a> {
    /// The root that built wheels are kept in.
    pub store: PathBuf,
    /// The root that builds happen in, which only this user writes.
    pub yard: PathBuf,
    /// The interpreter that the wheels are for.
    pub interpreter: &'a Interpreter,
}

impl Session {
    /// Lets this session build what has no wheel; without an interpreter of this machine that could,
    /// only sources that state their metadata can be resolved.
    ///
    /// # Errors
    /// If the settings of builds mean nothing, or no interpreter can be found.
    pub fn build_in(
        &mut self,
        place: BuildPlace<'_>,
        args: &ResolveFlags,
        settings: &Settings,
        events: &Events,
    ) -> Result<(), Error> {
        let Some(interpreter) = compiling_python(settings, place.interpreter) else {
            return Ok(());
        };
        // A virtual environment's own packages are meant, not those of the Python below it.
        let shared = match &settings.python {
            _ if !args.no_build_isolation => None,
            Python::Host(_) => Some(interpreters::own(settings)?.path),
            Python::Managed(_) | Python::Image(_) => Some(interpreter.executable.clone()),
        };
        let options = BuildOptions {
            interpreter,
            foreign: !settings.python.is_here(),
            variables: settings.variables.all().clone(),
            config_settings: config_settings(&args.config_settings)?,
            settings_of: self.build_settings.clone(),
            constraints: self.build_constraints(args, settings, events)?,
            formats: FormatControl::default(),
            exclude_newer: args.wishing(&self.wishes)?.exclude_newer,
            shared,
            carried: carried(settings),
            at_once: builds_at_once(args.concurrent_builds),
        };
        let tools = BuildTools {
            store: place.store,
            yard: place.yard,
            client: Arc::clone(&self.client),
            cache: self.cache.clone(),
            sources: self.sources.clone(),
            runtime: self.runtime.handle().clone(),
            sink: sink(events),
        };
        let builder = Arc::new(Builder::new(options, tools));
        self.asked = Some(Arc::clone(&builder) as _);
        self.build = Some(builder);
        Ok(())
    }

    /// What limits the versions of what builds need: what the project's files say, and what is said besides.
    pub(crate) fn build_constraints(
        &self,
        args: &ResolveFlags,
        settings: &Settings,
        events: &Events,
    ) -> Result<Vec<Requirement>, Error> {
        let mut constraints = self.build_constraints.clone();
        constraints.extend(given_constraints(args, settings, events)?.build_constraints);
        let mut seen = BTreeSet::new();
        constraints.retain(|constraint| seen.insert(constraint.to_string()));
        Ok(constraints)
    }

    /// Builds every source of a lock that is not built yet.
    pub(crate) fn build_all(
        &self,
        lock: &Lock,
        args: &ResolveFlags,
        index: Option<&IndexOptions>,
    ) -> Result<BuiltWheels, Error> {
        let sources = sources(lock, &formats(args, index)?, args)?;
        let Some((package, first)) = sources.first() else { return Ok(BuiltWheels::new()) };
        let builder = self.build.as_deref().ok_or_else(|| {
            let nobody = "no Python of this machine can build for this environment";
            refused(lock, package, first, BuildStage::Allowed, nobody)
        })?;
        let built =
            side_by_side(&sources, builds_at_once(args.concurrent_builds), |(package, source)| {
                let wheel = builder.wheel(source).map_err(|mut error| {
                    if let pyfast_installer::Error::Build(failure) = &mut error
                        && failure.chain.is_empty()
                    {
                        failure.chain = chain(lock, &package.name);
                    }
                    error
                })?;
                Ok::<_, pyfast_installer::Error>((package.name.clone(), wheel))
            })?;
        Ok(built.into_iter().collect())
    }
}

/// Where sources are that another machine sent here.
fn carried(settings: &Settings) -> Option<PathBuf> {
    settings.variables.get(CARRIED_SOURCES).map(PathBuf::from)
}

/// The packages of a lock that come from source, all of which the user must allow to be built.
pub(crate) fn sources<'a>(
    lock: &'a Lock,
    formats: &FormatControl,
    args: &ResolveFlags,
) -> Result<Vec<(&'a LockedPackage, SourceDist)>, Error> {
    let sources = lock.packages.iter().filter_map(|package| Some((package, package.source()?)));
    let allowed = sources.map(|(package, source)| {
        if allowed(package, args, formats) {
            return Ok((package, source));
        }
        let reason = "there is no wheel of it, and building is not allowed";
        Err(refused(lock, package, &source, BuildStage::Allowed, reason))
    });
    allowed.collect()
}

/// A source that is not built, and who needs it.
pub(crate) fn refused(
    lock: &Lock,
    package: &LockedPackage,
    source: &SourceDist,
    stage: BuildStage,
    reason: &str,
) -> Error {
    let mut failure = BuildFailure::new(source, stage, reason);
    failure.chain = chain(lock, &package.name);
    ResolveError::Build(Box::new(failure)).into()
}

/// Whether the user allows a source to be built. Rule 12: what may be built does not limit editables,
/// whose files are here; but without builds nothing runs at all.
fn allowed(package: &LockedPackage, args: &ResolveFlags, formats: &FormatControl) -> bool {
    let editable = package.tree.as_ref().is_some_and(|tree| tree.editable);
    if editable { !args.no_build } else { formats.allows_source(&package.name) }
}

/// Who needs a package, from what the user asks for down to its parent.
pub(crate) fn chain(lock: &Lock, name: &PackageName) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    let mut child = name;
    while let Some(parent) = lock.packages.iter().find(|package| {
        package.dependencies.contains(child) && !chain.contains(&package.name.to_string())
    }) {
        chain.insert(0, parent.name.to_string());
        child = &parent.name;
        if parent.requested {
            break;
        }
    }
    chain
}

fn config_settings(given: &[String]) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in given {
        let (key, value) =
            text.split_once('=').ok_or_else(|| Error::BuildSetting { text: text.clone() })?;
        settings.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    Ok(settings)
}

/// What the command line's files limit of what builds need, and all that was read for it.
pub(crate) fn given_constraints(
    args: &ResolveFlags,
    settings: &Settings,
    events: &Events,
) -> Result<RequirementSet, Error> {
    if args.build_constraints.is_empty() {
        return Ok(RequirementSet::default());
    }
    let working = &settings.project.working_directory;
    let context = ReadContext {
        variables: settings.variables.all().clone(),
        working_directory: working.clone(),
        fetch: Some(fetch(settings, false, events)),
        ..ReadContext::default()
    };
    let absolute = |path: &PathBuf| if is_remote(path) { path.clone() } else { working.join(path) };
    let files: Vec<PathBuf> = args.build_constraints.iter().map(absolute).collect();
    Ok(read_build_constraints(&files, &context)?)
}
