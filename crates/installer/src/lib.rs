//! Makes environments exactly what a lock says: a store of unpacked wheels, and generations composed of
//! links into it. Knows nothing of requirements or containers; prints nothing, reads no environment variable.

mod build;
mod bytecode;
mod download;
mod error;
mod event;
mod finding;
mod gc;
mod generation;
mod interpreter;
mod link;
mod store;
mod wheel;
mod zip_audit;

#[cfg(test)]
mod fixtures;

pub use build::{
    BuildOptions, BuildTools, Builder, BuiltWheel, Carried, CarriedSource, CarryTools, Handed,
    built_wheel, carried_digest, carried_settings, carried_wheel, carry, description_digest, fits,
    tree_digest, tree_listing,
};
pub use build::{RememberedWheel, remember_wheel, remembered_wheels};
pub use bytecode::{Compiler, is_compiled};
pub use download::{Downloads, Sink, Wanted};
pub use error::{Error, Refusal};
pub use event::Event;
pub use finding::{Fault, Finding, Subject};
pub use gc::{Discard, Garbage, GcOptions, GcPlan, Reason, cache_plan, cut_cache, gc, gc_plan};
pub use generation::activate::{Rollback, activate, current, lock_project, rollback_target};
pub use generation::stamps::Stamps;
pub use generation::verify::{look, verify_generation, verify_root};
pub use generation::{Generation, compose, recompose};
pub use interpreter::{Interpreter, PROBE};
pub use link::id::{id, id_at};
pub use link::mode::{Habitat, LinkMode};
pub use link::plan::plan;
pub use link::{Clash, EnvironmentOptions, EnvironmentSpec, LinkPlan, Package, RealMode, Step};
pub use store::manifest::{Manifest, StoredFile, TopLevel};
pub use store::verify::{repair, verify};
pub use store::{Admission, Store, WheelBytes, stored_text, wheels as stored_wheels};
pub use wheel::entry_points::EntryPoint;
