//! The root directory and everything below it: where things are ([`Root`]), how they are reached and
//! changed ([`Dir`]), who works there ([`Lock`], [`Workspace`], [`lease()`]), and which generation is
//! current. Begin at [`Root`]. Knows names, links and locks, and no packages, interpreters or containers.

mod beneath;
mod blocks;
mod current;
mod dir;
mod error;
mod fingerprint;
mod history;
mod layout;
mod lease;
mod moves;
mod name;
mod owner;
mod random;
mod record_lock;
mod regular_file;
mod stamp;
mod ticket;
mod whole_file;
mod workspace;

pub use blocks::shares_blocks;
pub use current::{CURRENT, current_of};
pub use dir::{Dir, Entry, Facts, Kind};
pub use error::Error;
pub use fingerprint::{Fingerprint, fingerprint_version};
pub use history::Activation;
pub use layout::{
    BIN, GENERATION_DEPTH, LAUNCHER, LAYOUT, LAYOUT_FILE, LockName, Root, VOLUME_MARKER, env_path,
    project_env_path, wheel_place,
};
pub use lease::{DESCRIPTION, Lease, Unused, lease, unused};
pub use moves::Durability;
pub use name::{ProjectEnv, is_generation_id, is_name};
pub use owner::Claim;
pub use random::random_name;
pub use regular_file::{open_regular, read_regular, read_regular_text};
pub use stamp::Stamp;
pub use ticket::{Holder, Lock, Share, Waiting};
pub use whole_file::replace_file;
pub use workspace::Workspace;
