//! The containers of a project: what has to be done to them, starting them in order, judging their health, and what they
//! print. Owns when a service counts as up; must not know how an engine does any of it, nor who created them.

mod follow;
mod health;
mod plan;
mod record;
mod shape;
mod shown;
mod start;

pub use follow::{Following, follow_logs};
pub use health::{ServiceFailure, Verdict};
pub use plan::{
    ContainerFacts, ContainerPlan, CreateReason, EnvironmentFacts, Reload, RestartReason,
    by_service, of_service, with_dependencies, with_dependents,
};
pub use record::{Done, Record, StartedIn};
pub use shape::shape;
pub use start::{Launched, Renewal, ServiceOutcome, StartEvent, StartOptions, start_and_wait};
