//! What `pyfast init` writes: a project's configuration, and what becomes of files that are there. Owns the rooms for
//! both; nothing is written but what was shown.

mod change;
mod moving;
mod proposed;

use pyfast_crew::interrupt::{self, Interrupts};

pub use change::{Change, Ready, ready};
pub use moving::{Image, Moving, moving};
pub use proposed::{
    NotWritten, as_data, configured_beside, proposed, with_proposed, write_proposed,
};

/// Holds interrupts back while it lives: what is written in a moment is written whole, and leaves nothing beside it.
fn held() -> Interrupts {
    interrupt::catch();
    Interrupts::take()
}
