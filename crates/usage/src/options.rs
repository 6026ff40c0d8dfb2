//! Options that several commands share, one by one: a command may give one of them another short form. Owns the finding.

use std::sync::LazyLock;

use clap::{Arg, Args, Command};

/// Options that share a type, made once: each command that asks for one of them is made at every start.
pub struct Shared(LazyLock<Command>);

impl Shared {
    /// Those of a type.
    pub const fn of<Type: Args>() -> Self {
        Self(LazyLock::new(|| Type::augment_args(Command::default())))
    }

    /// The option of this long name.
    ///
    /// # Panics
    /// If there is none: which there are is fixed with the program.
    pub fn option(&self, long: &str) -> Arg {
        let mut known = self.0.get_arguments();
        let found = known.find(|one| one.get_long() == Some(long)).cloned();
        found.expect("those who ask name one that is there")
    }
}
