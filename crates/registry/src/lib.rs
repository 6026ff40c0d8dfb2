//! Images in registries, as the distribution specification has them: what is missing there is pushed, and the manifest last.
//!
//! Begin at [`Registry`], which is opened for the name of an image with what [reaches](Reach) it. Knows no engine, no file with
//! passwords and nothing of what images hold; prints nothing, reads no environment variable.
//!
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>

mod access;
mod address;
mod challenge;
mod error;
mod registry;
#[cfg(test)]
mod server;

pub use access::Login;
pub use error::Error;
pub use registry::{Event, Pushed, Reach, Registry};
