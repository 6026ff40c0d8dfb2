//! From an edited project to running containers: what `up`, `down`, `restart`, `ps` and `logs` share. Joins the
//! launcher with the syncing of environments; owns the phases of `up` and their order.

mod clean;
pub(crate) mod composer;
pub(crate) mod containers;
mod create;
pub(crate) mod defaults;
pub(crate) mod images;
pub(crate) mod memory;
pub(crate) mod override_file;
pub(crate) mod project;
pub(crate) mod start;
pub(crate) mod up;
pub(crate) mod watch;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pyfast_environment::report::Facts;
use pyfast_launcher::engine::{COMPOSE_PROJECT_LABEL, Container, Services as _};
use pyfast_launcher::image::{WantedImage, wanted_images};

use crate::args::StackArgs;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::syncing;
use crate::ui::{Ui, duration};
use pyfast_crew::engine::Connection;
use pyfast_crew::interrupt;
use pyfast_crew::task::Options;

pub(crate) use project::Stack;

/// What is asked of `up`.
#[derive(Debug, Clone)]
pub(crate) struct UpOptions {
    pub(crate) stack: StackArgs,
    /// Services, with what they depend on; none is all.
    pub(crate) services: Vec<String>,
    /// Whether all images are built that can be.
    pub(crate) rebuild: bool,
    /// Whether containers are removed first, and what becomes of volumes then.
    pub(crate) clean: Option<Volumes>,
    /// Whether to wait until services are healthy.
    pub(crate) wait: bool,
    /// How long, for each; `None` as its health check says.
    pub(crate) deadline: Option<Duration>,
}

/// What becomes of the project's named volumes when its containers are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Volumes {
    Ask,
    Remove,
}

/// A project with the engine that runs it.
pub(crate) struct Launcher<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) stack: Stack,
    pub(crate) connection: Connection,
    /// The images of all services, once they were asked for.
    wanted: OnceCell<Vec<WantedImage>>,
    /// How long each phase took, in their order.
    pub(crate) phases: Vec<(&'static str, Duration)>,
}

impl<'a> Launcher<'a> {
    /// Reads the project, then reaches the engine.
    pub(crate) fn open(
        settings: &'a Settings,
        args: &StackArgs,
        services: &[String],
    ) -> Result<Self, Failure> {
        let begun = Instant::now();
        let stack = Stack::read(settings, args, services)?;
        let read = begun.elapsed();
        let begun = Instant::now();
        let connection = Connection::open(settings)?;
        let phases = vec![("project", read), ("engine", begun.elapsed())];
        Ok(Self { settings, stack, connection, wanted: OnceCell::new(), phases })
    }

    pub(crate) fn ui(&self) -> Ui {
        self.settings.ui
    }

    /// Does a phase and remembers how long it took.
    pub(crate) fn phase<T>(
        &mut self,
        name: &'static str,
        act: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let done = act(self);
        self.phases.push((name, begun.elapsed()));
        done
    }

    /// The project's containers.
    pub(crate) fn containers(&self) -> Result<Vec<Container>, Failure> {
        let label = (COMPOSE_PROJECT_LABEL, self.stack.project.name.as_str());
        Ok(self.connection.wait(self.connection.engine.containers(&[label]))?)
    }

    /// The images that the project's services start from.
    pub(crate) fn wanted(&self) -> Result<&[WantedImage], Failure> {
        if let Some(wanted) = self.wanted.get() {
            return Ok(wanted);
        }
        let project = &self.stack.project;
        let unnamed = project.services.values().any(|one| one.image.is_none());
        let separator = if unnamed && self.is_compose_one()? { "_" } else { "-" };
        let wanted = wanted_images(project, separator)?;
        Ok(self.wanted.get_or_init(|| wanted))
    }

    /// Name of the image that a service starts from.
    pub(crate) fn image_of(&self, service: &str) -> Result<Option<String>, Failure> {
        let wanted = self.wanted()?.iter();
        let mut of = wanted.filter(|image| image.services.iter().any(|one| one == service));
        Ok(of.next().map(|image| image.image.clone()))
    }

    /// Brings the environments of these services up to date; what each is now, by name.
    pub(crate) fn sync(
        &self,
        selected: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Synced>, Failure> {
        let mut names = Vec::new();
        let mut environments = Vec::new();
        for (name, env) in &self.stack.environments {
            if env.services.is_disjoint(selected) {
                continue;
            }
            let mut settings = self.stack.settings(self.settings, name);
            if !names.is_empty() {
                settings.ui = settings.ui.without_bars();
            }
            names.push(name);
            environments.push(settings);
        }
        let mut synced = BTreeMap::new();
        let mut failed = Vec::new();
        let done = interrupt::ending(|| syncing::sync_all(&Options::default(), &environments));
        for (name, (report, took)) in names.into_iter().zip(done) {
            let report = match report {
                Ok(report) => report,
                Err(failure) => {
                    failed.push(failure.hint(format!("this is the environment `{name}`")));
                    continue;
                }
            };
            let what = if report.sync.changed { "synced" } else { "up to date" };
            self.ui().note(format!("Environment {name}: {what} ({})", duration(took)));
            if report.sync.changed {
                syncing::show_changes(&report, self.ui());
            }
            let Facts { id, current, .. } = report.sync.facts.clone();
            synced.insert(name.clone(), Synced { id, current, changed: report.sync.changed });
        }
        Failure::of_all(failed).map_or(Ok(synced), Err)
    }
}

/// An environment after its sync.
#[derive(Debug, Clone)]
pub(crate) struct Synced {
    /// Id of its generation.
    pub(crate) id: String,
    /// The current link, as whoever synced wrote it.
    pub(crate) current: std::path::PathBuf,
    pub(crate) changed: bool,
}
