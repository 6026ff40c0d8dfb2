//! What to install: requirements and a target in, a resolution and a lock out.
//! Writes nothing outside its HTTP cache, and knows nothing of environments or containers.
//!
//! [`read_requirements`] → [`resolve`] over a [`Registry`] → [`Lock`].

mod build_source;
mod cache;
mod candidate;
mod client;
mod credentials;
mod dependency_specifier;
mod direct;
mod distribution;
mod dns;
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
mod logins;
mod marker;
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
mod requirement;
mod requirement_line;
mod requirement_source;
mod requirements_txt;

mod resolution;
mod rules;
mod scanner;
mod scope;
mod search;
mod simple;
mod solve;
mod source;
mod spot;
mod tags;
mod target;
mod texts;
mod tls;
mod universal;

pub use build_source::{BuildFailure, BuildSource, BuildStage, Missing};
pub use cache::Cache;
pub use candidate::{Candidate, Policy, Preference, Prereleases, Selector, Unusable};
pub use client::{Answer, Client, ClientOptions, LARGEST_FILE, Request};
pub use credentials::{CredentialSources, Credentials, redact};
pub use direct::file_digest;
pub use distribution::{InvalidSha256, InvalidWheelFilename, Location, Sha256, WheelFilename};
pub use error::{Error, Include};
pub use joined::joined;
pub use keyring::KeyringProgram;
pub use lock::{LineOptions, Lock, LockedFile, LockedPackage, Pin, Span, to_requirements};
pub use metadata::{Dependency, Metadata, parse as parse_metadata};
pub use newest::newest;
pub use pep440_rs::{Version, VersionSpecifiers};
pub use pep508_rs::{
    ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, MarkerTree, PackageName,
};
pub use platform::named_target;
pub use project_file::{RequiresPython, WantedExtras};
pub use registry::{IndexStrategy, Named, OnDecided, Registry, Sources};
pub use report::NoSolution;
pub use requirement::{DirectWheel, Origin, Requirement, Source};
pub use requirement_line::BuildSettings;
pub use requirement_source::{DirectSource, Place, Repository, SourceRequirement, parse_source};
pub use requirements_txt::{
    IndexOptions, ReadContext, RequirementSet, SettingsOf, read_requirements,
};

pub use direct::{Ahead, DirectTree, Looked, look_ahead};
pub use resolution::{Resolution, Resolved, direct_wheels, policy, resolve};
pub use scope::{Region, Scope};
pub use source::archive::{Member, Visit, walk_source};
pub use source::git::check_out;
pub use source::{
    DistFilename, FormatControl, Projects, SourceDist, SourceFilename, SourceTree,
    build_requirements, fetch_source,
};
pub use spot::Spot;
pub use tags::{Libc, TagFacts, Tags};
pub use target::Target;
pub use texts::{FetchText, fetch_text};
pub use tls::InsecureHost;
pub use universal::{Targeted, Universe, merge_targets, resolve_universal};
