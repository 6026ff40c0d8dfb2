//! A sync into a root that this process can write.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pyfast_environment::{
    Changes, Circumstances, Facts, Inputs as Looked, Listed, PackageFacts, Python, State,
    SyncReport, Timings,
};
use pyfast_installer::{
    EnvironmentOptions, EnvironmentSpec, Event, Generation, Interpreter, Package, Stamps, Store,
    activate, compose, current, lock_project, look, plan, recompose, repair,
};
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::target::Target;
use pyfast_resolver::Lock;
use pyfast_root::{Root, Waiting, current_of};

use super::direct_url::direct_url;
use super::lock_file::{LockFile, own_path};
use super::report::Report;
use super::{LockUse, Options, Place};
use crate::building::BuiltWheels;
use crate::commands::lock::FILE;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::resolving::{Inputs, read_inputs};
use crate::settings::Settings;
use crate::ui::count;

/// Stands for the digest of a wheel that a dry run does not build.
const UNBUILT: Sha256 = Sha256([0; 32]);

/// Syncs; the interpreter is only asked where something has moved.
pub(super) fn sync(
    options: &Options,
    settings: &Settings,
    place: &Place,
    probe: impl Fn() -> Result<Interpreter, Failure>,
) -> Result<Report, Failure> {
    let started = Instant::now();
    if let Some(report) = unchanged(options, settings, place, started) {
        return Ok(report);
    }
    let inputs = match options.lock_use {
        LockUse::Frozen => None,
        _ => Some(read_inputs(&options.resolve, settings)?),
    };
    // Looked at before anything else is done: an edit from now on is the next sync's.
    let mut paths = inputs.as_ref().map(|inputs| inputs.paths.clone()).unwrap_or_default();
    paths.push(own_path(options, settings, inputs.as_ref()));
    let remote = inputs.as_ref().is_some_and(|inputs| !inputs.set.remote_files.is_empty());
    let working = &settings.project.working_directory;
    let paths: Vec<PathBuf> = paths.iter().map(|path| working.join(path)).collect();
    let mut seen = Looked::look(&paths, remote, SystemTime::now());
    inputs.iter().flat_map(|inputs| &inputs.trees).for_each(|tree| seen.look_tree(tree));
    let interpreter = probe()?;
    let target = interpreter.target();
    let (root, trial) = open_root(options, place)?;
    root.check_owner(place.name.project(), &settings.claim())?;
    let lock = LockFile::find((options, settings), (place, &root), inputs.as_ref(), &target)?;
    let progress = Progress::new(settings.ui);
    let mut job = Job {
        options,
        settings,
        place,
        inputs,
        interpreter,
        target,
        root,
        progress,
        started,
        seen: RefCell::new(seen),
    };
    let outcome = job.run(lock);
    job.progress.done();
    drop(trial);
    outcome
}

/// The root; for a dry run where there is none, one that stands for it and goes with the second value.
fn open_root(
    options: &Options,
    place: &Place,
) -> Result<(Root, Option<tempfile::TempDir>), Failure> {
    if !options.dry_run {
        return Ok((place.create_root()?, None));
    }
    if let Some(root) = place.find_root()? {
        return Ok((root, None));
    }
    let trial = tempfile::Builder::new().prefix("pyfast-").tempdir().map_err(|error| {
        Failure::new("io", format!("cannot make a directory to try in: {error}"), Code::Mendable)
    })?;
    Ok((Root::create(trial.path(), &place.seen)?, Some(trial)))
}

/// The report of a sync that has nothing to do: answered from the state alone.
fn unchanged(
    options: &Options,
    settings: &Settings,
    place: &Place,
    started: Instant,
) -> Option<Report> {
    if options.dry_run
        || options.reinstall
        || options.verify
        || options.resolve.upgrade
        || !options.resolve.upgrade_package.is_empty()
    {
        return None;
    }
    // What is in the way of looking is told by who goes on to work there.
    let root = place.find_root().ok()??;
    let directory = root.project_env(&place.name).ok()??;
    let state = State::load(&directory)?;
    if !state.holds(&place.setting(options, settings), settings.environment.all()) {
        return None;
    }
    let current = current_of(&directory).ok()??;
    if !state.is_untouched(&root, &current) {
        return None;
    }
    let timings = Timings { total: started.elapsed(), ..Timings::default() };
    Some(Report::done(SyncReport { facts: state.facts, timings, ..SyncReport::default() }))
}

/// What is known of environments that are there.
struct Known {
    /// The one that nobody has touched since it was composed.
    untouched: Option<String>,
    /// Whether wheels came, maybe in the place of damaged ones.
    fetched: bool,
}

/// One sync.
pub(super) struct Job<'a> {
    pub(super) options: &'a Options,
    pub(super) settings: &'a Settings,
    pub(super) place: &'a Place,
    pub(super) inputs: Option<Inputs>,
    pub(super) interpreter: Interpreter,
    pub(super) target: Target,
    pub(super) root: Root,
    pub(super) progress: Progress,
    pub(super) started: Instant,
    /// The state of everything that this sync reads.
    pub(super) seen: RefCell<Looked>,
}

impl Job<'_> {
    fn run(&mut self, lock_file: LockFile) -> Result<Report, Failure> {
        if self.options.dry_run {
            return self.dry_run(lock_file);
        }
        let (root, name) = (&self.root, &self.place.name);
        let sink = self.progress.sink();
        let waiting = move |waiting: &Waiting| sink(Event::Waiting(waiting.clone()));
        root.own(name.project(), &self.settings.claim())?;
        let _alone = lock_project(root, name, &waiting)?;
        // Whatever else is in its place is replaced.
        let before = current(root, name).unwrap_or_default();
        let before_packages =
            before.as_ref().map(|before| Listed::installed(root, before)).unwrap_or_default();
        let store = Arc::new(Store::open(root, &waiting)?);
        let untouched = match &before {
            Some(before) if !self.notice(&store, before)? => Some(before.id.clone()),
            _ => None,
        };
        let written = lock_file.path.clone();
        let fetched = self.fetch(lock_file, &store)?;
        if let Some(lock) = written {
            self.seen.borrow_mut().look_again(&lock);
        }
        let (lock, mut timings) = (fetched.lock, fetched.timings);
        let composing = Instant::now();
        let lock_text = lock.to_toml(Path::new("/"));
        let mut built = fetched.built;
        if self.options.verify || self.options.reinstall {
            self.heal(&store, &lock, &mut built)?;
        }
        let spec = self.spec(&lock, &built);
        let known = Known { untouched, fetched: fetched.count > 0 };
        let (generation, whole) = self.compose(&store, &spec, &lock_text, &known)?;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let changed = activate(&self.root, &self.place.name, &generation, at)?;
        timings.compose = composing.elapsed();
        self.link_for_editors();
        let facts = self.facts(&generation.id, &lock);
        self.remember(&facts, whole.then_some(&generation));
        if let Some(session) = fetched.session {
            session.runtime.shutdown_background();
        }
        timings.total = self.started.elapsed();
        let changes = Changes::between(&before_packages, &Listed::of(&facts.packages));
        let (fetched, warnings) = (fetched.count, Vec::new());
        Ok(Report::done(SyncReport { facts, changed, changes, timings, fetched, warnings }))
    }

    pub(super) fn spec(&self, lock: &Lock, built: &BuiltWheels) -> EnvironmentSpec {
        let packages = lock.packages.iter().map(|package| {
            let built = built.get(&package.name);
            let filename = built.map(|built| built.filename.to_string());
            Package {
                name: package.name.clone(),
                version: package.version.clone(),
                filename: filename.unwrap_or_else(|| package.filename.to_string()),
                // What has neither is not built yet, and only talked about.
                sha256: built.map(|built| built.sha256).or(package.sha256).unwrap_or(UNBUILT),
                requested: package.requested,
                direct_url: direct_url(package),
            }
        });
        let real = &self.settings.project.config.link.real;
        EnvironmentSpec {
            packages: packages.collect(),
            interpreter: self.interpreter.clone(),
            options: EnvironmentOptions {
                link_mode: self.place.link_mode(self.options),
                real: real.iter().filter_map(|name| name.parse().ok()).collect(),
                strict: self.options.strict,
                compiled: self.place.compiles(self.options),
                prompt: None,
                owner: self.place.owner(),
            },
        }
    }

    /// Marks wheels that somebody has changed under the current environment, so that they are fetched again;
    /// whether anything may have been touched.
    fn notice(&self, store: &Store, before: &Generation) -> Result<bool, Failure> {
        let directory = self.root.make_project_env(&self.place.name)?;
        let state = State::load(&directory);
        let stamps = state.as_ref().and_then(|state| state.stamps_of(&before.id));
        if stamps.is_some_and(|stamps| stamps.hold(&self.root)) {
            return Ok(false);
        }
        // What cannot even be looked at is composed anew, or told by who tries.
        let findings = look(&self.root, before, stamps).unwrap_or_default();
        for finding in findings.iter().filter(|finding| finding.wheel().is_some()) {
            self.settings.ui.warning(format!("{finding}; it is fetched again"));
        }
        repair(store, &findings)?;
        Ok(true)
    }

    /// The environment, and whether it is whole: one that was changed from outside is composed anew, unless
    /// somebody uses it.
    fn compose(
        &self,
        store: &Store,
        spec: &EnvironmentSpec,
        lock_text: &str,
        known: &Known,
    ) -> Result<(Generation, bool), Failure> {
        let sink = self.progress.sink();
        let id = pyfast_installer::id(&self.root, spec);
        let Some(ready) = Generation::find(&self.root, &id)? else {
            let plan = plan(&self.root, spec)?;
            return Ok((compose(store, spec, &plan, lock_text, &*sink)?, true));
        };
        let findings = if known.fetched || self.options.verify || !ready.survived(&self.root)? {
            ready.verify_own(&self.root)?
        } else if known.untouched.as_ref() == Some(&id) {
            Vec::new()
        } else {
            look(&self.root, &ready, None)?
        };
        if findings.is_empty() && !self.options.reinstall {
            return Ok((ready, true));
        }
        if let Some(first) = findings.first() {
            let places = count(findings.len(), "place");
            let changed = format!("the environment was changed from outside in {places} ({first})");
            self.settings.ui.warning(format!("{changed}; it is composed anew"));
        }
        let plan = plan(&self.root, spec)?;
        if let Some(made) = recompose(store, spec, &plan, lock_text, &*sink)? {
            return Ok((made, true));
        }
        let message = format!("the environment {id} is in use and is left as it is");
        self.settings.ui.warning(message);
        Ok((ready, findings.is_empty()))
    }

    /// The result without what differs from run to run.
    pub(super) fn facts(&self, id: &str, lock: &Lock) -> Facts {
        Facts {
            environment: self.place.environment(id),
            current: self.place.current(),
            id: id.to_owned(),
            python: Python {
                executable: self.interpreter.executable.clone(),
                version: self.interpreter.version().to_string(),
            },
            packages: PackageFacts::all(lock),
            lock: self.place.directory().join(FILE),
        }
    }

    /// Lets the next sync see that nothing moved.
    fn remember(&self, facts: &Facts, whole: Option<&Generation>) {
        let variables = self.inputs.iter().flat_map(|inputs| &inputs.set.variables).map(|name| {
            let value = self.settings.environment.all().get(name);
            (name.clone(), value.cloned().unwrap_or_default())
        });
        let circumstances = Circumstances {
            inputs: self.seen.borrow().clone(),
            variables: Circumstances::digests(variables),
            setting: self.place.setting(self.options, self.settings),
        };
        // Without stamps the next sync looks closer.
        let stamps = whole.and_then(|generation| Stamps::take(&self.root, generation).ok());
        let state = State::new(circumstances, facts.clone(), stamps);
        let stored = self
            .root
            .make_project_env(&self.place.name)
            .and_then(|directory| state.store(&directory));
        if let Err(error) = stored {
            self.settings.ui.detail(format!("cannot remember this sync: {error}"));
        }
    }

    /// `.venv` in the project, where editors look; never in the way of anything of that name.
    fn link_for_editors(&self) {
        if self.place.written != self.place.seen {
            return;
        }
        let link = self.settings.project.directory.join(".venv");
        if fs_err::symlink_metadata(&link).is_ok() {
            return;
        }
        if let Err(error) = std::os::unix::fs::symlink(self.place.current(), &link) {
            self.settings.ui.detail(format!("cannot link {}: {error}", link.display()));
        }
    }
}
