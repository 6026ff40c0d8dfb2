//! What a tree of commands makes of a line, and says of itself. Begin at [`Reading`], the way
//! from a line to what it asks for, on which variables count for options as people write them. [`Help`] lays a tree out for
//! readers, [`manual`] makes pages of it, and [`completion`] says what may come next on a line that is being typed.
//!
//! Knows no command and no option: the tree is given, and so are variables. Prints nothing.

pub mod completion;
pub mod manual;

mod ahead;
mod help;
mod options;
mod reading;
mod refusal;
mod variables;

pub use help::{Help, STYLES};
pub use options::Shared;
pub use reading::{Read, Reading, name_of, parse};
pub use refusal::without_colors;
pub use variables::Lookup;
