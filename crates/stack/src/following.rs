//! `develop.watch` of a project's compose files, followed: files that changed come into the containers, services are
//! restarted, commands are run. Owns the order of that; which files a rule means is the launcher's, when to look is
//! `watched`'s, and images are built by `up`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use pyfast_launcher::Error as LaunchError;
use pyfast_launcher::compose_file::{Hook, WatchAction};
use pyfast_launcher::containers::of_service;
use pyfast_launcher::develop::{Change, Gone, Mapped, Rule, Syncing, run, sync};
use pyfast_launcher::engine::{Container, Status};

use crate::error::Error;
use crate::event::{Event, Followed};
use crate::options::{Following, UpOptions};
use crate::stack::Stack;
use crate::up::Upped;
use crate::watched::Watched;

/// What is due to a service by its rules.
#[derive(Debug, Default)]
struct Due {
    put: BTreeMap<String, Mapped>,
    gone: Gone,
    changes: Vec<Change>,
}

impl Due {
    fn add(&mut self, change: Change) {
        if change.rule.says().action.syncs() {
            // What another rule has put stays, and what this one has put is there.
            let places = |paths: &BTreeSet<PathBuf>| -> BTreeSet<String> {
                paths.iter().filter_map(|path| change.rule.place(path)).collect()
            };
            let (files, directories) = (places(&change.gone), places(&change.gone_directories));
            let own = places(&change.put);
            let stays = |place: &String| self.put.contains_key(place) && !own.contains(place);
            let files: Vec<_> = files.into_iter().filter(|one| !stays(one)).collect();
            let directories: Vec<_> = directories.into_iter().filter(|one| !stays(one)).collect();
            self.gone.files.retain(|place| !own.contains(place));
            self.gone.directories.retain(|place| !own.contains(place));
            self.gone.files.extend(files);
            self.gone.directories.extend(directories);
            for path in &change.put {
                let Some(place) = change.rule.place(path) else { continue };
                self.put.insert(place.clone(), Mapped { path: path.clone(), place });
            }
        }
        self.changes.push(change);
    }

    fn places(&self) -> BTreeSet<String> {
        let gone = self.gone.files.iter().chain(&self.gone.directories);
        self.put.keys().chain(gone).cloned().collect()
    }

    /// That part of it.
    fn only(&self, places: &BTreeSet<String>) -> Self {
        let put = self.put.iter().filter(|(place, _)| places.contains(*place));
        let put = put.map(|(place, one)| (place.clone(), one.clone())).collect();
        Self { put, ..Self::default() }
    }

    /// Its rules for which something was done: all that sync nothing, and those with a place that was not refused.
    fn done<'a>(&'a self, refused: &'a BTreeSet<String>) -> impl Iterator<Item = &'a Rule> {
        let done = self.changes.iter().filter(|change| {
            !change.rule.says().action.syncs()
                || paths(change).any(|(_, place)| !refused.contains(&place))
        });
        done.map(|change| &change.rule)
    }
}

/// Whether all that a change asked for was done, but for places that were refused: a service that it restarts has
/// started.
pub(crate) fn is_over<T>(change: &Change, failed: &BTreeMap<&str, T>) -> bool {
    !(change.rule.says().action.restarts() && failed.contains_key(change.rule.service()))
}

/// What a change concerns, with the places.
fn paths(change: &Change) -> impl Iterator<Item = (&PathBuf, String)> {
    let all = change.put.iter().chain(&change.gone).chain(&change.gone_directories);
    all.filter_map(|path| Some((path, change.rule.place(path)?)))
}

impl Stack<'_> {
    /// Does by the rules what is due, also for containers that are new. What came of services that were restarted, if any
    /// was. Images are built by `up`, which has done that. What a container refuses stays due, and so does a restart that
    /// failed.
    ///
    /// # Errors
    /// What the engine fails with. What one container refuses is told as a warning.
    pub fn follow(
        &mut self,
        before: Option<&Watched>,
        now: &mut Watched,
        options: &mut UpOptions,
    ) -> Result<Option<Upped>, Error> {
        self.tell_unread(now, &mut options.following);
        let built: BTreeSet<_> = now.builds();
        let containers = self.containers()?;
        self.fill(now, &containers, &mut options.following)?;
        let mut due: BTreeMap<String, Due> = BTreeMap::new();
        for change in now.rule_changes() {
            due.entry(change.rule.service().to_owned()).or_default().add(change);
        }
        let mut refused: BTreeMap<&String, BTreeSet<String>> = BTreeMap::new();
        for (service, due) in &due {
            let own = of_service(&containers, service);
            let places = self.sync_service(service, &own, due)?;
            for change in due.changes.iter().filter(|change| change.rule.says().action.syncs()) {
                let taken = paths(change).map(|(_, place)| place);
                let taken = taken.filter(|place| !places.contains(place));
                options.following.add(&change.rule, taken.collect::<Vec<_>>());
            }
            refused.insert(service, places);
        }
        let ignored = before.map(|before| before.ignored_changes(now)).unwrap_or_default();
        for (rule, put) in ignored {
            let places = put.iter().filter_map(|path| rule.place(path));
            options.following.add(&rule, places.collect::<Vec<_>>());
        }
        // Those that were built have been started with all that is new, and those without a container will be.
        let restart = due.iter().filter(|(service, due)| {
            !built.contains(*service)
                && !of_service(&containers, service).is_empty()
                && due.done(&refused[service]).any(|rule| rule.says().action.restarts())
        });
        let restart: Vec<String> = restart.map(|(name, _)| name.clone()).collect();
        let upped =
            if restart.is_empty() { None } else { Some(self.restart_by_rules(&restart, options)?) };
        for (service, due) in &due {
            let done = due.done(&refused[service]).map(Rule::says);
            let done = done.filter(|says| says.action == WatchAction::SyncExec);
            let hooks: Vec<Hook> = done.filter_map(|says| says.exec.clone()).collect();
            self.run_hooks(service, &containers, &hooks)?;
        }
        let failed = upped.as_ref().map(|upped| upped.launched.failed()).unwrap_or_default();
        for (service, due) in &due {
            for change in due.changes.iter().filter(|change| is_over(change, &failed)) {
                let open = paths(change).filter(|(_, place)| refused[service].contains(place));
                now.settle(change, &open.map(|(path, _)| path.clone()).collect());
            }
        }
        Ok(upped)
    }

    /// Tells once of what cannot be read, which is taken to be as it was.
    fn tell_unread(&self, now: &Watched, following: &mut Following) {
        let unread = now.unread();
        for (path, why) in &unread {
            if !following.unread.contains(path) {
                let path = path.display();
                let said = format!("{path} is not followed while it cannot be read: {why}");
                self.tell(Event::Warning(said));
            }
        }
        following.unread = unread.into_keys().collect();
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
            due.entry(change.rule.service().to_owned()).or_default().add(change);
        }
        for (service, due) in due {
            for container in running(containers, &service) {
                let part = match following.filled.get(&container.id) {
                    None => due.only(&due.places()),
                    Some(left) if left.is_empty() => continue,
                    Some(left) => due.only(left),
                };
                let refused = self.sync_service(&service, &[container], &part)?;
                for change in &due.changes {
                    let taken = paths(change).map(|(_, place)| place);
                    let taken = taken.filter(|place| !refused.contains(place));
                    following.add(&change.rule, taken.collect::<Vec<_>>());
                }
                following.filled.insert(container.id.clone(), refused);
            }
        }
        Ok(())
    }

    /// Syncs what is due into the containers of a service: the places that not all of them have taken.
    fn sync_service(
        &self,
        service: &str,
        containers: &[&Container],
        due: &Due,
    ) -> Result<BTreeSet<String>, Error> {
        let begun = Instant::now();
        let (put, places) = (due.put.values().cloned().collect::<Vec<_>>(), due.places());
        let takes = [Status::Running, Status::Exited, Status::Created];
        let containers: Vec<_> =
            containers.iter().filter(|one| takes.contains(&one.status)).collect();
        if places.is_empty() || containers.is_empty() {
            return Ok(places);
        }
        let engine = &self.connection.engine;
        let remover = self.description.environment_of(service).is_some();
        let mut left = BTreeSet::new();
        for container in containers {
            let at = SystemTime::now();
            let syncing = Syncing { container, put: &put, gone: &due.gone, remover, at };
            let refused = self.connection.wait(sync(engine, &syncing))?;
            if let Some(error) = refused.error(container) {
                self.tell(Event::Warning(format!("{service}: {error}")));
            }
            left.extend(places.iter().filter(|one| refused.concerns(one)).cloned());
        }
        let put = put.iter().filter(|one| !left.contains(&one.place)).count();
        let followed =
            Followed { put, gone: places.difference(&left).count() - put, run: Vec::new() };
        if followed.put + followed.gone > 0 {
            self.tell_followed(service, followed, begun.elapsed());
        }
        Ok(left)
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
