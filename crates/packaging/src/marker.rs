//! Environment markers as text: reading and writing them, at a cost that the text cannot choose.
//! A marker in memory is a decision diagram, which small texts can make exponentially large; nothing here
//! goes over one path by path. Knows nothing of interpreters or regions.
//!
//! <https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers>

mod cells;
mod combine;
mod cover;
mod decide;
mod numbered;
mod ranges;
mod reader;
mod term;
mod write;

use pep508_rs::MarkerTree;

pub use crate::scanner::Unreadable;
pub(crate) use combine::Effort;
pub(crate) use decide::decide;
pub(crate) use reader::read_part;
pub use write::{TooLong, text, text_or_note};

/// Reads a marker.
///
/// # Errors
/// What is wrong with the text, and where; also where it is too complex.
pub fn read(text: &str) -> Result<MarkerTree, Unreadable> {
    read_part(text, &mut Effort::default())
}

/// Whether no interpreter meets both. `MarkerTree::is_disjoint` goes over the paths of both, of which
/// there can be exponentially many; a conjunction is worked out node by node.
pub fn disjoint(one: &MarkerTree, other: &MarkerTree) -> bool {
    let mut both = one.clone();
    both.and(other.clone());
    both.is_false()
}
