//! The containers of a project: what has to be done to them. Owns the joining of the plan's facts; must not know how an
//! engine starts anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pyfast_launcher::containers::{ContainerFacts, ContainerPlan, EnvironmentFacts, Record};
use pyfast_launcher::engine::Container;
use pyfast_launcher::volume::MOUNT_POINT;
use pyfast_root::{ProjectEnv, Root};

use crate::code::CodePlan;
use crate::environments::Synced;
use crate::images::ImagesRead;
use crate::stack::Stack;

impl Stack<'_> {
    /// Facts about the environments, as the plan wants them.
    pub(crate) fn environment_facts(
        &self,
        synced: &BTreeMap<String, Synced>,
    ) -> BTreeMap<String, EnvironmentFacts> {
        let facts = synced.iter().filter_map(|(name, synced)| {
            let services = self.description.environments.get(name)?.services.clone();
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
    ) -> ContainerPlan {
        ContainerPlan::new(&ContainerFacts {
            project: &self.description.project,
            selected,
            images: &known.images.ids(selected),
            containers: known.containers,
            environments,
            record: known.record,
            shape: known.shape,
            code: &known.code.restart,
            supervised: &self.description.supervised(),
            anew: &known.code.anew(),
        })
    }
}

/// What a plan of the containers needs besides the environments.
pub(crate) struct Known<'a> {
    pub(crate) images: &'a ImagesRead,
    pub(crate) containers: &'a [Container],
    pub(crate) record: &'a Record,
    pub(crate) shape: &'a str,
    pub(crate) code: &'a CodePlan,
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

/// The services of these that get new containers, a new start or other files. Whom Compose makes anew when it is called is
/// its own business: then it may be any of them.
pub(crate) fn concerned(
    plan: &ContainerPlan,
    code: &CodePlan,
    selected: &BTreeSet<String>,
) -> BTreeSet<String> {
    let stays = |service: &&String| {
        plan.create.is_empty() && plan.keep.contains(*service) && !code.puts_into(service)
    };
    selected.iter().filter(|service| !stays(service)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use pyfast_launcher::containers::CreateReason;

    use super::*;

    #[test]
    fn what_stays_as_it_is_concerns_nobody_until_compose_is_called() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let selected: BTreeSet<String> = names(&["web", "worker"]);
        let code = CodePlan::default();
        let mut plan =
            ContainerPlan { keep: names(&["web", "worker"]), ..ContainerPlan::default() };
        assert_eq!(concerned(&plan, &code, &selected), names(&[]));
        plan.keep = names(&["web"]);
        assert_eq!(concerned(&plan, &code, &selected), names(&["worker"]));
        plan.create = vec![CreateReason::NoRecord];
        assert_eq!(concerned(&plan, &code, &selected), selected);
    }
}
