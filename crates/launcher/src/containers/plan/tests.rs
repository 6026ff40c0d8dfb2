//! The rules of the plan, each by the plan's own words.

use super::*;
use crate::compose_file::{Condition, Dependency, Service};

const STARTED: &str = "2026-01-02T03:04:05.5Z";

/// A world in which nothing has to be done: `web` runs in `backend`'s generation g1, `db` runs, `init` completed.
struct World {
    project: ComposeProject,
    containers: Vec<Container>,
    images: BTreeMap<String, String>,
    environments: BTreeMap<String, EnvironmentFacts>,
    record: Record,
    shape: String,
    code: BTreeMap<String, usize>,
    supervised: BTreeSet<String>,
    anew: BTreeSet<String>,
    wanted: Vec<String>,
}

fn container(service: &str) -> Container {
    Container {
        id: format!("id-{service}"),
        name: service.into(),
        image_id: format!("sha-{service}"),
        labels: BTreeMap::from([(COMPOSE_SERVICE_LABEL.into(), service.into())]),
        status: Status::Running,
        started_at: STARTED.into(),
        ..Container::default()
    }
}

impl World {
    /// A service that runs and depends on `web`, with or without `restart: true`.
    fn needs_web(&mut self, name: &str, restart: bool) {
        let needs = Dependency { restart, ..Dependency::default() };
        let depends_on = BTreeMap::from([("web".to_owned(), needs)]);
        self.project.services.insert(name.into(), Service { depends_on, ..Service::default() });
        self.containers.push(container(name));
        let seen = StartedIn { started_at: STARTED.into(), generation: None, code: None };
        self.record.containers.insert(format!("id-{name}"), seen);
    }

    fn new() -> Self {
        let mut project = ComposeProject::default();
        for name in ["db", "init", "web"] {
            project.services.insert(name.into(), Service::default());
        }
        if let Some(web) = project.services.get_mut("web") {
            let completed =
                Dependency { condition: Condition::Completed, required: true, restart: false };
            web.depends_on =
                BTreeMap::from([("db".into(), Dependency::default()), ("init".into(), completed)]);
        }
        let mut containers = vec![container("db"), container("init"), container("web")];
        containers[1].status = Status::Exited;
        let seen = |generation: Option<&str>| StartedIn {
            started_at: STARTED.into(),
            generation: generation.map(str::to_owned),
            code: None,
        };
        let record = Record {
            shape: "s1".into(),
            containers: BTreeMap::from([
                ("id-db".into(), seen(None)),
                ("id-init".into(), seen(None)),
                ("id-web".into(), seen(Some("g1"))),
            ]),
        };
        let backend = EnvironmentFacts {
            services: BTreeSet::from(["web".into()]),
            generation: "g1".into(),
            ..EnvironmentFacts::default()
        };
        let images =
            ["db", "init", "web"].map(|name| (name.to_owned(), format!("sha-{name}"))).into();
        Self {
            project,
            containers,
            images,
            environments: BTreeMap::from([("backend".into(), backend)]),
            record,
            shape: "s1".into(),
            code: BTreeMap::new(),
            supervised: BTreeSet::new(),
            anew: BTreeSet::new(),
            wanted: Vec::new(),
        }
    }

    fn backend(&mut self) -> &mut EnvironmentFacts {
        self.environments.get_mut("backend").expect("it is in the world")
    }

    fn plan(&self) -> ContainerPlan {
        let selected = with_dependencies(&self.project, &self.wanted);
        ContainerPlan::new(&ContainerFacts {
            project: &self.project,
            selected: &selected,
            images: &self.images,
            containers: &self.containers,
            environments: &self.environments,
            record: &self.record,
            shape: &self.shape,
            code: &self.code,
            supervised: &self.supervised,
            anew: &self.anew,
        })
    }

    fn check(&self, expected: &[&str]) {
        let text = self.plan().to_string();
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn nothing_changed_means_nothing_to_do_and_a_completed_service_is_not_run_again() {
    World::new().check(&["keep     db", "keep     init", "keep     web"]);
}

#[test]
fn a_restart_brings_those_along_that_depend_on_it_with_restart() {
    let mut world = World::new();
    world.needs_web("edge", true);
    world.needs_web("probe", false);
    world.code.insert("web".into(), 2);
    world.check(&[
        "restart  edge: web is restarted, on which it depends",
        "restart  web: 2 files are put into it",
        "keep     db",
        "keep     init",
        "keep     probe",
    ]);
}

#[test]
fn a_new_generation_restarts_its_services_and_no_others() {
    let mut world = World::new();
    world.backend().generation = "g2".into();
    world.check(&[
        "restart  web: environment backend changed (g1 → g2)",
        "keep     db",
        "keep     init",
    ]);
}

#[test]
fn a_container_that_somebody_else_started_is_judged_by_the_history() {
    let mut world = World::new();
    world.record.containers.get_mut("id-web").unwrap().started_at = "earlier".into();
    // 2026-01-02T03:04:05Z is 1767323045 s.
    world.backend().activations =
        vec![(1_767_323_000_000, "g1".into()), (1_767_323_045_600, "g2".into())];
    world.backend().generation = "g2".into();
    world.check(&[
        "restart  web: environment backend changed (g1 → g2)",
        "keep     db",
        "keep     init",
    ]);
    world.backend().activations[1].0 = 1_767_323_045_400;
    world.check(&["keep     db", "keep     init", "keep     web"]);
}

#[test]
fn without_record_and_history_only_a_change_of_just_now_restarts() {
    let mut world = World::new();
    world.record.containers.get_mut("id-web").unwrap().generation = None;
    world.check(&["keep     db", "keep     init", "keep     web"]);
    world.backend().changed = true;
    world.check(&[
        "restart  web: environment backend changed (another → g1)",
        "keep     db",
        "keep     init",
    ]);
}

#[test]
fn missing_and_surplus_containers_are_composes_work() {
    let mut world = World::new();
    world.containers.retain(|one| one.name != "db");
    world.containers.push(container("web"));
    world.check(&[
        "create   by Compose: db has no container; web has 2 containers instead of 1",
        "start    db",
        "keep     init",
        "keep     web",
    ]);
}

#[test]
fn a_new_image_recreates() {
    let mut world = World::new();
    world.images.insert("web".into(), "sha-new".into());
    world.check(&[
        "create   by Compose: web has a new image",
        "keep     db",
        "keep     init",
        "keep     web",
    ]);
}

#[test]
fn changed_files_recreate_and_so_does_a_missing_record() {
    let mut world = World::new();
    world.shape = "s2".into();
    let rest = ["keep     db", "keep     init", "keep     web"];
    let with = |first: &'static str| [&[first], &rest[..]].concat();
    world.check(&with("create   by Compose: compose files or variables changed"));
    world = World::new();
    world.record.shape.clear();
    world.check(&with("create   by Compose: the containers were not made by `pyfast up`"));
}

#[test]
fn what_stopped_or_failed_is_started() {
    let mut world = World::new();
    world.containers[0].status = Status::Exited;
    world.containers[1].exit_code = 3;
    world.check(&["start    db", "start    init", "keep     web"]);
}

#[test]
fn a_server_that_was_stopped_is_started_though_it_ended_well() {
    let mut world = World::new();
    world.containers[0].status = Status::Exited;
    world.check(&["start    db", "keep     init", "keep     web"]);
}

#[test]
fn named_services_bring_their_dependencies_and_nothing_else() {
    let mut world = World::new();
    world.project.services.insert("other".into(), Service::default());
    world.wanted = vec!["web".into()];
    world.check(&["keep     db", "keep     init", "keep     web"]);
}

#[test]
fn containers_of_compose_run_do_not_count() {
    let mut world = World::new();
    let mut one_off = container("web");
    one_off.labels.insert(COMPOSE_ONEOFF_LABEL.into(), "True".into());
    world.containers.push(one_off);
    world.check(&["keep     db", "keep     init", "keep     web"]);
}

#[test]
fn a_service_that_something_else_provides_has_no_containers_and_nothing_to_do() {
    let mut world = World::new();
    let provided = Service { provider: true, ..Service::default() };
    world.project.services.insert("cloud".into(), provided);
    world.check(&["keep     cloud", "keep     db", "keep     init", "keep     web"]);
}

#[test]
fn what_is_supervised_gets_a_new_run_within_its_container_while_that_runs() {
    let mut world = World::new();
    world.supervised = BTreeSet::from(["web".into(), "init".into()]);
    world.check(&["keep     db", "keep     init", "keep     web"]);
    world.backend().generation = "g2".into();
    let changed = "web: environment backend changed (g1 → g2)";
    let rest = ["keep     db", "keep     init"];
    world.check(&[&format!("reload   {changed}"), rest[0], rest[1]]);
    world.containers[2].status = Status::Paused;
    world.check(&[&format!("restart  {changed}"), rest[0], rest[1]]);
    // Beside one that runs, each container gets the run that it can have.
    world.containers.push(Container { id: "id-web-2".into(), ..container("web") });
    assert!(world.plan().reload.contains_key("web"), "{}", world.plan());
    // What has ended has nobody in it who could start it again.
    world = World { supervised: world.supervised, ..World::new() };
    world.code = BTreeMap::from([("web".into(), 2), ("init".into(), 1)]);
    world.check(&[
        "restart  init: 1 file is put into it",
        "reload   web: 2 files are put into it",
        "keep     db",
    ]);
}

#[test]
fn files_call_for_a_new_run_even_in_the_environment_of_now() {
    let mut world = World::new();
    world.supervised = BTreeSet::from(["web".into()]);
    world.backend().generation = "g2".into();
    let anew = |world: &World| world.plan().reload["web"].anew;
    assert!(!anew(&world));
    world.code.insert("web".into(), 1);
    assert!(anew(&world), "its own new run may have begun before the files came");
}

#[test]
fn a_new_run_brings_those_along_that_depend_on_it_with_restart() {
    let mut world = World::new();
    world.supervised = BTreeSet::from(["web".into(), "edge".into()]);
    world.needs_web("edge", true);
    world.needs_web("probe", true);
    world.code.insert("web".into(), 2);
    world.check(&[
        "restart  probe: web is restarted, on which it depends",
        "reload   edge: web is restarted, on which it depends",
        "reload   web: 2 files are put into it",
        "keep     db",
        "keep     init",
    ]);
    assert!(world.plan().reload["edge"].anew);
}

#[test]
fn what_depends_with_restart_on_a_service_of_the_same_environment_starts_after_it() {
    let mut world = World::new();
    world.supervised = BTreeSet::from(["web".into(), "edge".into()]);
    let needs = Dependency { restart: true, ..Dependency::default() };
    let depends_on = BTreeMap::from([("web".to_owned(), needs)]);
    world.project.services.insert("edge".into(), Service { depends_on, ..Service::default() });
    world.containers.push(container("edge"));
    let seen = world.record.containers["id-web"].clone();
    world.record.containers.insert("id-edge".into(), seen);
    world.backend().services.insert("edge".into());
    world.backend().generation = "g2".into();
    let plan = world.plan();
    assert!(plan.reload["edge"].anew && !plan.reload["web"].anew, "{plan}");
}
