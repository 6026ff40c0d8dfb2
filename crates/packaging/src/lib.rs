//! The words of the packaging specifications: text in, value out. Opens no file and no socket, and
//! knows nothing of indexes, solving or environments.
//!
//! Begin with [`requirements_txt`], which reads what a user asks for into
//! [`Requirement`](requirement::Requirement)s, and with [`target`], which is what they are asked for. The
//! files that answer them are named by [`filename`], and say what they need in [`metadata`]. [`edit`] changes what is asked for.

pub mod build;
mod dependency_specifier;
pub mod dist_file;
pub mod edit;
mod error;
pub mod filename;
pub mod formats;
pub mod hash;
pub mod marker;
pub mod metadata;
mod option_words;
pub mod platform;
pub mod pyproject;
mod regular;
pub mod requirement;
pub mod requirement_line;
pub mod requirement_source;
pub mod requirements_txt;
pub mod safe_url;
mod scanner;
pub mod scope;
pub mod source_dist;
pub mod spot;
pub mod tags;
pub mod target;
pub mod version_range;
mod wrong;

pub use error::{Error, Include, Unfetched};
pub use pep440_rs::{Version, VersionSpecifiers};
pub use pep508_rs::{ExtraName, MarkerEnvironment, MarkerTree, PackageName};
