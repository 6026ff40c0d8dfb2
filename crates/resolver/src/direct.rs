//! Distributions that are named by URL or path: what they are, looked at before anything is solved
//! (`sources`), and the pages by which the solver sees them (`page`).

mod page;
mod sources;

pub use page::file_digest;
pub(crate) use page::{page, tree_page};
pub use sources::{Ahead, DirectTree, Looked, look_ahead};
