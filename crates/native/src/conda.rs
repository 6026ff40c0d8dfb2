//! The one room that knows the crates which read channels, solve and link; no type of theirs leaves it but as what is
//! linked. Asks nothing of the host: what packages may rely on is given.

mod judge;
mod link;
mod passing;
mod solve;
mod virtual_packages;

pub(crate) use judge::{
    fit_the_machine, hold_together, needs, record, refuse_python_packages, suits,
};
pub(crate) use link::{Places, link};
pub use solve::{mirrors, solve, under_alias};

use rattler_conda_types::Subdir;

use crate::error::Error;
use crate::machine::Machine;

/// The part of a channel that is for a machine.
fn platform(machine: &Machine) -> Result<Subdir, Error> {
    match &*machine.arch {
        "x86_64" => Ok(Subdir::Linux64),
        "aarch64" => Ok(Subdir::LinuxAarch64),
        other => Err(Error::Machine { arch: other.to_owned() }),
    }
}
