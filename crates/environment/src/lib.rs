//! One environment of a project: from what is wanted of it to what came of making it. Begin at [`plan_sync`],
//! which decides, and [`sync()`], which does what a [`SyncPlan`](plan::SyncPlan) says at a
//! [`Place`](place::Place): whoever can reach the environment's root. A [`request`] says what is wanted, a
//! [`report`] what came of it. What else may be asked about an environment is in [`ask`]; the
//! project's own way to it is in [`venv_link`].
//!
//! Prints nothing, reads neither the environment nor the current directory nor the clock, and knows no
//! flag of the command line. Who resolves, fetches and builds is lent as a [`Crew`](crew::Crew).

pub mod ask;
pub mod consistency;
pub mod crew;
pub mod drawing;
pub mod graph;
pub mod inputs;
pub mod listing;
pub mod place;
pub mod plan;
pub mod question;
pub mod report;
pub mod request;
pub mod state;
pub mod venv_link;

mod act;
mod answer;
mod claims;
mod direct_url;
mod error;
mod git;
mod locking;
mod looks;
mod site;
mod subject;
mod sync;
mod unmet;
mod wanted;
mod which_lock;

pub use direct_url::direct_url;
pub use error::{Error, Outdated};
pub use site::Site;
pub use subject::Subject;
pub use sync::{LocalWheel, Planned, ReadyPlan, plan_sync, sync, unchanged};
