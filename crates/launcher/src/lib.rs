//! Containers for environments: finds the engine, asks an image's interpreter, prepares the volume, puts the binary
//! into it, and starts commands inside a container. Owns the dialogue with the engine and the entrypoint; must not
//! know anything of Python packaging. Prints nothing, reads no environment variable.
//!
//! Begin at [`engine`]: everything is asked of its traits, of which [`engine::Docker`] is the one that is used. What a
//! project is comes from [`compose_file::read_compose`]; what is due is decided by pure plans
//! ([`image::plan_images`], [`containers::ContainerPlan`]) and done by [`image::carry_out`], the user's own
//! [`composer::Composer`] and [`containers::start_and_wait`]. Environments lie in a [`volume`]; inside a container
//! everything begins at [`entry`].

mod archive;
mod build_context;
mod dockerfile;
mod error;
mod hook;

pub mod code;
pub mod compose_file;
pub mod composer;
pub mod containers;
pub mod develop;
pub mod engine;
pub mod entry;
pub mod image;
pub mod installs;
pub mod override_file;
pub mod programs;
pub mod propose;
pub mod volume;

pub use error::{Error, PullRefusal, StartRefusal, Unreachable};
