//! Bytes and pages of servers and directories, and the cache of them. Writes nothing outside its cache,
//! and knows nothing of which version anyone wants.
//!
//! Begin with [`Client`](client::Client), which reaches servers with [`Credentials`](credentials::Credentials),
//! and [`Cache`](cache::Cache); with both an [`Index`](index::Index) gives [`Page`](page::Page)s of projects.

mod arrival;
pub mod cache;
pub mod client;
pub mod credentials;
pub mod digest;
mod dns;
mod error;
mod fetch_cause;
pub mod flat;
pub mod git;
pub mod html;
pub mod identity;
pub mod index;
mod joined;
mod keyring;
mod logins;
pub mod metadata_remote;
pub mod page;
mod proxies;
mod receiver;
mod secret;
pub mod simple;
pub mod source_archive;
pub mod text_remote;
pub mod tls;
mod whole;

pub use arrival::Arrival;
pub use error::Error;
pub use fetch_cause::FetchCause;
pub use joined::joined;
pub use proxies::Proxies;
pub use receiver::{Body, Received, Receiver};
