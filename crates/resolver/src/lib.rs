//! What to install: requirements and targets in, a lock out.
//! Writes nothing outside its HTTP cache, and knows nothing of environments or containers.
//!
//! Begin at [`lock()`]: a `RequirementSet` of `pyfast_packaging` is what a [`LockRequest`] asks for,
//! [`LockTools`] are what it takes to answer it, and [`Locked`] is the answer.

mod build_source;
mod candidate;
pub mod cutoff;
mod direct;
mod environments;
mod error;
#[cfg(test)]
mod fixtures;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod hints;
mod lock;
mod locked;
mod newest;
mod no_solution;
mod once;
mod packages;
#[cfg(test)]
mod properties;
mod registry;
mod request;
mod resolution;
mod solve;
mod sources;
mod targets;
mod told_by;
mod tools;
mod universal;

pub use build_source::BuildSource;
pub use candidate::{Candidate, Policy, Preference, Prereleases, Unusable};
pub use error::Error;
pub use lock::{LineOptions, Lock, LockedFile, LockedPackage, Pending, Pin, Span, native};
pub use locked::{Claim, Locked};
pub use newest::newest;
pub use no_solution::NoSolution;
pub use request::{LockRequest, NamedTarget, Standing, Targets};
pub use sources::{IndexStrategy, Sources};
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
    let named: Vec<_> = match &request.targets {
        Targets::One(target) => vec![target],
        Targets::Several(several) => several.iter().map(|named| &named.target).collect(),
        Targets::Universal(_) => Vec::new(),
    };
    let tools = &LockTools { sources: tools.sources.settled(&named)?, ..tools.clone() };
    let several_tools = || LockTools { whole_up_to: 0, ..tools.clone() };
    let mut locked = match &request.targets {
        Targets::One(target) => targets::lock_one(request, target, tools, events)?,
        Targets::Several(several) => targets::lock_several(request, several, &several_tools())?,
        Targets::Universal(python) => universal::lock_universal(request, python, &several_tools())?,
    };
    locked.lock.inputs = Some(inputs);
    Ok(locked)
}
