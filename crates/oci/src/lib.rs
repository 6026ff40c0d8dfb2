//! Container images as the specifications of the Open Container Initiative have them: layers, configurations,
//! manifests, and the directories and archives that images are kept in. Equal content gives equal bytes.
//!
//! Begin at [`Layer`], which is filled with paths and [packed](Layer::pack); a [`Config`] and what was packed make an
//! [`Image`], upon a [`Base`] or nothing, which is written as a [`layout`]. Knows nothing of Python, of engines, and of where content comes from;
//! prints nothing, reads no environment variable.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/spec.md>

mod base;
mod blob;
mod config;
mod digest;
mod error;
mod image;
mod layer;
pub mod layout;
mod manifest;
mod name;

pub use base::Base;
pub use blob::{Blob, Content, Pieces};
pub use config::{Config, History, RootFs, Run};
pub use digest::Digest;
pub use error::Error;
pub use image::{Image, Made};
pub use layer::{LAYER_FORMAT, Layer, Node, Packed, Source};
pub use manifest::{Descriptor, Index, Manifest, Platform, media};
pub use name::ImageName;
