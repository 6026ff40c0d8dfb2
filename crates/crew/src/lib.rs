//! Who works for an environment: reads its requirements, resolves, fetches and builds, on this machine or in
//! containers of an image. Begin at [`sync`](sync::sync), which joins the settings of a [`Task`](task::Task) with the crate that makes environments
//! and chooses between the two. A [`Session`](session::Session) is what one lock is made with; a
//! [`Connection`](engine::Connection) is how the container engine is asked; [`at_place`](volume_place::at_place) does
//! something wherever an environment is.
//!
//! Prints nothing and knows no flag: what goes on is told as an [`Event`].

pub mod afterwards;
pub mod answering;
pub mod building;
pub mod edit;
pub mod engine;
pub mod environments;
pub mod examined;
pub mod freeze;
pub mod hands;
pub mod inputs;
pub mod interpreter;
pub mod interrupt;
pub mod known;
pub mod libraries;
pub mod limits;
pub mod lock_file;
pub mod locking;
pub mod meant;
pub mod opened;
pub mod outdated;
pub mod push;
pub mod remembered;
pub mod session;
pub mod sync;
pub mod task;
pub mod volume_place;
pub mod wheelhouse;

mod asking;
mod elsewhere;
mod error;
mod event;
mod here;
mod identifying;
mod managed;
mod nearest;
mod news;
mod outside;
mod reach;
mod relocking;
mod remote;
mod setting;
mod side_by_side;
mod venv;

pub use error::Error;
pub use event::{Event, Events};
