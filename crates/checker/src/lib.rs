//! What would keep a service from starting, found in Python sources, in the environment's files and in the image's
//! libraries before anything starts. Knows Python source and ELF; neither containers nor the network, and runs nothing of
//! what it reads.
//!
//! A wrong error is worse than a missed one, because nothing is started after an error: whatever is not certain is silent.
//! Begin with [`Finding`]: it says where, why and what helps; its [`Rule`] is the name by which people suppress it.

mod advice;
mod check;
mod compile;
mod finding;
mod library;
mod outline;
mod reached;
mod search;
mod service;
mod simulation;
mod sources;
mod steps;
mod suppression;
mod syntax;
mod version;

pub mod entry;
pub mod native;

pub use advice::{Wheels, project_name, project_of, standard_library};
pub use check::check_service;
pub use compile::check_syntax;
pub use finding::{Finding, Place, Rule, Severity};
pub use library::{Library, ReadFiles};
pub use search::{SearchEntry, Whose};
pub use service::{Django, Entry, EntryTarget, IsEmpty, Service};
pub use sources::{Disk, Files, Listed};
pub use version::PythonVersion;
