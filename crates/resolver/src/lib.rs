//! What to install: requirements and a target in, a resolution and a lock out.
//! Writes nothing outside its HTTP cache, and knows nothing of environments or containers.

mod distribution;
mod tags;
mod target;

pub use distribution::{InvalidSha256, InvalidWheelFilename, Location, Sha256, WheelFilename};
pub use pep440_rs::{Version, VersionSpecifiers};
pub use pep508_rs::{ExtraName, MarkerEnvironment, MarkerEnvironmentBuilder, PackageName};
pub use tags::{Libc, TagFacts, Tags};
pub use target::Target;
