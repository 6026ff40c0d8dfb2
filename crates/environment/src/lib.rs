//! One environment of a project: what it is made from, whether that has moved, what came of making it, and
//! what may be asked about it. Begin at [`Place`], whoever can reach an environment's root, and [`Question`];
//! [`State`] is what a sync remembers, [`SyncReport`] what it tells.
//!
//! Prints nothing, reads neither the environment nor the current directory nor the clock, and knows no
//! flag of the command line.

mod answer;
mod error;
mod inputs;
mod place;
mod question;
mod report;
mod state;

pub use error::Error;
pub use inputs::{DESCRIPTION, Inputs};
pub use place::{Directory, Place};
pub use question::{
    Activated, Answer, Asked, Collect, PROTOCOL, Question, RolledBack, Subject, Verified, Verify,
    collect, history, packages, rollback, verify,
};
pub use report::{Changes, Facts, Listed, PackageFacts, Python, SyncReport, Timings, Updated};
pub use state::{Circumstances, Setting, State, forget_all};

use sha2::Digest as _;

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
