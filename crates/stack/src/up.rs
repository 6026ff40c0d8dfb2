//! The phases of `up`: images, environments, override, containers, health. Owns their order; each phase is elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pyfast_crew::task::millis;
use pyfast_launcher::code::Hindrance;
use pyfast_launcher::containers::{
    CreateReason, Done, EnvironmentFacts, Launched, Record, StartOptions, of_service, shape,
    start_and_wait, with_dependents,
};
use pyfast_launcher::engine::{Container, Engine as _, Status};
use pyfast_settings::Root;
use serde_json::{Map, Value, json};

use crate::code::CodePlan;
use crate::containers::{Known, by_service, concerned};
use crate::defaults::export;
use crate::error::Error;
use crate::event::Event;
use crate::images::ImagesRead;
use crate::memory::Memory;
use crate::options::UpOptions;
use crate::stack::Stack;

/// Services that were started, and what came of them.
#[derive(Debug)]
pub struct Upped {
    /// What came of each service.
    pub launched: Launched,
    /// The project's containers as they are then.
    pub containers: Vec<Container>,
}

impl Upped {
    /// Where a service answers.
    pub fn addresses(&self, service: &str) -> String {
        let found = of_service(&self.containers, service).into_iter();
        let mut addresses: Vec<String> = found.flat_map(Container::addresses).collect();
        addresses.dedup();
        addresses.join(" ")
    }
}

impl Stack<'_> {
    /// Brings the project up.
    ///
    /// # Errors
    /// What a phase fails with. A service that fails is no error here.
    pub fn up(&mut self, options: &UpOptions) -> Result<Upped, Error> {
        let selected = self.description.selected(&options.services)?;
        self.check_compose()?;
        self.check_supervised()?;
        self.tell_displaced(&selected)?;
        let host = self.connection.engine.host().to_string();
        let mut memory = Memory::load(self.settings, &self.description.project.name, &host)?;
        let mut images = self.phase("images", |stack| {
            let mut read = stack.plan_images(&selected, options, &mut memory)?;
            stack.carry_out_images(&read.plan, &mut read.facts)?;
            if read.assumed {
                // What was built shows whether that was right.
                let seen = UpOptions { rebuild: false, build: BTreeSet::new(), ..options.clone() };
                read = stack.plan_images(&selected, &seen, &mut memory)?;
                if read.plan.iter().any(|image| image.act.is_due()) {
                    stack.carry_out_images(&read.plan, &mut read.facts)?;
                }
            }
            stack.remember_code(&read)?;
            Ok(read)
        })?;
        let synced = self.phase("environments", |stack| stack.sync(&selected))?;
        let environments = self.environment_facts(&synced);
        let wanted =
            Wanted { selected: &selected, environments: &environments, check: options.check };
        let created =
            self.phase("containers", |stack| stack.prepare(wanted, &mut memory, &mut images))?;
        let start = StartOptions { reload: created.reload, ..options.restart(created.restart) };
        let launched = self.phase("start", |stack| {
            stack.start(&by_service(&created.containers, &selected), &start)
        })?;
        let containers = self.containers()?;
        self.tell_orphans(&containers);
        let dockerfiles = self.still_installing();
        if !dockerfiles.is_empty() {
            self.tell(Event::StillInstall { dockerfiles });
        }
        let all = selected.len() == self.description.project.services.len();
        let shape = &created.shape;
        let code = images.digests();
        let stayed = &launched.stayed(&start);
        let (selected, environments, code) = (&selected, &environments, &code);
        let done = Done { selected, all, shape, environments, code, stayed };
        memory.record = memory.record.after(&done, &containers);
        if let Err(error) = memory.store() {
            self.tell(Event::NotRemembered(error));
        }
        Ok(Upped { launched, containers })
    }

    /// What came of services, for scripts.
    pub fn result(&self, upped: &Upped, total: Duration) -> Value {
        let services = upped.launched.services.iter().map(|(service, outcome)| {
            let found = of_service(&upped.containers, service);
            (service.clone(), outcome.to_json(service, &found))
        });
        let services: Map<_, _> = services.collect();
        let phases = self.phases.iter();
        let phases: Map<_, _> =
            phases.map(|phase| (phase.name.to_owned(), json!(millis(phase.took)))).collect();
        json!({ "project": self.description.project.name, "services": services,
            "timings_ms": { "phases": phases, "total": millis(total) } })
    }

    /// Names services that run though the project does not have them any more: renamed, removed, or of another branch.
    fn tell_orphans(&self, containers: &[Container]) {
        let project = &self.description.project;
        let services = pyfast_launcher::containers::by_service(containers);
        let gone = services.keys().filter(|name| !project.has(name));
        let gone: Vec<String> = gone.map(|&name| name.to_owned()).collect();
        if !gone.is_empty() {
            self.tell(Event::Orphans { services: gone });
        }
    }

    /// Restarts services as they are; none is all.
    ///
    /// # Errors
    /// [`Error::NoContainer`], and what the engine fails with.
    pub fn restart(&mut self, services: &[String], wait: bool) -> Result<Upped, Error> {
        self.restart_as(services, &UpOptions { wait, ..UpOptions::default() }, &BTreeSet::new())
    }

    /// Restarts services as rules say, and waits for them as is said for `up`. The commands of those that are supervised
    /// are started again within their containers.
    pub(crate) fn restart_by_rules(
        &mut self,
        services: &[String],
        asked: &UpOptions,
    ) -> Result<Upped, Error> {
        self.restart_as(services, asked, &self.description.supervised())
    }

    fn restart_as(
        &mut self,
        services: &[String],
        asked: &UpOptions,
        supervised: &BTreeSet<String>,
    ) -> Result<Upped, Error> {
        let chosen = self.chosen(services)?;
        let mut containers = by_service(&self.containers()?, &chosen);
        let missing = containers.iter().find(|(_, found)| found.is_empty());
        let nothing = containers.values().all(Vec::is_empty);
        if let Some((service, _)) = missing.filter(|_| nothing || !services.is_empty()) {
            return Err(Error::NoContainer { service: service.clone() });
        }
        let with = with_dependents(&self.description.project, &chosen).into_keys().collect();
        containers.extend(by_service(&self.containers()?, &with));
        // Of what was never started there is nothing to say.
        containers.retain(|_, found| !found.is_empty());
        let runs =
            |service: &String| containers[service].iter().any(|one| one.status == Status::Running);
        let (within, restart): (BTreeSet<String>, BTreeSet<String>) = containers
            .keys()
            .cloned()
            .partition(|service| supervised.contains(service) && runs(service));
        let reload = within.into_iter().map(|service| (service, true)).collect();
        let options = StartOptions { reload, ..asked.restart(restart) };
        let launched = self.phase("restart", |stack| stack.start(&containers, &options))?;
        Ok(Upped { launched, containers: self.containers()? })
    }

    /// Starts and restarts services, and waits for them.
    fn start(
        &self,
        containers: &BTreeMap<String, Vec<Container>>,
        options: &StartOptions,
    ) -> Result<Launched, Error> {
        let tell = &self.events;
        let events = |event| tell(Event::Start(event));
        let (engine, project) = (&self.connection.engine, &self.description.project);
        let launched = start_and_wait(engine, project, containers, options, &events);
        Ok(self.connection.wait(launched)?)
    }

    /// Has Compose create what is missing or changed, and puts code into what stays.
    fn prepare(
        &self,
        wanted: Wanted<'_>,
        memory: &mut Memory,
        images: &mut ImagesRead,
    ) -> Result<Created, Error> {
        let Wanted { selected, environments, check } = wanted;
        let text = self.override_text()?;
        if self.description.environments.is_empty() {
            self.remove_override()?;
            self.tell(Event::NoEnvironments { export: export(self.settings) });
        } else {
            self.write_override(&text)?;
        }
        let shape = shape(&self.description.project, &text);
        let mut containers = self.containers()?;
        let mut code = self.due_code(selected, images, &memory.record, &containers)?;
        let plan =
            |code: &CodePlan, containers: &[Container], images: &ImagesRead, memory: &Memory| {
                let known =
                    Known { images, containers, record: &memory.record, shape: &shape, code };
                self.plan_containers(selected, environments, &known)
            };
        let mut due = plan(&code, &containers, images, memory);
        if check {
            self.check(&concerned(&due, &code, selected), environments)?;
        }
        // The second time what could not be put is made anew.
        for _ in 0..2 {
            if due.create.is_empty() && code.puts.is_empty() {
                break;
            }
            if !due.create.is_empty() {
                let begun = Instant::now();
                let why = due.create.first().cloned().map(Hindrance::Created);
                self.build_behind(images, &code.hindered, why.as_ref())?;
                code = self.make(selected, &code, images, &memory.record)?;
                self.tell(Event::Created { reasons: due.create, took: begun.elapsed() });
            }
            code.forget(memory)?;
            self.put_code(&mut code, images)?;
            containers = self.containers()?;
            due = plan(&code, &containers, images, memory);
            // Of all that Compose is called for only this is told by the containers alone.
            let short = |reason: &CreateReason| matches!(reason, CreateReason::Count { .. });
            if code.hindered.is_empty() && !due.create.iter().any(short) {
                break;
            }
        }
        if !code.hindered.is_empty() {
            return Err(Error::Code { services: code.hindered });
        }
        let reloads = due.reload.iter().map(|(service, reload)| (service, &reload.reason));
        for (service, reason) in due.restart.iter().chain(reloads) {
            let (service, reason) = (service.clone(), reason.clone());
            self.tell(Event::ToRestart { service, reason });
        }
        let reload = due.reload.into_iter().map(|(service, reload)| (service, reload.anew));
        let (restart, reload) = (due.restart.into_keys().collect(), reload.collect());
        Ok(Created { restart, reload, shape, containers })
    }

    /// Has Compose make containers, from images that have the code of now. Says what is due to them then.
    fn make(
        &self,
        selected: &BTreeSet<String>,
        code: &CodePlan,
        images: &ImagesRead,
        record: &Record,
    ) -> Result<CodePlan, Error> {
        self.ensure_volume()?;
        self.create(selected)?;
        let left = self.plan_code(selected, images, record, &self.containers()?)?;
        // Compose itself sees no difference where the image is still the same.
        let mut anew = left.anew();
        anew.extend(code.anew().into_iter().filter(|one| left.restart.contains_key(one)));
        if anew.is_empty() {
            return Ok(left);
        }
        self.create_anew(&anew)?;
        self.plan_code(selected, images, record, &self.containers()?)
    }

    /// Has the volume that the override names, which Compose looks for even when no selected service mounts it.
    fn ensure_volume(&self) -> Result<(), Error> {
        let Root::Volume(volume) = &self.description.root else { return Ok(()) };
        let engine = &self.connection.engine;
        for env in self.description.environments.values() {
            if self.connection.runtime.block_on(engine.inspect_image(&env.image)).is_ok() {
                self.connection.volume(volume, &env.image, &self.settings.project.name())?;
                return Ok(());
            }
        }
        Ok(())
    }
}

/// What containers are to be made for.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    selected: &'a BTreeSet<String>,
    environments: &'a BTreeMap<String, EnvironmentFacts>,
    /// Whether nothing is created that a check says would not start.
    check: bool,
}

/// Containers that are all there.
struct Created {
    /// Services that are to be restarted.
    restart: BTreeSet<String>,
    /// Services whose commands are started again within their containers, and whether that is due in any case.
    reload: BTreeMap<String, bool>,
    /// The shape of all.
    shape: String,
    /// As they are then.
    containers: Vec<Container>,
}
