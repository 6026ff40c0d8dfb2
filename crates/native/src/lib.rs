//! Interpreters and native libraries out of conda channels, as *prefixes*: directories of a root that are made once, are
//! named by the digests of the packages in them, and never change. Begin at [`solve`], which chooses packages for a
//! [`Request`]; [`make`] has them fetched, checked, linked and sealed.
//!
//! One room (`conda`) knows the crates that read channels, solve and link. Knows neither projects nor requirements, no
//! container and no flag.

mod audit;
mod conda;
mod error;
mod event;
mod fetch;
mod link_scripts;
mod logins;
mod machine;
mod mirrors;
mod prefix;
mod public_url;
mod records;
mod request;
mod solved;
mod tools;

#[cfg(test)]
mod fixtures;

pub use conda::{mirrors, solve, under_alias};
pub use error::Error;
pub use event::Event;
pub use fetch::{Carried, carried};
pub use logins::Logins;
pub use machine::Machine;
pub use mirrors::Mirrors;
pub use prefix::{Made, make};
pub use public_url::refuse_secrets;
pub use request::Request;
pub use solved::Solved;
pub use tools::Tools;
