//! The project's compose files: how they are found, read, interpolated and merged, as Compose does it. Owns the typed
//! model of what the launcher needs and the whole model that is passed through untouched; must not know what is done
//! with either.
//!
//! Sources: the Compose Specification, and `docker-compose config`, which the result must be equal to.

mod model;

pub use model::{
    Build, ComposeProject, Condition, Dependency, Healthcheck, HealthcheckTest, Port, Service,
};
