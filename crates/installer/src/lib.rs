//! Makes environments exactly what a lock says: a store of unpacked wheels, and generations composed of
//! links into it. Knows nothing of requirements or containers; prints nothing, reads no environment variable.
//!
//! Begin at [`Downloads`](download::Downloads), which brings the wheels of a lock into a
//! [`Store`](store::Store), with [`build`] for what is only there as source. [`link::plan()`] says what an
//! environment of them is made of; [`generation::compose`] makes it and [`generation::activate()`] makes it
//! current. Whether all of it still is as it was made is a [`finding`]; what nobody needs any more is for
//! [`gc`].

pub mod build;
pub mod bytecode;
pub mod download;
pub mod finding;
pub mod gc;
pub mod generation;
pub mod interpreter;
pub mod link;
pub mod prefix;
pub mod store;

mod error;
mod event;
#[cfg(test)]
mod fixtures;
mod wheel;
mod zip_audit;

pub use error::{Error, Refusal};
pub use event::{Event, Sink};
