//! Makes environments exactly what a lock says: a store of unpacked wheels, and generations composed of
//! links into it. Knows nothing of requirements or containers; prints nothing, reads no environment variable.

mod act;
mod activate;
mod archive;
mod build;
mod bytecode;
mod compose;
mod download;
mod elf;
mod entry_points;
mod environment;
mod error;
mod event;
mod gc;
mod interpreter;
mod manifest;
mod plan;
mod record;
mod scripts;
mod store;
mod verify;
mod wheel;

#[cfg(test)]
mod fixtures;

pub use activate::{Rollback, activate, current, lock_project, rollback_target};
pub use build::{
    BuildOptions, BuildTools, Builder, BuiltWheel, Carried, CarriedSource, CarryTools, Handed,
    built_wheel, carried_digest, carried_settings, carried_wheel, carry, description_digest,
    tree_digest, tree_listing,
};
pub use bytecode::{Compiler, is_compiled};
pub use compose::plan;
pub use download::{Downloads, Sink, Wanted};
pub use entry_points::EntryPoint;
pub use environment::{Generation, compose, id, recompose};
pub use error::{Error, Refusal};
pub use event::Event;
pub use gc::{Discard, Garbage, GcOptions, GcPlan, Reason, gc, gc_plan};
pub use interpreter::{Interpreter, PROBE};
pub use manifest::{Manifest, StoredFile, TopLevel};
pub use plan::{
    Clash, EnvironmentOptions, EnvironmentSpec, LinkMode, LinkPlan, Package, RealMode, Step,
};
pub use store::{Admission, Store, WheelBytes, stored_text};
pub use verify::{Fault, Finding, repair, verify, verify_generation, verify_store};
