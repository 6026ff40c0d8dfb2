//! What is remembered of a project's containers from one `up` to the next. Owns what is kept of whom; must not know where it
//! is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::plan::EnvironmentFacts;
use crate::engine::{COMPOSE_SERVICE_LABEL, Container};

/// What is remembered of the last `up`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the containers were made from: [`shape()`](super::shape()).
    pub shape: String,
    /// Containers by id.
    pub containers: BTreeMap<String, StartedIn>,
}

/// A container's start, and what it started in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedIn {
    /// When it was started, as the engine writes it.
    pub started_at: String,
    /// The generation it was started in, for services with an environment.
    pub generation: Option<String>,
    /// Digest of the code it was started with, where its image has code. It is forgotten before anything is put.
    #[serde(default)]
    pub code: Option<String>,
}

/// What was done to which services, for the [`Record`].
#[derive(Debug, Clone, Copy)]
pub struct Done<'a> {
    /// The services that were selected.
    pub selected: &'a BTreeSet<String>,
    /// Whether they are all that the project has.
    pub all: bool,
    /// What the containers were made from.
    pub shape: &'a str,
    /// Environments by name.
    pub environments: &'a BTreeMap<String, EnvironmentFacts>,
    /// Digests of the code that services have.
    pub code: &'a BTreeMap<String, String>,
    /// Services whose commands run where they ran before, although they were to run elsewhere.
    pub stayed: &'a BTreeSet<String>,
}

impl StartedIn {
    /// Whether a container was started with this code and not since then.
    pub fn has_code(&self, code: &str, container: &Container) -> bool {
        self.code.as_deref() == Some(code)
            && self.started_at == container.started_at
            && !self.started_at.is_empty()
    }
}

impl Record {
    /// What to remember after containers were started. Services that were not selected keep what was known of them, and so
    /// do those that stayed.
    #[must_use]
    pub fn after(&self, done: &Done<'_>, containers: &[Container]) -> Self {
        let mut started = BTreeMap::new();
        for container in containers {
            let service = container.labels.get(COMPOSE_SERVICE_LABEL);
            let is_known = |service: &&String| {
                done.selected.contains(*service) && !done.stayed.contains(*service)
            };
            let Some(service) = service.filter(is_known) else {
                let known = self.containers.get(&container.id).cloned();
                started.extend(known.map(|known| (container.id.clone(), known)));
                continue;
            };
            let env = done.environments.values().find(|env| env.services.contains(service));
            let generation = env.map(|env| env.generation.clone());
            let started_at = container.started_at.clone();
            let code = done.code.get(service).cloned();
            started.insert(container.id.clone(), StartedIn { started_at, generation, code });
        }
        // Containers of other services may still have their earlier shape.
        let shape = if done.all { done.shape.to_owned() } else { self.shape.clone() };
        Self { shape, containers: started }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(id: &str, service: &str) -> Container {
        let labels = BTreeMap::from([(COMPOSE_SERVICE_LABEL.to_owned(), service.to_owned())]);
        Container { id: id.into(), started_at: "now".into(), labels, ..Container::default() }
    }

    #[test]
    fn services_that_were_not_selected_keep_what_was_known_of_them() {
        let known = StartedIn {
            started_at: "before".into(),
            generation: Some("old".into()),
            code: Some("c0".into()),
        };
        let containers =
            BTreeMap::from([("1".to_owned(), known.clone()), ("2".to_owned(), known.clone())]);
        let before = Record { shape: "a".into(), containers };
        let services = BTreeSet::from(["web".to_owned()]);
        let facts = EnvironmentFacts {
            services: services.clone(),
            generation: "new".into(),
            ..EnvironmentFacts::default()
        };
        let environments = BTreeMap::from([("backend".to_owned(), facts)]);
        let code = BTreeMap::from([("web".to_owned(), "c1".to_owned())]);
        let nobody = BTreeSet::new();
        let done = |all| Done {
            selected: &services,
            all,
            shape: "b",
            environments: &environments,
            code: &code,
            stayed: &nobody,
        };
        let after = before.after(
            &done(false),
            &[container("1", "web"), container("2", "db"), container("3", "cache")],
        );
        assert_eq!(after.shape, "a");
        let started = StartedIn {
            started_at: "now".into(),
            generation: Some("new".into()),
            code: Some("c1".into()),
        };
        let web = container("1", "web");
        assert!(started.has_code("c1", &web) && !started.has_code("c0", &web));
        assert!(!known.has_code("c0", &web), "it was started since");
        assert_eq!(
            after.containers,
            BTreeMap::from([("1".to_owned(), started), ("2".to_owned(), known)])
        );
        assert_eq!(before.after(&done(true), &[]).shape, "b");
        // Nor is a new run recorded that there was none of.
        let stayed = Done { stayed: &services, ..done(true) };
        let after = before.after(&stayed, &[container("1", "web")]);
        assert_eq!(after.containers["1"], before.containers["1"]);
    }
}
