//! What goes on while a project is brought up, for whoever shows it.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use pyfast_crew::task::Report;
use pyfast_launcher::containers::{CreateReason, RestartReason, StartEvent};
use pyfast_launcher::image::ImageAct;

use crate::check::found::Checked;

/// Something that goes on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Something about the compose files that the user should know, in words.
    Warning(String),
    /// Compose was called and said this.
    ComposeSaid {
        /// Which Compose.
        composer: &'static str,
        /// A line of it.
        line: String,
    },
    /// Compose was interrupted, and may finish what it is doing for so long; the next interrupt kills it.
    ComposeInterrupted {
        /// Which Compose.
        composer: &'static str,
        /// How long.
        patience: Duration,
    },
    /// This would keep services from starting.
    Checked(Box<Checked>),
    /// Containers were removed.
    Removed(Removed),
    /// All images are as they should be.
    ImagesUpToDate {
        /// How many.
        images: usize,
    },
    /// An act on an image begins.
    Image {
        /// Its name.
        image: String,
        /// What is done, and why.
        act: ImageAct,
    },
    /// Whoever pulls or builds an image says this.
    ImageSaid {
        /// Its name.
        image: String,
        /// A line of it.
        line: String,
    },
    /// An image is pulled or built.
    ImageDone {
        /// Its name.
        image: String,
        /// Since the first of all began.
        took: Duration,
    },
    /// What goes on while an environment is made. Several are made at the same time.
    Environment {
        /// Its name.
        name: String,
        /// What goes on.
        event: pyfast_crew::Event,
    },
    /// An environment is up to date. Nothing goes on in any environment any more.
    Synced {
        /// Its name.
        name: String,
        /// What came of it.
        report: Box<Report>,
        /// How long that took.
        took: Duration,
    },
    /// No service starts in an environment.
    NoEnvironments {
        /// The command that writes requirements of what there is instead.
        export: Option<String>,
    },
    /// These Dockerfiles install what environments bring, or are to bring.
    StillInstall {
        /// The files.
        dockerfiles: Vec<String>,
    },
    /// The override file is where Compose does not look for it.
    OverrideApart {
        /// What has to be so that it does.
        until: String,
    },
    /// Containers of services that the project does not have any more.
    Orphans {
        /// The services.
        services: Vec<String>,
    },
    /// Compose created what was missing or changed.
    Created {
        /// Why.
        reasons: Vec<CreateReason>,
        /// How long it took.
        took: Duration,
    },
    /// A service is to be restarted.
    ToRestart {
        /// The service.
        service: String,
        /// Why.
        reason: RestartReason,
    },
    /// Services start.
    Start(StartEvent),
    /// Something was done for a service by its rules (`develop.watch`).
    Followed {
        /// The service.
        service: String,
        /// What.
        followed: Followed,
        /// How long it took.
        took: Duration,
    },
    /// What was started cannot be remembered, so that the next run takes longer.
    NotRemembered(io::Error),
}

/// Which containers were removed.
#[derive(Debug)]
pub enum Removed {
    /// Those of these services, and nothing else.
    Services(Vec<String>),
    /// All of the project.
    All {
        /// Whether its named volumes were too.
        volumes: bool,
    },
}

/// What was done for a service by its rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    pub(crate) put: usize,
    pub(crate) gone: usize,
    /// Commands that were run.
    pub(crate) run: Vec<String>,
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { put, gone, run } = self;
        if !run.is_empty() {
            return write!(f, "`{}` was run", run.join(" "));
        }
        match (put, gone) {
            (put, 0) => write!(f, "{put} synced"),
            (0, gone) => write!(f, "{gone} removed"),
            (put, gone) => write!(f, "{put} synced, {gone} removed"),
        }
    }
}

/// Whoever is told.
pub type Events = Arc<dyn Fn(Event) + Send + Sync>;
