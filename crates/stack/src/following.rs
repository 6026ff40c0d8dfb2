//! `develop.watch` of a project's compose files, followed: files that changed come into the containers, services are
//! restarted, commands are run. Owns the order of that; which files a rule means is the launcher's, when to look is
//! `watched`'s, and images are built by `up`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::compose_file::{Hook, WatchAction};
use pyfast_launcher::containers::of_service;
use pyfast_launcher::develop::{Change, Mapped, Syncing, run, sync};
use pyfast_launcher::engine::{Container, Status};

use crate::error::Error;
use crate::event::{Event, Followed};
use crate::options::Following;
use crate::stack::Stack;
use crate::up::Upped;
use crate::watched::Watched;

/// What is due to a service by its rules.
#[derive(Debug, Default)]
struct Due {
    put: BTreeMap<String, Mapped>,
    gone: BTreeSet<String>,
    restart: bool,
    hooks: Vec<Hook>,
}

impl Due {
    fn add(&mut self, change: &Change) {
        let says = change.rule.says();
        if says.action.syncs() {
            for path in &change.put {
                let Some(place) = change.rule.place(path) else { continue };
                self.gone.remove(&place);
                self.put.insert(place.clone(), Mapped { path: path.clone(), place });
            }
            let gone = change.gone.iter().filter_map(|path| change.rule.place(path));
            self.gone.extend(gone.filter(|place| !self.put.contains_key(place)));
        }
        self.restart |= says.action.restarts();
        let hook = says.exec.as_ref().filter(|_| says.action == WatchAction::SyncExec);
        self.hooks.extend(hook.cloned());
    }

    fn places(&self) -> impl Iterator<Item = &String> {
        self.put.keys().chain(&self.gone)
    }
}

impl Stack<'_> {
    /// Does by the rules what is due for what changed between two looks, and for containers that are new. What came of
    /// services that were restarted, if any was. Services whose images are to be built are left to `up`.
    ///
    /// # Errors
    /// What the engine fails with. What one container refuses is told as a warning.
    pub fn follow(
        &mut self,
        before: &Watched,
        now: &Watched,
        following: &mut Following,
    ) -> Result<Option<Upped>, Error> {
        let changes = before.rule_changes(now);
        let built: BTreeSet<_> = before.builds(now);
        let containers = self.containers()?;
        self.fill(now, &containers, following)?;
        let mut due: BTreeMap<String, Due> = BTreeMap::new();
        for change in
            changes.iter().filter(|change| change.rule.says().action != WatchAction::Rebuild)
        {
            due.entry(change.rule.service().to_owned()).or_default().add(change);
        }
        for (service, due) in &due {
            self.sync_service(service, &containers, due)?;
            following.synced.entry(service.clone()).or_default().extend(due.places().cloned());
        }
        for Change { rule, put, .. } in before.ignored_changes(now) {
            let places = put.iter().filter_map(|path| rule.place(path));
            following.synced.entry(rule.service().to_owned()).or_default().extend(places);
        }
        // Those that were built have been started with all that is new.
        let restart = due.iter().filter(|(name, due)| due.restart && !built.contains(*name));
        let restart: Vec<String> = restart.map(|(name, _)| name.clone()).collect();
        let upped = if restart.is_empty() { None } else { Some(self.restart(&restart, true)?) };
        for (service, due) in due {
            self.run_hooks(&service, &containers, &due.hooks)?;
        }
        Ok(upped)
    }

    /// Puts all files of rules with `initial_sync` into containers that have not got them.
    fn fill(
        &self,
        now: &Watched,
        containers: &[Container],
        following: &mut Following,
    ) -> Result<(), Error> {
        let mut due: BTreeMap<String, Due> = BTreeMap::new();
        for change in now.initial_changes() {
            due.entry(change.rule.service().to_owned()).or_default().add(&change);
        }
        for (service, due) in due {
            let new = of_service(containers, &service).into_iter();
            let new = new.filter(|one| !following.filled.contains(&one.id)).cloned();
            let new: Vec<Container> = new.filter(|one| one.status == Status::Running).collect();
            if !new.is_empty() {
                self.sync_service(&service, &new, &due)?;
                following.filled.extend(new.into_iter().map(|one| one.id));
                following.synced.entry(service).or_default().extend(due.places().cloned());
            }
        }
        Ok(())
    }

    fn sync_service(
        &self,
        service: &str,
        containers: &[Container],
        due: &Due,
    ) -> Result<(), Error> {
        let begun = Instant::now();
        let put: Vec<Mapped> = due.put.values().cloned().collect();
        if put.is_empty() && due.gone.is_empty() {
            return Ok(());
        }
        let engine = &self.connection.engine;
        let remover = self.description.environment_of(service).is_some();
        for container in running(containers, service) {
            let at = SystemTime::now();
            let syncing = Syncing { container, put: &put, gone: &due.gone, remover, at };
            self.or_warn(service, self.connection.wait(sync(engine, &syncing)))?;
        }
        let followed = Followed { put: put.len(), gone: due.gone.len(), run: Vec::new() };
        self.tell_followed(service, followed, begun.elapsed());
        Ok(())
    }

    /// Runs commands, each once for all that was synced.
    fn run_hooks(
        &self,
        service: &str,
        containers: &[Container],
        hooks: &[Hook],
    ) -> Result<(), Error> {
        let mut done: Vec<&Hook> = Vec::new();
        for hook in hooks {
            if done.contains(&hook) {
                continue;
            }
            done.push(hook);
            let begun = Instant::now();
            for container in running(containers, service) {
                let ran = self.connection.wait(run(&self.connection.engine, container, hook));
                self.or_warn(service, ran)?;
            }
            let followed = Followed { run: hook.command.clone(), ..Followed::default() };
            self.tell_followed(service, followed, begun.elapsed());
        }
        Ok(())
    }

    /// What one container refuses concerns it alone.
    fn or_warn(&self, service: &str, outcome: Result<(), pyfast_crew::Error>) -> Result<(), Error> {
        match outcome {
            Err(pyfast_crew::Error::Launch(error))
                if matches!(
                    *error,
                    LaunchError::CodeNotPut { .. } | LaunchError::HookFailed { .. }
                ) =>
            {
                self.tell(Event::Warning(format!("{service}: {error}")));
                Ok(())
            }
            outcome => Ok(outcome?),
        }
    }

    fn tell_followed(&self, service: &str, followed: Followed, took: Duration) {
        self.tell(Event::Followed { service: service.to_owned(), followed, took });
    }
}

/// The containers of a service that run.
fn running<'a>(containers: &'a [Container], service: &str) -> impl Iterator<Item = &'a Container> {
    let found = of_service(containers, service).into_iter();
    found.filter(|one| one.status == Status::Running)
}
