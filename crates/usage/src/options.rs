//! Options that several commands share, one by one: a command may give one of them another short form. Owns the finding.

use clap::{Arg, Args, Command};

/// The option of this long name among those that share a type.
///
/// # Panics
/// If there is none: which there are is fixed with the program.
pub fn option<Shared: Args>(long: &str) -> Arg {
    let typed = Shared::augment_args(Command::default());
    let mut known = typed.get_arguments();
    let found = known.find(|one| one.get_long() == Some(long)).cloned();
    found.expect("those who ask name one that is there")
}
