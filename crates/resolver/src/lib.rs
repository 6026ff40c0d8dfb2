//! What to install: requirements and a target in, a resolution and a lock out.
//! Writes nothing outside its HTTP cache, and knows nothing of environments or containers.
//!
//! A `RequirementSet` of `pyfast_packaging` → [`resolve`] over a [`Registry`] → [`Lock`].

mod build_source;
mod cache;
mod candidate;
mod client;
mod credentials;
mod direct;
mod dns;
mod error;
#[cfg(test)]
mod fixtures;
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
mod logins;
mod newest;
mod once;
mod packages;
mod page;
#[cfg(test)]
mod properties;
mod registry;
mod regular;
mod remote;
mod report;
mod resolution;
mod rules;
mod search;
mod simple;
mod solve;
mod source;
mod texts;
mod tls;
mod universal;

pub use build_source::BuildSource;
pub use cache::Cache;
pub use candidate::{Candidate, Policy, Preference, Prereleases, Selector, Unusable};
pub use client::{Answer, Client, ClientOptions, LARGEST_FILE, Piece, Request};
pub use credentials::{CredentialSources, Credentials};
pub use direct::{Ahead, DirectTree, Looked, file_digest, look_ahead};
pub use error::Error;
pub use joined::joined;
pub use keyring::KeyringProgram;
pub use lock::{LineOptions, Lock, LockedFile, LockedPackage, Pin, Span, to_requirements};
pub use newest::newest;
pub use registry::{IndexStrategy, Named, OnDecided, Registry, Sources};
pub use report::NoSolution;
pub use resolution::{Resolution, Resolved, direct_wheels, policy, resolve};
pub use source::archive::{Member, Visit, walk_source};
pub use source::fetch_source;
pub use source::git::check_out;
pub use texts::fetch_text;
pub use tls::InsecureHost;
pub use universal::{Targeted, Universe, merge_targets, resolve_universal};
