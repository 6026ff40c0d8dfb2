//! The root directory and everything below it: where things are ([`layout`]), how they are reached and
//! changed ([`Dir`]), who works there ([`Lock`], [`Workspace`], [`lease`]), and which generation is
//! current. Begin at [`Root`]. Knows names, links and locks, and no packages, interpreters or containers.

pub mod layout;
pub mod lease;
pub mod regular_file;
pub mod trial;
pub mod whole_file;

mod beneath;
mod blocks;
mod current;
mod dir;
mod error;
mod fingerprint;
mod forget;
mod history;
mod lock_name;
mod moves;
mod name;
mod owner;
mod random;
mod record_lock;
mod root;
mod stamp;
mod ticket;
mod uncompiled;
mod workspace;

pub use blocks::shares_blocks;
pub use current::current_of;
pub use dir::{Dir, Entry, Facts, Kind};
pub use error::Error;
pub use fingerprint::Fingerprint;
pub use history::{Activation, Cause};
pub use lock_name::LockName;
pub use moves::{Durability, is_unfinished};
pub use name::{ProjectEnv, is_generation_id, is_name};
pub use owner::Claim;
pub use random::random_name;
pub use root::Root;
pub use stamp::Stamp;
pub use ticket::{Holder, Lock, Share, Waiting};
pub use workspace::Workspace;
