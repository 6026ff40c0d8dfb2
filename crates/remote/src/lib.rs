//! The remote store: wheels as the files that they came as, by their digests, and packs of what they were compiled to, in
//! an object store or a directory that several machines share. Begin at [`Remote`], which has, gets and puts; a [`Reader`] is how an installation asks it,
//! which never fails because of it. A [`List`] says which wheels an environment consists of and is written last, so that
//! whoever sees it finds all that it names.
//!
//! Knows digests, bytes and engines; neither requirements nor environments. Prints nothing and reads no variable of the
//! environment: what an engine wants to be told is given as a [`Reach`].

mod address;
mod coming;
mod engine;
mod error;
mod list;
mod reader;
mod remote;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tests;
mod writing;

pub use address::{Address, AddressError};
pub use coming::Coming;
pub use engine::{Clients, Patience, Proxied, Reach, Variable};
pub use error::{Cause, Error};
pub use list::{List, ListName, Listed, ListedPack, PackName};
pub use reader::Reader;
pub use remote::Remote;
pub use writing::{Content, Put};
