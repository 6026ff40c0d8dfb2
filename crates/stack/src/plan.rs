//! What `up` would do, in the order of its phases. Does nothing, and tries no more than is needed to know.

use std::collections::BTreeMap;
use std::fmt;

use pyfast_launcher::containers::ContainerPlan;
use pyfast_launcher::engine::{Engine as _, EngineVersion};
use pyfast_launcher::image::ImagePlan;
use pyfast_settings::Root;

use crate::check::found::Found;
use crate::containers::{Known, concerned};
use crate::environments::Synced;
use crate::error::Error;
use crate::memory::Memory;
use crate::options::UpOptions;
use crate::stack::Stack;

/// One thing that `up` would do.
#[derive(Debug)]
pub enum Step {
    /// It would ask this engine.
    Engine {
        /// Its address.
        host: String,
        /// What it is.
        version: EngineVersion,
    },
    /// What it would do about an image.
    Image(Box<ImagePlan>),
    /// What it would do about an environment.
    Environment {
        /// Its name.
        name: String,
        /// What.
        act: EnvironmentAct,
    },
    /// Something that keeps a service from starting, for which it would go no further.
    Check(Found),
    /// What it would do about the containers.
    Containers(ContainerPlan),
    /// It would wait for the health of so many services; `None`: of none.
    Health(Option<usize>),
}

impl Step {
    /// The phase that it belongs to.
    pub fn phase(&self) -> &'static str {
        match self {
            Self::Engine { .. } => "engine",
            Self::Image(_) => "image",
            Self::Environment { .. } => "environment",
            Self::Check(_) => "check",
            Self::Containers(_) => "containers",
            Self::Health(_) => "health",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine { host, version } => {
                write!(f, "{host} ({}, API {})", version.version, version.api)
            }
            Self::Image(image) => image.fmt(f),
            Self::Environment { name, act } => write!(f, "{name}: {act}"),
            Self::Check(found) => found.fmt(f),
            Self::Containers(plan) => plan.fmt(f),
            Self::Health(Some(1)) => f.write_str("waited for, of 1 service"),
            Self::Health(Some(services)) => write!(f, "waited for, of {services} services"),
            Self::Health(None) => f.write_str("not waited for"),
        }
    }
}

/// What would be done about an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentAct {
    /// Nothing.
    UpToDate,
    /// A sync that changes it.
    Sync,
    /// A sync, once its image is there.
    OnceItsImageIsThere,
    /// A sync into a volume that does not exist yet.
    IntoNewVolume(String),
}

impl fmt::Display for EnvironmentAct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UpToDate => f.write_str("up to date"),
            Self::Sync => f.write_str("sync"),
            Self::OnceItsImageIsThere => f.write_str("sync, once its image is there"),
            Self::IntoNewVolume(volume) => {
                write!(f, "sync (the volume {volume} does not exist yet)")
            }
        }
    }
}

impl Stack<'_> {
    /// What [`Stack::up`] would do.
    ///
    /// # Errors
    /// What keeps it from being known.
    pub fn plan(&self, options: &UpOptions) -> Result<Vec<Step>, Error> {
        let selected = self.description.selected(&options.services)?;
        self.check_compose()?;
        self.tell_displaced(&selected)?;
        let engine = &self.connection.engine;
        let version = self.connection.wait(engine.version())?;
        let host = engine.host().to_string();
        let mut memory = Memory::load(self.settings, &self.description.project.name, &host)?;
        let mut steps = vec![Step::Engine { host, version }];
        let mut read = self.plan_images(&selected, options, &mut memory)?;
        let containers = self.containers()?;
        let code = self.due_code(&selected, &mut read, &memory.record, &containers)?;
        let code = code.without(&read.plan);
        let images = &read.plan;
        steps.extend(images.iter().map(|image| Step::Image(Box::new(image.clone()))));
        let mut synced = BTreeMap::new();
        for (name, env) in &self.description.environments {
            if env.services.is_disjoint(&selected) {
                continue;
            }
            let plan = images.iter().find(|one| one.wanted.image == env.image);
            let act = if plan.is_some_and(|one| one.act.is_due()) {
                EnvironmentAct::OnceItsImageIsThere
            } else {
                self.plan_environment(name, &mut synced)?
            };
            steps.push(Step::Environment { name: name.clone(), act });
        }
        let (shape, record) = (self.shape()?, &memory.record);
        let known =
            Known { images: &read, containers: &containers, record, shape: &shape, code: &code };
        let mut environments = self.environment_facts(&synced);
        let plan = self.plan_containers(&selected, &environments, &known);
        if options.check {
            // Of one that would be another than its generation nothing is known.
            environments.retain(|_, facts| !facts.changed);
            let services = concerned(&plan, &code, &selected);
            let found = self.would_fail(&services, &environments).findings;
            steps.extend(found.into_iter().map(Step::Check));
        }
        steps.push(Step::Containers(plan));
        steps.push(Step::Health(options.wait.then_some(selected.len())));
        Ok(steps)
    }

    fn plan_environment(
        &self,
        name: &str,
        synced: &mut BTreeMap<String, Synced>,
    ) -> Result<EnvironmentAct, Error> {
        if let Root::Volume(volume) = &self.description.root {
            let found = self.connection.wait(self.connection.engine.inspect_volume(volume))?;
            if found.is_none() {
                return Ok(EnvironmentAct::IntoNewVolume(volume.clone()));
            }
        }
        let tried = self.try_sync(name)?;
        let act = if tried.changed { EnvironmentAct::Sync } else { EnvironmentAct::UpToDate };
        synced.insert(name.to_owned(), tried);
        Ok(act)
    }
}
