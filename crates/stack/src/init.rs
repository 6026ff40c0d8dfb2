//! What `pyfast init` writes: a project's configuration, and what becomes of files that are there. Owns the rooms for
//! both; nothing is written but what was shown.

mod change;
mod moving;
mod proposed;

pub use change::{Change, apply};
pub use moving::{Image, Moving, moving};
pub use proposed::{
    NotWritten, as_data, configured_beside, proposed, with_proposed, write_proposed,
};
