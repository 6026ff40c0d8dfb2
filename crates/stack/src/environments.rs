//! The environments of a project's services, brought up to date. Owns which are made and what is known of each then;
//! how one is made is the crew's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use pyfast_crew::interrupt;
use pyfast_crew::sync::{sync, sync_all};
use pyfast_crew::task::{Options, Report, Task};
use pyfast_environment::report::Facts;
use pyfast_root::Cause;
use pyfast_settings::Settings;

use crate::error::Error;
use crate::event::Event;
use crate::stack::Stack;

/// An environment after its sync.
#[derive(Debug, Clone)]
pub(crate) struct Synced {
    /// Id of its generation.
    pub(crate) id: String,
    /// The current link, as whoever synced wrote it.
    pub(crate) current: PathBuf,
    /// Whether it changed just now.
    pub(crate) changed: bool,
}

impl Synced {
    fn of(report: &Report) -> Self {
        let Facts { id, current, .. } = report.sync.facts.clone();
        Self { id, current, changed: report.sync.changed }
    }
}

impl Stack<'_> {
    /// Brings the environments of these services up to date; what each is now, by name.
    pub(crate) fn sync(
        &self,
        selected: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Synced>, Error> {
        let environments = self.description.environments.iter();
        let concerned = environments.filter(|(_, env)| !env.services.is_disjoint(selected));
        let concerned: Vec<(&String, Settings)> = concerned
            .map(|(name, _)| (name, self.description.settings(self.settings, name)))
            .collect();
        let events: Vec<_> = concerned.iter().map(|(name, _)| self.events_of(name)).collect();
        let options = Options { cause: Cause::Up, ..Options::default() };
        let tasks = concerned.iter().zip(&events);
        let tasks: Vec<_> = tasks
            .map(|((_, settings), events)| Task { options: &options, settings, events })
            .collect();
        let done = interrupt::ending(|| sync_all(&tasks));
        let (mut synced, mut failed) = (BTreeMap::new(), Vec::new());
        for ((name, _), (report, took)) in concerned.iter().zip(done) {
            let name = (*name).clone();
            match report {
                Ok(report) => {
                    synced.insert(name.clone(), Synced::of(&report));
                    self.tell(Event::Synced { name, report: Box::new(report), took });
                }
                Err(error) => failed.push((name, error)),
            }
        }
        if failed.is_empty() { Ok(synced) } else { Err(Error::Environments(failed)) }
    }

    /// What a sync of an environment would make of it.
    pub(crate) fn try_sync(&self, name: &str) -> Result<Synced, Error> {
        let settings = self.description.settings(self.settings, name);
        let options = Options { dry_run: true, ..Options::default() };
        let events = self.events_of(name);
        let task = Task { options: &options, settings: &settings, events: &events };
        Ok(Synced::of(&sync(task)?))
    }

    /// Where those send their events who work for an environment.
    fn events_of(&self, name: &str) -> pyfast_crew::Events {
        let (events, name) = (Arc::clone(&self.events), name.to_owned());
        Arc::new(move |event| events(Event::Environment { name: name.clone(), event }))
    }
}
