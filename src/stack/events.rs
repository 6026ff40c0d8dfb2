//! What goes on while a project is brought up, in words. Owns which of several environments at work draws.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use pyfast_crew::task::Report;
use pyfast_launcher::containers::StartEvent;
use pyfast_stack::{Event, Events, Removed};

use super::check::show;
use crate::progress::Progress;
use crate::syncing::show_changes;
use crate::ui::{Line, Ui, count, duration, green};

/// Shows what goes on.
#[derive(Clone)]
pub(super) struct Shown {
    ui: Ui,
    /// What each environment at work shows; only the first one draws.
    working: Arc<Mutex<BTreeMap<String, Progress>>>,
}

impl Shown {
    pub(super) fn new(ui: Ui) -> Self {
        Self { ui, working: Arc::default() }
    }

    /// Where the events go.
    pub(super) fn events(&self) -> Events {
        let shown = self.clone();
        Arc::new(move |event| shown.event(event))
    }

    /// Takes the bars away.
    pub(super) fn done(&self) {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        for progress in std::mem::take(&mut *working).values() {
            progress.done();
        }
    }

    fn event(&self, event: Event) {
        let ui = self.ui;
        match event {
            Event::Warning(message) => ui.warning(message),
            Event::ComposeSaid { composer, line } => ui.detail(format!("{composer}: {line}")),
            Event::ComposeInterrupted { composer, patience } => ui.warning(format!(
                "interrupted: {composer} may finish what it is doing, for at most {} s; Ctrl-C again kills it",
                patience.as_secs()
            )),
            Event::Checked(checked) => show(&checked, ui),
            Event::Removed(removed) => ui.note(gone(&removed)),
            Event::Environment { name, event } => self.progress(name).event(event),
            Event::Synced { name, report, took } => {
                self.done();
                synced(ui, &name, &report, &duration(took));
            }
            Event::NoEnvironments { export: Some(export) } => ui.note(format!(
                "No service starts in an environment: `{export}` writes the requirements that one can be of"
            )),
            Event::NoEnvironments { export: None } => ui.note(
                "No service starts in an environment: `pyfast init` writes a pyfast.toml that names them, or give `services` under [env.NAME]",
            ),
            Event::StillInstall { dockerfiles } => ui.note(format!(
                "{} installs what its environment brings: `pyfast init` shows what can go",
                dockerfiles.join(", ")
            )),
            Event::OverrideApart { until } => ui.note(format!(
                "A plain `docker compose up` takes the environments away until {until}"
            )),
            Event::Orphans { services } => ui.warning(format!(
                "containers of services that there are no more: {} (`pyfast down --remove-orphans` removes them)",
                services.join(", ")
            )),
            Event::Created { reasons, took } => {
                let reasons: Vec<_> = reasons.iter().map(ToString::to_string).collect();
                let (reasons, time) = (reasons.join("; "), duration(took));
                ui.note(format!("Containers created by Compose: {reasons} ({time})"));
            }
            Event::ToRestart { service, reason } => ui.detail(format!("{service}: {reason}")),
            Event::Start(event) => start(ui, &event),
            Event::Followed { service, followed, took } => {
                ui.note(format!("{service}: {followed} ({})", duration(took)));
            }
            Event::NotRemembered(error) => {
                ui.warning(format!("cannot remember what was started: {error}"));
            }
            event => image(ui, &event),
        }
    }

    fn progress(&self, name: String) -> Progress {
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let ui = if working.is_empty() { self.ui } else { self.ui.without_bars() };
        working.entry(name).or_insert_with(|| Progress::new(ui)).clone()
    }
}

fn image(ui: Ui, event: &Event) {
    match event {
        Event::ImagesUpToDate { images } => {
            ui.note(format!("Images: {} up to date", count(*images, "image")));
        }
        Event::Image { image, act } => ui.note(format!("Image {image}: {act}")),
        Event::ImageSaid { image, line } => ui.detail(format!("{image}: {line}")),
        Event::ImageDone { image, took } => {
            let (image, time) = (Line::from(format!("Image {image}: ")), duration(*took));
            ui.note(image.and(green("done")).and(format!(" ({time})")));
        }
        _ => {}
    }
}

fn gone(removed: &Removed) -> String {
    match removed {
        Removed::Services(services) => {
            format!("Removed the containers of {} (volumes are kept)", services.join(", "))
        }
        Removed::All { volumes: true } => "Removed containers and named volumes".to_owned(),
        Removed::All { volumes: false } => {
            "Removed containers (named volumes are kept; --yes removes them)".to_owned()
        }
    }
}

fn synced(ui: Ui, name: &str, report: &Report, time: &str) {
    let what = if report.sync.changed { "synced" } else { "up to date" };
    ui.note(format!("Environment {name}: {what} ({time})"));
    if report.sync.changed {
        show_changes(report, ui);
    }
}

fn start(ui: Ui, event: &StartEvent) {
    match event {
        StartEvent::Starting { service } => ui.detail(format!("starting {service}")),
        StartEvent::Restarting { service } => ui.note(format!("Restarting {service}")),
        StartEvent::Reloading { service } => ui.note(format!("Reloading {service}")),
        StartEvent::Settled { service, verdict, took } => {
            let time = duration(*took);
            ui.detail(format!("{service}: {} after {time}", verdict.word()));
        }
        StartEvent::Warning { service, message } => ui.warning(format!("{service}: {message}")),
    }
}
