//! What a tree of commands says of itself besides parsing a line. Begin at [`Help`], which lays a tree out for readers;
//! [`manual`] makes pages of it, [`completion`] says what may come next on a line that is being typed, and [`prepared`] has
//! variables count for options as people write them.
//!
//! Knows no command and no option: the tree is given, and so are variables. Prints nothing.

pub mod completion;
pub mod manual;

mod help;
mod options;
mod passed;
mod refusal;
mod variables;

pub use help::{Help, STYLES};
pub use options::Shared;
pub use passed::before;
pub use refusal::{advise, number, without_colors};
pub use variables::{Lookup, blamed, prepared};
