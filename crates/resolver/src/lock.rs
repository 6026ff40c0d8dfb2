//! Lock files: `pylock.toml` (PEP 751), written so that equal resolutions give equal bytes, and read
//! from whatever tool wrote it. What a lock is, is in `model`; the others read and write it.
//!
//! <https://packaging.python.org/en/latest/specifications/pylock-toml/>

mod artifact;
mod carried;
mod model;
pub mod native;
mod read;
mod requirements;
mod tree;
mod write;

pub use model::{Lock, LockedFile, LockedPackage, Pending, Pin, Span};
pub use requirements::LineOptions;
pub(crate) use tree::filename as source_filename;
