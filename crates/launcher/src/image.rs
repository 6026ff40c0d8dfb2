//! The images of a project: which there are, whether one is to be pulled or built and why, and the order in which
//! that is done. Owns the decision; must not know how an engine pulls or builds, nor what the containers are for.
//!
//! An image is built when it is absent or when what it is built from has changed: the Dockerfile, the arguments, the
//! target, and of the context what the Dockerfile takes, by content. What is in its label is compared, so no file of the project has to remember
//! anything. A newer base image is no change: `--pull` and `--no-cache` of the builder are the user's to ask for.

mod act;
mod digests;
mod inputs;
mod plan;
mod wanted;

pub use crate::build_context::is_remote;
pub use act::{ImageEvent, Means, carry_out};
pub use digests::FileDigests;
pub use inputs::{BuildSource, InputPart, InputSettings, Inputs, Picture, resolved_arguments};
pub use plan::{ImageAct, ImagePlan, Reason, decide, plan_images};
pub use wanted::{PullPolicy, WantedImage, wanted_images};
