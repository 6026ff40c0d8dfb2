//! What a project, its user and the machine say, and what is meant by it. Begin at [`Settings::new`], which joins
//! [`Flags`], [`Variables`] and the project's [`Config`] by one precedence: flag, variable, file, default. From
//! settings follow [`Indexes`], the way to them ([`client_options`]), the remote store ([`Settings::remote`]),
//! [`interpreters`], and a [`TargetChoice`] for locks.
//!
//! Prints nothing, reads neither the variables nor the current directory of the process: they are given. What the
//! user should know of settings is data ([`Doubt`]).

mod config;
mod error;
mod flags;
mod indexes;
pub mod interpreters;
pub mod kept;
pub mod own_lock;
mod pip;
mod project;
mod remote;
mod settings;
mod targets;
mod texts;
mod transport;
mod uv;
mod variables;

pub use config::{Config, EnvConfig, FILE, Itself};
pub use error::{Error, IndexFault, Keeping};
pub use flags::{Flags, IndexFlags, KeyringProvider, ResolveFlags, Upgrade};
pub use indexes::{Indexes, find_links, fingerprint};
pub use project::{Project, is_remote};
pub use settings::{Python, Root, Settings, Surroundings};
pub use targets::TargetChoice;
pub use texts::texts;
pub use transport::{Doubt, client_options, doubts};
pub use variables::Variables;
