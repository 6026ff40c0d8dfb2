//! What goes on while a prefix is made, for whoever shows it.

use pyfast_root::Waiting;

/// Something that goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Channels are asked, and packages chosen.
    Solving,
    /// Archives are fetched and linked.
    Making {
        /// The version of the Python, where there is one.
        python: Option<String>,
        /// How many packages there are.
        packages: usize,
        /// Their sizes in bytes, as far as channels say them.
        bytes: u64,
    },
    /// A package would run a program now, which is not done.
    LinkScript {
        /// The package.
        package: String,
        /// The program, relative to the prefix.
        script: String,
    },
    /// Another process makes the same.
    Waiting(Waiting),
}
