//! One environment of a project: from what is wanted of it to what came of making it. Begin at [`plan_sync`],
//! which decides, and [`sync()`], which does what a [`SyncPlan`] says at a [`Place`]: whoever can reach the
//! environment's root. [`history`] and the functions beside it ask a place about its environment.
//!
//! Prints nothing, reads neither the environment nor the current directory nor the clock, and knows no
//! flag of the command line. Who resolves, fetches and builds is lent as a [`Crew`].

mod act;
mod answer;
mod ask;
mod claims;
mod crew;
mod direct_url;
mod error;
mod inputs;
mod locking;
mod looks;
mod place;
mod plan;
mod question;
mod report;
mod request;
mod site;
mod state;
mod subject;
mod sync;
mod which_lock;

pub use ask::{collect, history, packages, rollback, verify};
pub use crew::{Brought, BuiltWheels, Crew, Given, Means, Requirements, ToBring};
pub use direct_url::direct_url;
pub use error::{Error, Outdated};
pub use inputs::{DESCRIPTION, Inputs};
pub use place::{Directory, Place};
pub use plan::{EnvironmentAct, EnvironmentPlan, PackageAct, PackagePlan, Stock, SyncPlan};
pub use question::{
    Activated, Answer, Asked, Before, Collect, Inventory, Look, PROTOCOL, Question, RolledBack,
    Verified, Verify,
};
pub use report::{Changes, Facts, Listed, PackageFacts, Python, SyncReport, Timings, Updated};
pub use request::{InstallOptions, LockUse, SyncRequest};
pub use site::Site;
pub use state::{Circumstances, Setting, State, forget_all};
pub use subject::Subject;
pub use sync::{Planned, ReadyPlan, plan_sync, sync};

use sha2::Digest as _;

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
