//! Which packages of a lock have newer versions, and which of those the requirements allow. Nothing is built to find it.

use std::collections::BTreeMap;
use std::path::Path;

use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::target::Target;
use pyfast_packaging::{PackageName, Version};
use pyfast_resolver::{Lock, LockRequest, LockTools, LockedPackage, Targets, lock, newest};
use pyfast_settings::{ResolveFlags, Settings, own_lock::OwnLock};
use serde_json::{Value, json};

use crate::error::Error;
use crate::event::{Event, Events};
use crate::inputs::if_any;
use crate::interpreter::{host_python, interpreter};
use crate::session::{Session, lock_request, policy};

/// A lock that is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The lock.
    pub lock: &'a Lock,
    /// Where it lies.
    pub path: &'a Path,
    /// What it is looked at for.
    pub target: &'a Target,
    /// Whether only packages count that the requirements name.
    pub requested: bool,
}

/// A package with a newer version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    /// Its name.
    pub name: PackageName,
    /// The version in the lock.
    pub locked: Version,
    /// The newest that the requirements allow, where that is known.
    pub wanted: Option<Version>,
    /// The newest.
    pub newest: Version,
    /// Whether the requirements name it.
    pub requested: bool,
}

impl Outdated {
    /// As a script reads it.
    pub fn to_json(&self) -> Value {
        let Self { name, locked, wanted, newest, requested } = self;
        json!({
            "name": name.to_string(),
            "version": locked.to_string(),
            "wanted": wanted.as_ref().map(ToString::to_string),
            "newest": newest.to_string(),
            "requested": requested,
        })
    }
}

/// What was found.
#[derive(Debug)]
pub struct Answer {
    /// The packages with newer versions, in the order of the lock.
    pub outdated: Vec<Outdated>,
    /// Why it is not known what the requirements allow: an answer without that is an answer too.
    pub unknown: Option<pyfast_resolver::Error>,
}

/// Looks for newer versions, as `resolve` says.
///
/// # Errors
/// What keeps the newest versions from being known.
pub fn outdated(
    question: Question<'_>,
    resolve: &ResolveFlags,
    settings: &Settings,
    events: &Events,
) -> Result<Answer, Error> {
    // A package that is named by URL or path has no newer version anywhere.
    let counts =
        |package: &&LockedPackage| !package.direct && (package.requested || !question.requested);
    let looked_at: Vec<_> = question.lock.packages.iter().filter(counts).collect();
    let names: Vec<PackageName> = looked_at.iter().map(|package| package.name.clone()).collect();
    // The requirements files name indexes; a lock may be looked at without them.
    let inputs = if_any(resolve, settings, events)?;
    let files = inputs.is_some();
    let set = inputs.map_or_else(RequirementSet::default, |inputs| inputs.set);
    for warning in &set.warnings {
        events(Event::Warning(warning.clone()));
    }
    let own = interpreter(settings).ok();
    let host = host_python(settings, own.as_ref());
    let session =
        Session::new(settings, &set, host.as_deref(), settings.cache_directory()?, events)?;
    let tools = session.tools(resolve, 0)?;
    let newest = newest(&names, question.target, &policy(&set, resolve)?, &tools)?;
    let is_later = |package: &&LockedPackage| {
        newest.get(&package.name).is_some_and(|newest| *newest > package.version)
    };
    let later: Vec<_> = looked_at.into_iter().filter(is_later).collect();
    let known = if later.is_empty() || !files || !is_own(question.path, settings) {
        Ok(BTreeMap::new())
    } else {
        let targets = Targets::One(question.target.clone());
        wanted(&lock_request(&set, resolve, targets, Vec::new())?, &tools)
    };
    session.runtime.shutdown_background();
    let (known, unknown) = match known {
        Ok(known) => (known, None),
        Err(error) => (BTreeMap::new(), Some(error)),
    };
    let found = later.into_iter().map(|package| Outdated {
        name: package.name.clone(),
        locked: package.version.clone(),
        wanted: known.get(&package.name).cloned(),
        newest: newest[&package.name].clone(),
        requested: package.requested,
    });
    Ok(Answer { outdated: found.collect(), unknown })
}

/// Whether the lock answers the requirements of the project, not of another.
fn is_own(path: &Path, settings: &Settings) -> bool {
    let own = OwnLock::configured(&settings.project, &settings.env);
    own.places().iter().any(|place| place == path)
}

/// What would be locked now.
fn wanted(
    request: &LockRequest<'_>,
    tools: &LockTools,
) -> Result<BTreeMap<PackageName, Version>, pyfast_resolver::Error> {
    let locked = lock(request, tools, &|_decided| ())?;
    let packages = locked.lock.packages.into_iter();
    Ok(packages.map(|package| (package.name, package.version)).collect())
}
