//! Makes environments exactly what a lock says: a store of unpacked wheels, and generations composed of
//! links into it. Knows nothing of requirements or containers; prints nothing, reads no environment variable.

mod archive;
mod disk;
mod elf;
mod entry_points;
mod error;
mod event;
mod layout;
mod manifest;
mod record;
mod store;
mod wheel;

pub use disk::FileLock;
pub use entry_points::EntryPoint;
pub use error::{Error, Refusal};
pub use event::Event;
pub use layout::{Layout, ProjectEnv};
pub use manifest::{Manifest, StoredFile, TopLevel};
pub use store::{Admission, Store, WheelBytes};
