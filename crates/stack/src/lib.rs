//! From an edited project to running containers: joins the launcher with whoever makes environments. Begin at
//! [`Stack`], a project with the engine that runs it: [`Stack::up`] goes through the phases (images, environments,
//! override, containers, health), [`Stack::plan`] says what they would do. What a project is made of is a
//! [`Description`]; where nobody has configured it, [`assume`] says what counts. [`watched()`] are the files that all of
//! this was made from.
//!
//! Prints nothing and knows no flag: what goes on is told as an [`Event`].

pub mod assumed;
pub mod check;
mod clean;
mod code;
mod codes;
mod compose_version;
mod composer;
mod contained;
mod containers;
mod create;
mod defaults;
mod description;
mod environments;
mod error;
mod event;
mod following;
mod images;
pub mod init;
pub mod known;
mod logs;
mod memory;
mod options;
mod override_file;
mod placed;
mod plan;
mod stack;
mod up;
mod watched;

pub use compose_version::find as find_composer;
pub use composer::PASSED;
pub use defaults::{Assumed, assume, facts};
pub use description::{ComposeFlags, Description, StackEnv, is_absent, pythons, with_named_image};
pub use error::{Error, Interruption};
pub use event::{Event, Events, Removed};
pub use options::{Following, UpOptions};
pub use placed::Loaded;
pub use plan::Step;
pub use stack::{Phase, Stack};
pub use up::Upped;
pub use watched::{Watched, watched};
