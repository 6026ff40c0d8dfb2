//! What to install: requirements and a target in, a resolution and a lock out.
//! Writes nothing outside its HTTP cache, and knows nothing of environments or containers.
//!
//! A `RequirementSet` of `pyfast_packaging` → [`resolve`] over a [`Registry`] → [`Lock`].

mod build_source;
mod candidate;
mod direct;
mod error;
#[cfg(test)]
mod fixtures;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod hints;
mod lock;
mod newest;
mod no_solution;
mod once;
mod packages;
#[cfg(test)]
mod properties;
mod registry;
mod resolution;
mod solve;
mod universal;

pub use build_source::BuildSource;
pub use candidate::{Candidate, Policy, Preference, Prereleases, Selector, Unusable};
pub use direct::{Ahead, DirectTree, Looked, file_digest, look_ahead};
pub use error::Error;
pub use lock::{LineOptions, Lock, LockedFile, LockedPackage, Pin, Span, to_requirements};
pub use newest::newest;
pub use no_solution::NoSolution;
pub use registry::{IndexStrategy, Named, OnDecided, Registry, Sources};
pub use resolution::{Resolution, Resolved, direct_wheels, policy, resolve};
pub use universal::{Targeted, Universe, merge_targets, resolve_universal};
