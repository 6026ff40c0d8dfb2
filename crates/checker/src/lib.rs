//! What would keep a service from starting, found in Python sources, in the environment's files and in the image's
//! libraries before anything starts. Knows Python source and ELF; neither containers nor the network, and runs nothing of
//! what it reads.
//!
//! A wrong error is worse than a missed one, because nothing is started after an error: whatever is not certain is silent.
//! Begin with [`Finding`]: it says where, why and what helps; its [`Rule`] is the name by which people suppress it.

mod advice;
mod compile;
mod entry;
mod finding;
mod sources;
mod syntax;
mod version;

pub use advice::{Removed, Wheels, nearest, project_of, removed};
pub use compile::check_syntax;
pub use entry::{Around, Known, Module, Start, Started, Target, started};
pub use finding::{Finding, Place, Rule, Severity};
pub use sources::{Disk, Files, Listed};
pub use version::PythonVersion;
