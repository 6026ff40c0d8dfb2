//! The root directory and everything below it. Knows names, links and locks, and no packages,
//! interpreters or containers.

mod random;
mod regular_file;
mod whole_file;

pub use random::random_name;
pub use regular_file::{open_regular, read_regular, read_regular_text};
pub use whole_file::replace_file;
