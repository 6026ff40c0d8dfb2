//! The root directory and everything below it. Knows names, links and locks, and no packages,
//! interpreters or containers.

mod random;
mod whole_file;

pub use random::random_name;
pub use whole_file::replace_file;
