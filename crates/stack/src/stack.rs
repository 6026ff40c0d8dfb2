//! A project with the engine that runs it. Owns what the phases share; each phase is elsewhere.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyfast_crew::engine::Connection;
use pyfast_launcher::engine::{COMPOSE_PROJECT_LABEL, Container, Services as _};
use pyfast_launcher::image::{WantedImage, wanted_images};
use pyfast_settings::Settings;

use crate::description::{ComposeFlags, Description};
use crate::error::Error;
use crate::event::{Event, Events};

/// A phase of an act, and how long it took.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    /// Its name.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
}

/// A project with the engine that runs it.
pub struct Stack<'a> {
    pub(crate) settings: &'a Settings,
    /// What it is made of.
    pub(crate) description: Description,
    pub(crate) connection: Connection,
    pub(crate) events: Events,
    /// In their order.
    pub(crate) phases: Vec<Phase>,
    /// The images of all services, once they were asked for.
    wanted: OnceCell<Vec<WantedImage>>,
}

impl<'a> Stack<'a> {
    /// Reads the project as far as these services need it, then reaches the engine.
    ///
    /// # Errors
    /// If the project cannot be read, or the engine does not answer.
    pub fn open(
        settings: &'a Settings,
        flags: &ComposeFlags,
        services: &[String],
        events: &Events,
    ) -> Result<Self, Error> {
        let begun = Instant::now();
        let description = Description::read(settings, flags, services)?;
        for warning in &description.project.warnings {
            events(Event::Warning(warning.clone()));
        }
        let read = Phase { name: "project", took: begun.elapsed() };
        let begun = Instant::now();
        let connection = Connection::open(settings)?;
        let reached = Phase { name: "engine", took: begun.elapsed() };
        Ok(Self {
            settings,
            description,
            connection,
            events: Arc::clone(events),
            phases: vec![read, reached],
            wanted: OnceCell::new(),
        })
    }

    /// What the project is made of.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The way to the engine.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What has been done, in its order.
    pub fn phases(&self) -> &[Phase] {
        &self.phases
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.events)(event);
    }

    /// Does a phase and remembers how long it took.
    pub(crate) fn phase<T>(
        &mut self,
        name: &'static str,
        act: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let begun = Instant::now();
        let done = act(self);
        self.phases.push(Phase { name, took: begun.elapsed() });
        done
    }

    /// The project's containers.
    ///
    /// # Errors
    /// If the engine does not tell.
    pub fn containers(&self) -> Result<Vec<Container>, Error> {
        let label = (COMPOSE_PROJECT_LABEL, self.description.project.name.as_str());
        Ok(self.connection.wait(self.connection.engine.containers(&[label]))?)
    }

    /// The services that are named, or all; without what they depend on.
    ///
    /// # Errors
    /// [`Error::NoService`].
    pub fn chosen(&self, named: &[String]) -> Result<BTreeSet<String>, Error> {
        self.description.selected(named)?;
        let all = self.description.project.services.keys().cloned();
        Ok(all.filter(|one| named.is_empty() || named.contains(one)).collect())
    }

    /// The images that the project's services start from.
    pub(crate) fn wanted(&self) -> Result<&[WantedImage], Error> {
        if let Some(wanted) = self.wanted.get() {
            return Ok(wanted);
        }
        let project = &self.description.project;
        let unnamed = project.services.values().any(|one| one.image.is_none());
        let separator = if unnamed && self.is_compose_one()? { "_" } else { "-" };
        let wanted = wanted_images(project, separator)?;
        Ok(self.wanted.get_or_init(|| wanted))
    }

    /// Name of the image that a service starts from.
    pub(crate) fn image_of(&self, service: &str) -> Result<Option<String>, Error> {
        let wanted = self.wanted()?.iter();
        let mut of = wanted.filter(|image| image.services.iter().any(|one| one == service));
        Ok(of.next().map(|image| image.image.clone()))
    }
}
