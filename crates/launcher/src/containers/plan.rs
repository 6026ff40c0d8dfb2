//! What has to be done to the containers of a project. Pure: facts in, a plan out that can be printed and refused.
//! Owns the rules; must not know how anything is done.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::record::{Record, StartedIn};
use crate::compose_file::{ComposeProject, Condition};
use crate::engine::rfc3339;
use crate::engine::{COMPOSE_ONEOFF_LABEL, COMPOSE_SERVICE_LABEL, Container, Status};

/// The environment of some services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentFacts {
    /// Services that start in it.
    pub services: BTreeSet<String>,
    /// Id of the current generation, empty when there is none.
    pub generation: String,
    /// When which generation became current (milliseconds since 1970), oldest first; empty when not known.
    pub activations: Vec<(u64, String)>,
    /// Whether the generation changed just now.
    pub changed: bool,
}

/// Everything the plan depends on.
#[derive(Debug, Clone)]
pub struct ContainerFacts<'a> {
    /// The project.
    pub project: &'a ComposeProject,
    /// The services that are wanted, their dependencies included.
    pub selected: &'a BTreeSet<String>,
    /// Id of each service's image, as far as present.
    pub images: &'a BTreeMap<String, String>,
    /// The project's containers.
    pub containers: &'a [Container],
    /// Environments by name.
    pub environments: &'a BTreeMap<String, EnvironmentFacts>,
    /// What the last `up` saw.
    pub record: &'a Record,
    /// Digest of what shapes the containers now.
    pub shape: &'a str,
    /// Services whose containers get files or have got them since they were started, and how many.
    pub code: &'a BTreeMap<String, usize>,
    /// Services whose commands are supervised within their containers.
    pub supervised: &'a BTreeSet<String>,
    /// Services that are to be made anew, as it is not certain which code they have.
    pub anew: &'a BTreeSet<String>,
}

/// Why Compose has to be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateReason {
    /// A service has fewer or more containers than it should.
    Count {
        /// The service.
        service: String,
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// A container runs another image than the service names now.
    Image {
        /// The service.
        service: String,
    },
    /// Compose files, override or variables changed since the last `up`.
    Shape,
    /// There is no record of an `up` with these containers.
    NoRecord,
    /// The code of a service's containers is not what the project has, and cannot be put into them.
    Code {
        /// The service.
        service: String,
    },
}

/// Why a service is restarted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestartReason {
    /// Its environment changed under it.
    Environment {
        /// The environment.
        env: String,
        /// The generation that runs, where it is known.
        from: Option<String>,
        /// The generation that is current.
        to: String,
    },
    /// So many files were put into it.
    Code(usize),
    /// A service that it depends on with `restart: true` is restarted.
    Dependency(String),
}

/// A new run of a service's command within its containers, which run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// Why.
    pub reason: RestartReason,
    /// Whether it is due even if the command runs in the current environment already.
    pub anew: bool,
}

/// What has to be done to the containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerPlan {
    /// Why Compose is called to create or recreate; empty when it is not.
    pub create: Vec<CreateReason>,
    /// Services that are restarted, as their environment or their code changed under them.
    pub restart: BTreeMap<String, RestartReason>,
    /// Services whose commands are started again instead, by who supervises them.
    pub reload: BTreeMap<String, Reload>,
    /// Services that are started.
    pub start: BTreeSet<String>,
    /// Services whose containers stay as they are: running, or completed.
    pub keep: BTreeSet<String>,
}

impl ContainerPlan {
    /// Makes the plan.
    pub fn new(facts: &ContainerFacts<'_>) -> Self {
        let by_service = by_service(facts.containers);
        let of = |service: &str| by_service.get(service).map(Vec::as_slice).unwrap_or_default();
        let awaited = Awaited::of(facts.project);
        let mut plan = Self { create: create_reasons(facts, &of), ..Self::default() };
        for service in facts.selected {
            let containers = of(service);
            let once = awaited.to_be(Condition::Completed, service);
            let stale = containers
                .iter()
                .copied()
                .filter(|one| one.is_up())
                .find_map(|container| stale(facts, service, container));
            let ran = containers.iter().any(|one| one.status != Status::Created);
            let put = facts.code.get(service).filter(|_| ran);
            if let Some(reason) = stale.or(put.map(|files| RestartReason::Code(*files))) {
                plan.renew(facts, service, Reload { reason, anew: put.is_some() });
            } else if (!containers.is_empty() || wanted(facts.project, service) == 0)
                && containers.iter().all(|one| one.is_up() || (once && is_completed(facts, one)))
            {
                plan.keep.insert(service.clone());
            } else {
                plan.start.insert(service.clone());
            }
        }
        let restarted = plan.restart.keys().chain(plan.reload.keys()).cloned().collect();
        for (service, other) in with_dependents(facts.project, &restarted) {
            if plan.keep.remove(&service) {
                let reason = RestartReason::Dependency(other);
                plan.renew(facts, &service, Reload { reason, anew: true });
            }
        }
        plan.renew_dependents(facts.project);
        plan
    }

    /// A command that started by itself in the new environment may have done so before what it depends on with
    /// `restart: true`.
    fn renew_dependents(&mut self, project: &ComposeProject) {
        let renewed: BTreeSet<_> = self.restart.keys().chain(self.reload.keys()).cloned().collect();
        for (service, reload) in &mut self.reload {
            let needs = project.services.get(service).into_iter().flat_map(|one| &one.depends_on);
            let mut needs = needs.filter(|(_, how)| how.restart);
            reload.anew |= needs.any(|(other, _)| renewed.contains(other));
        }
    }

    /// Plans another run of a service's command, within those of its containers where that can be.
    fn renew(&mut self, facts: &ContainerFacts<'_>, service: &str, reload: Reload) {
        let service = service.to_owned();
        let runs = of_service(facts.containers, &service);
        let runs = runs.iter().any(|one| one.status == Status::Running);
        if runs && facts.supervised.contains(&service) {
            self.reload.insert(service, reload);
        } else {
            self.restart.insert(service, reload.reason);
        }
    }

    /// Whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        let renewed = self.restart.is_empty() && self.reload.is_empty();
        self.create.is_empty() && renewed && self.start.is_empty()
    }
}

/// The containers of a service, those of `compose run` left out.
pub fn of_service<'a>(containers: &'a [Container], service: &str) -> Vec<&'a Container> {
    containers.iter().filter(|one| service_of(one) == Some(service)).collect()
}

/// The containers of every service, those of `compose run` left out.
pub fn by_service(containers: &[Container]) -> BTreeMap<&str, Vec<&Container>> {
    let mut found: BTreeMap<&str, Vec<&Container>> = BTreeMap::new();
    for container in containers {
        if let Some(service) = service_of(container) {
            found.entry(service).or_default().push(container);
        }
    }
    found
}

fn service_of(container: &Container) -> Option<&str> {
    let label = |name: &str| container.labels.get(name).map(String::as_str);
    label(COMPOSE_SERVICE_LABEL).filter(|_| label(COMPOSE_ONEOFF_LABEL) != Some("True"))
}

/// The wanted services and everything they depend on; all active ones when none is named.
pub fn with_dependencies(project: &ComposeProject, wanted: &[String]) -> BTreeSet<String> {
    if wanted.is_empty() {
        return project.services.keys().cloned().collect();
    }
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = wanted.to_vec();
    while let Some(name) = open.pop() {
        let Some(service) = project.services.get(&name) else { continue };
        if found.insert(name) {
            open.extend(service.depends_on.keys().cloned());
        }
    }
    found
}

/// Services that are to be restarted because of these, and which of their dependencies it is (`restart: true`).
pub fn with_dependents(
    project: &ComposeProject,
    restarted: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = restarted.clone();
    while let Some(other) = open.pop_first() {
        for (name, service) in &project.services {
            let needs = service.depends_on.get(&other).is_some_and(|needs| needs.restart);
            if needs && !restarted.contains(name) && !found.contains_key(name) {
                found.insert(name.clone(), other.clone());
                open.insert(name.clone());
            }
        }
    }
    found
}

fn create_reasons<'a>(
    facts: &ContainerFacts<'_>,
    of: &dyn Fn(&str) -> &'a [&'a Container],
) -> Vec<CreateReason> {
    let mut reasons = Vec::new();
    let mut known = true;
    for service in facts.selected {
        let containers = of(service);
        let wanted = wanted(facts.project, service);
        if containers.len() != wanted {
            let (service, found) = (service.clone(), containers.len());
            reasons.push(CreateReason::Count { service, found, wanted });
            continue;
        }
        known &= containers.iter().all(|one| facts.record.containers.contains_key(&one.id));
        let image = facts.images.get(service);
        if containers.iter().any(|one| image.is_some_and(|image| *image != one.image_id)) {
            reasons.push(CreateReason::Image { service: service.clone() });
        } else if facts.anew.contains(service) {
            reasons.push(CreateReason::Code { service: service.clone() });
        }
    }
    if facts.record.shape.is_empty() || !known {
        if reasons.is_empty() {
            reasons.push(CreateReason::NoRecord);
        }
    } else if facts.record.shape != facts.shape {
        reasons.push(CreateReason::Shape);
    }
    reasons
}

/// How many containers a service is to have.
fn wanted(project: &ComposeProject, service: &str) -> usize {
    project.services.get(service).map_or(1, |service| {
        let count = if service.provider { 0 } else { service.replicas.unwrap_or(1) };
        usize::try_from(count).unwrap_or(usize::MAX)
    })
}

/// A one-shot that did its work is not run again. One is what others wait for to end: a server that was stopped ends
/// with 0 too.
fn is_completed(facts: &ContainerFacts<'_>, container: &Container) -> bool {
    container.status == Status::Exited
        && container.exit_code == 0
        && facts.record.containers.contains_key(&container.id)
}

/// Which services others wait for, and to be in which state.
pub(crate) struct Awaited<'a>(BTreeSet<(Condition, &'a str)>);

impl<'a> Awaited<'a> {
    pub(crate) fn of(project: &'a ComposeProject) -> Self {
        let needs = project.services.values().flat_map(|service| &service.depends_on);
        Self(needs.map(|(name, how)| (how.condition, name.as_str())).collect())
    }

    /// Whether another service waits for this one to be in a state.
    pub(crate) fn to_be(&self, condition: Condition, service: &str) -> bool {
        self.0.contains(&(condition, service))
    }
}

/// Whether a running container was started in another generation than the current one.
fn stale(
    facts: &ContainerFacts<'_>,
    service: &str,
    container: &Container,
) -> Option<RestartReason> {
    let (env, environment) = facts
        .environments
        .iter()
        .find(|(_, environment)| environment.services.contains(service))?;
    let to = environment.generation.clone();
    let reason = |from| Some(RestartReason::Environment { env: env.clone(), from, to: to.clone() });
    let seen = facts.record.containers.get(&container.id);
    if let Some(StartedIn { started_at, generation: Some(from), .. }) = seen
        && *started_at == container.started_at
    {
        return (*from != to).then(|| reason(Some(from.clone()))).flatten();
    }
    match generation_at(&environment.activations, &container.started_at) {
        Some(from) if *from == to => None,
        Some(from) => reason(Some(from.clone())),
        None if environment.changed => reason(None),
        None => None,
    }
}

/// The generation that was current at a time; one that waited for the first has the first.
fn generation_at<'a>(activations: &'a [(u64, String)], started_at: &str) -> Option<&'a String> {
    let millis = u64::try_from(rfc3339::nanoseconds(started_at)? / 1_000_000).ok()?;
    let at = activations.iter().rev().find(|(at, _)| *at <= millis);
    at.or_else(|| activations.first()).map(|(_, id)| id)
}

impl fmt::Display for CreateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { service, found: 0, .. } => write!(f, "{service} has no container"),
            Self::Count { service, found, wanted } => {
                write!(f, "{service} has {found} containers instead of {wanted}")
            }
            Self::Image { service } => write!(f, "{service} has a new image"),
            Self::Shape => f.write_str("compose files or variables changed"),
            Self::NoRecord => f.write_str("the containers were not made by `pyfast up`"),
            Self::Code { service } => write!(f, "it is not certain which code {service} has"),
        }
    }
}

impl fmt::Display for RestartReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { env, from, to } => {
                let from = from.as_deref().unwrap_or("another");
                write!(f, "environment {env} changed ({from} → {to})")
            }
            Self::Code(0) => f.write_str("files were put into it since it was started"),
            Self::Dependency(other) => write!(f, "{other} is restarted, on which it depends"),
            Self::Code(1) => f.write_str("1 file is put into it"),
            Self::Code(files) => write!(f, "{files} files are put into it"),
        }
    }
}

impl fmt::Display for ContainerPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.create.is_empty() {
            let reasons: Vec<_> = self.create.iter().map(ToString::to_string).collect();
            writeln!(f, "create   by Compose: {}", reasons.join("; "))?;
        }
        for (service, reason) in &self.restart {
            writeln!(f, "restart  {service}: {reason}")?;
        }
        for (service, Reload { reason, .. }) in &self.reload {
            writeln!(f, "reload   {service}: {reason}")?;
        }
        for service in &self.start {
            writeln!(f, "start    {service}")?;
        }
        for service in &self.keep {
            writeln!(f, "keep     {service}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
