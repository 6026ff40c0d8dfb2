//! The containers of a project: what has to be done to them, doing it, and what came of it. Owns the joining of the
//! plan's facts and the summary; must not know how an engine starts anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pyfast_launcher::containers::{ContainerFacts, ContainerPlan, EnvironmentFacts, Record};
use pyfast_launcher::engine::{Container, Status};
use pyfast_launcher::override_file::ENV_LABEL;
use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_root::{ProjectEnv, Root};
use serde_json::{Value, json};

use super::{Launcher, Synced};
use crate::failure::Failure;

impl Launcher<'_> {
    /// Facts about the environments, as the plan wants them.
    pub(crate) fn environment_facts(
        &self,
        synced: &BTreeMap<String, Synced>,
    ) -> BTreeMap<String, EnvironmentFacts> {
        let facts = synced.iter().filter_map(|(name, synced)| {
            let services = self.stack.environments.get(name)?.services.clone();
            let activations = self.activations(name, &synced.current);
            let (generation, changed) = (synced.id.clone(), synced.changed);
            Some((name.clone(), EnvironmentFacts { services, generation, activations, changed }))
        });
        facts.collect()
    }

    /// When which generation became current, where this machine can read that.
    fn activations(&self, env: &str, current: &Path) -> Vec<(u64, String)> {
        let read = || {
            let name = ProjectEnv::new(&self.settings.project.name(), env).ok()?;
            // <root>/projects/<project>/<env>/current
            let root = current.ancestors().nth(4).filter(|root| root.is_dir())?;
            Root::find(root, Path::new(MOUNT_POINT)).ok()??.history(&name).ok()
        };
        let activations = read().unwrap_or_default().into_iter();
        activations.map(|activation| (activation.at, activation.id)).collect()
    }

    /// What has to be done to the containers.
    pub(crate) fn plan_containers(
        &self,
        selected: &BTreeSet<String>,
        environments: &BTreeMap<String, EnvironmentFacts>,
        known: &Known<'_>,
    ) -> Result<(ContainerPlan, Vec<Container>), Failure> {
        let containers = self.containers()?;
        let plan = ContainerPlan::new(&ContainerFacts {
            project: &self.stack.project,
            selected,
            images: known.images,
            containers: &containers,
            environments,
            record: known.record,
            shape: known.shape,
            recreate: known.recreate,
        });
        Ok((plan, containers))
    }

    /// Id of each service's image, as far as present.
    pub(crate) fn image_ids(
        &self,
        selected: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, String>, Failure> {
        use pyfast_launcher::engine::Images as _;
        let mut ids: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut images = BTreeMap::new();
        for name in selected {
            let Some(image) = self.image_of(name)? else { continue };
            if !ids.contains_key(&image) {
                let facts = self.connection.wait(self.connection.engine.image_facts(&image))?;
                ids.insert(image.clone(), facts.map(|facts| facts.id));
            }
            if let Some(id) = ids.get(&image).cloned().flatten() {
                images.insert(name.clone(), id);
            }
        }
        Ok(images)
    }
}

/// What a plan of the containers needs besides the environments.
pub(crate) struct Known<'a> {
    pub(crate) images: &'a BTreeMap<String, String>,
    pub(crate) record: &'a Record,
    pub(crate) shape: &'a str,
    pub(crate) recreate: bool,
}

/// The containers of each selected service.
pub(crate) fn by_service(
    containers: &[Container],
    selected: &BTreeSet<String>,
) -> BTreeMap<String, Vec<Container>> {
    let found = pyfast_launcher::containers::by_service(containers);
    let of = |service: &String| {
        found.get(service.as_str()).into_iter().flatten().map(|&one| one.clone()).collect()
    };
    selected.iter().map(|service| (service.clone(), of(service))).collect()
}

/// Addresses at which a container's ports answer.
pub(crate) fn addresses(container: &Container) -> Vec<String> {
    let mut found = BTreeSet::new();
    for port in &container.ports {
        let host = match port.host_ip.as_str() {
            "" | "0.0.0.0" | "::" | "127.0.0.1" => "localhost",
            other => other,
        };
        let scheme = if port.container_port.ends_with("/udp") { "udp" } else { "http" };
        found.insert(format!("{scheme}://{host}:{}", port.host_port));
    }
    found.into_iter().collect()
}

/// A container's state in a word or two.
pub(crate) fn state(container: &Container) -> String {
    use pyfast_launcher::engine::HealthStatus::{Healthy, Starting, Unhealthy};
    let health = container.health.as_ref().map(|health| health.status);
    match (container.status, health) {
        (Status::Running, Some(Healthy)) => "healthy".to_owned(),
        (Status::Running, Some(Unhealthy)) => "unhealthy".to_owned(),
        (Status::Running, Some(Starting)) => "running (health: starting)".to_owned(),
        (Status::Running, None) => "running".to_owned(),
        (Status::Exited, _) if container.exit_code == 0 => "completed".to_owned(),
        (Status::Exited, _) => format!("exited ({})", container.exit_code),
        (Status::Created, _) => "created".to_owned(),
        (Status::Paused, _) => "paused".to_owned(),
        (Status::Restarting, _) => format!("restarting (exited {})", container.exit_code),
        (Status::Dead, _) => "dead".to_owned(),
    }
}

/// A container as `--json` shows it.
pub(crate) fn container_json(service: &str, container: &Container) -> Value {
    json!({
        "service": service,
        "id": container.id,
        "name": container.name,
        "image": container.image_id,
        "environment": container.labels.get(ENV_LABEL),
        "state": state(container),
        "exit_code": (container.status == Status::Exited).then_some(container.exit_code),
        "started_at": container.started_at,
        "addresses": addresses(container),
    })
}
