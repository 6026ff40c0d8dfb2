//! What to install: requirements and targets in, a lock out.
//! Writes nothing outside its HTTP cache, and knows nothing of environments or containers.
//!
//! Begin at [`lock`]: [`read_requirements`] gives what a [`LockRequest`] asks for, [`LockTools`] are what
//! it takes to answer it, and [`Locked`] is the answer.

mod build_source;
mod cache;
mod candidate;
mod client;
mod credentials;
mod cutoff;
mod direct;
mod distribution;
mod dns;
mod environments;
mod error;
mod flat;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod guards;
mod hints;
mod html;
mod index;
mod joined;
mod keyring;
mod lock;
mod locked;

mod logins;
mod metadata;
mod newest;
mod once;
mod packages;
mod page;
mod platform;
mod project_file;
#[cfg(test)]
mod properties;
mod range;
mod registry;
mod regular;
mod remote;
mod report;
mod request;
mod requirement;
mod requirement_line;
mod requirement_source;
mod requirements_txt;

mod resolution;
mod rules;
mod scope;
mod search;
mod simple;
mod solve;
mod source;
mod sources;
mod spot;
mod tags;
mod target;
mod targets;
mod texts;
mod tls;
mod tools;
mod universal;

pub use build_source::{BuildFailure, BuildSource, BuildStage, Missing};
pub use cache::Cache;
pub use candidate::{Candidate, Policy, Preference, Prereleases, Unusable};
pub use client::{Answer, Client, ClientOptions, LARGEST_FILE, Request};
pub use credentials::{CredentialSources, Credentials, redact};
pub use cutoff::{Cutoff, InvalidCutoff};
pub use direct::file_digest;
pub use distribution::{InvalidSha256, InvalidWheelFilename, Location, Sha256, WheelFilename};
pub use error::{Error, Include};
pub use joined::joined;
pub use keyring::KeyringProgram;
pub use lock::{LineOptions, Lock, LockedFile, LockedPackage, Pin, Span, to_requirements};
pub use locked::{Claim, Locked};
pub use metadata::{Dependency, Metadata, parse as parse_metadata};
pub use newest::newest;
pub use pep440_rs::{Version, VersionSpecifiers};
pub use pep508_rs::{
    ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree, PackageName,
};
pub use platform::named_target;
pub use project_file::{RequiresPython, WantedExtras};
pub use report::NoSolution;
pub use request::{LockRequest, NamedTarget, Standing, Targets};
pub use requirement::{DirectWheel, Origin, Requirement, Source};
pub use requirement_line::BuildSettings;
pub use requirement_source::{DirectSource, Place, Repository, SourceRequirement, parse_source};
pub use requirements_txt::{
    IndexOptions, ReadContext, RequirementSet, SettingsOf, read_requirements,
};

pub use source::archive::{Member, Visit, walk_source};
pub use source::git::check_out;
pub use source::{
    DistFilename, FormatControl, Projects, SourceDist, SourceFilename, SourceTree,
    build_requirements, fetch_source,
};
pub use sources::{IndexStrategy, Sources};
pub use spot::Spot;
pub use tags::{Libc, TagFacts, Tags};
pub use target::Target;
pub use texts::{FetchText, fetch_text};
pub use tls::InsecureHost;
pub use tools::{Events, LockEvent, LockTools};

/// Makes a lock: for one target, for several, or for every platform. Waits, so it must be called outside
/// of the tools' runtime.
///
/// # Errors
/// [`Error::NoSolution`] and [`Error::UnknownPackage`] for requirements that cannot be met,
/// [`Error::OfTarget`] with any error of one of several targets; otherwise what reading, fetching and
/// building failed with.
pub fn lock(
    request: &LockRequest<'_>,
    tools: &LockTools,
    events: Events<'_>,
) -> Result<Locked, Error> {
    // Of the files as they are now: an edit from here on is not answered.
    let inputs = request.fingerprint();
    // Of several targets nobody is told of decisions, so nobody would take whole wheels.
    let several_tools = || LockTools { whole_up_to: 0, ..tools.clone() };
    let mut locked = match &request.targets {
        Targets::One(target) => targets::lock_one(request, target, tools, events)?,
        Targets::Several(several) => targets::lock_several(request, several, &several_tools())?,
        Targets::Universal(python) => universal::lock_universal(request, python, &several_tools())?,
    };
    locked.lock.inputs = Some(inputs);
    Ok(locked)
}
