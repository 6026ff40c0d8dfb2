//! Distributions that are named by URL or path: what they are, looked at before anything is solved
//! (`trees`), and the pages by which the solver sees them (`page`).

mod page;
mod trees;

pub(crate) use page::{body, page, tree_page};
pub(crate) use trees::{DirectSources, DirectTree, Look};
