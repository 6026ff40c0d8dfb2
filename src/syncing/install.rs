//! A sync into a root that this process can write.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pyfast_installer::{
    Compiler, Downloads, EnvironmentOptions, EnvironmentSpec, Generation, Interpreter, Layout,
    Package, Store, Wanted, activate, compose, current, lock_project, plan, repair, verify,
};
use pyfast_resolver::{
    Candidate, Credentials, Location, Lock, Locked, Metadata, RequirementSet, Sha256, Target,
    parse_metadata, redact,
};
use serde_json::{Value, json};

use super::report::{Changes, Report, Timings, listed};
use super::{LockUse, Options, Place};
use crate::commands::lock::{FILE, beside, is_current, write};
use crate::environment::{compiling_python, host_python, packages_json};
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::resolving::{Inputs, Outcome, Session, read_inputs};
use crate::settings::Settings;
use crate::state::State;

/// Wheels up to this size are fetched whole where their metadata is needed: the bytes are wanted anyway.
const WHOLE_UP_TO: u64 = 1 << 20;

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
    let interpreter = probe()?;
    let target = interpreter.target();
    let lock = LockFile::find(options, settings, place, inputs.as_ref(), &target)?;
    let layout = place.layout()?;
    let progress = Progress::new(settings.ui);
    let mut job =
        Job { options, settings, place, inputs, interpreter, target, layout, progress, started };
    let outcome = job.run(lock);
    job.progress.done();
    outcome
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
    let state = State::load(&place.directory())?;
    if !state.holds(&place.circumstances(options, settings), &settings.environment) {
        return None;
    }
    let link = fs_err::read_link(place.current()).ok()?;
    let whole = place.current().join("env.json").is_file();
    if !whole || link.file_name().is_none_or(|id| id.as_encoded_bytes() != state.id.as_bytes()) {
        return None;
    }
    let timings = Timings { total: started.elapsed(), ..Timings::default() };
    Some(Report {
        facts: state.report,
        changed: false,
        changes: Changes::default(),
        timings,
        fetched: 0,
        dry_run: false,
        plan: Vec::new(),
    })
}

/// The lock that there is, and where a new one goes.
struct LockFile {
    /// The user's own lock file, kept up to date where there is one.
    path: Option<PathBuf>,
    /// The text and content of the existing lock.
    existing: Option<Lock>,
    /// Whether it answers the requirements.
    current: bool,
}

impl LockFile {
    fn find(
        options: &Options,
        settings: &Settings,
        place: &Place,
        inputs: Option<&Inputs>,
        target: &Target,
    ) -> Result<Self, Failure> {
        let own = own_path(options, settings, inputs);
        let own = own.filter(|path| path.is_file());
        if options.lock_use == LockUse::Frozen {
            let path = own.unwrap_or_else(|| place.directory().join(FILE));
            let text = fs_err::read_to_string(&path).map_err(|error| no_lock(&path, &error))?;
            let lock = Lock::from_toml(&text, &path, target)?;
            return Ok(Self { path: None, existing: Some(lock), current: true });
        }
        let path = own.clone().unwrap_or_else(|| place.directory().join(FILE));
        let existing = fs_err::read_to_string(&path)
            .ok()
            .and_then(|text| Lock::from_toml(&text, &path, target).ok());
        let upgrade = options.resolve.upgrade || !options.resolve.upgrade_package.is_empty();
        let answers = |lock: &Lock| {
            inputs.is_some_and(|inputs| is_current(lock, inputs, &options.resolve, target))
        };
        let current = !upgrade && existing.as_ref().is_some_and(answers);
        if options.lock_use == LockUse::Locked && !current {
            let what =
                if own.is_some() { "does not answer the requirements" } else { "is missing" };
            let message =
                format!("the lock `{}` {what}, and --locked forbids changing it", path.display());
            return Err(
                Failure::new("lock-outdated", message, Code::Mendable).hint("run `pyfast lock`")
            );
        }
        Ok(Self { path: own, existing, current })
    }
}

/// Where the user's own lock would be: beside the first requirements file, or in the project.
fn own_path(options: &Options, settings: &Settings, inputs: Option<&Inputs>) -> Option<PathBuf> {
    let working = &settings.project.working_directory;
    let first = inputs
        .and_then(|inputs| inputs.set.files.first())
        .or_else(|| options.resolve.requirements.first());
    let first = first
        .cloned()
        .or_else(|| settings.project.requirements(&[], &settings.env).ok()?.into_iter().next());
    match first {
        // A lock may be named where requirements are.
        Some(path) if path.file_name().is_some_and(|name| name == FILE) => Some(working.join(path)),
        Some(path) => Some(beside(&working.join(path))),
        None => Some(settings.project.directory.join(FILE)),
    }
}

fn no_lock(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("cannot read the lock `{}`: {error}", path.display());
    Failure::new("lock", message, Code::Mendable)
        .hint("make one with `pyfast lock`, or leave --frozen out")
}

struct Job<'a> {
    options: &'a Options,
    settings: &'a Settings,
    place: &'a Place,
    inputs: Option<Inputs>,
    interpreter: Interpreter,
    target: Target,
    layout: Layout,
    progress: Progress,
    started: Instant,
}

impl Job<'_> {
    fn run(&mut self, lock_file: LockFile) -> Result<Report, Failure> {
        if self.options.dry_run {
            return self.dry_run(lock_file);
        }
        let sink = self.progress.sink();
        let waiting = Arc::clone(&sink);
        let _alone = lock_project(&self.layout, &self.place.name, &move |path| {
            waiting(pyfast_installer::Event::Waiting { lock: path.to_owned() });
        })?;
        let before = current(&self.layout, &self.place.name);
        let before_packages = before.as_ref().map(installed).unwrap_or_default();
        let store = Arc::new(Store::open(&self.layout)?);
        let fetched = self.fetch(lock_file, &store)?;
        let (lock, mut timings) = (fetched.lock, fetched.timings);
        let composing = Instant::now();
        let lock_text = lock.to_toml(Path::new("/"));
        let spec = self.spec(&lock);
        if self.options.verify || self.options.reinstall {
            self.heal(&store, &lock)?;
        }
        let generation = self.compose(&store, &spec, &lock_text)?;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        let changed = activate(&self.layout, &self.place.name, &generation, at)?;
        timings.compose = composing.elapsed();
        self.link_for_editors();
        let facts = self.facts(&generation, &lock);
        self.remember(&generation, &facts);
        if let Some(session) = fetched.session {
            session.runtime.shutdown_background();
        }
        timings.total = self.started.elapsed();
        let changes = Changes::between(&before_packages, &listed(&facts));
        Ok(Report {
            facts,
            changed,
            changes,
            timings,
            fetched: fetched.count,
            dry_run: false,
            plan: Vec::new(),
        })
    }

    /// Locks where needed, and has every wheel of the lock in the store.
    fn fetch(&self, lock_file: LockFile, store: &Arc<Store>) -> Result<Fetched, Failure> {
        let compile = self.place.compiles(self.options);
        let lock_file = match lock_file {
            LockFile { existing: Some(lock), current: true, .. } => {
                return self.fetch_locked(lock, store, compile);
            }
            other => other,
        };
        let resolving = Instant::now();
        let inputs = self
            .inputs
            .as_ref()
            .ok_or_else(|| Failure::usage("there are no requirements".to_owned()))?;
        let session = self.session(&inputs.set)?;
        let downloads = Arc::new(self.downloads(store, &session, compile)?);
        let ahead = Arc::clone(&downloads);
        let on_decided = Box::new(move |candidate: &Candidate, body| {
            if let Some(sha256) = candidate.sha256 {
                ahead.start(Wanted {
                    filename: candidate.filename.clone(),
                    location: candidate.location.clone(),
                    sha256,
                    size: candidate.size,
                    body,
                });
            }
        });
        self.progress.step("resolving");
        let Outcome { lock, warnings, claims } = session.resolve(
            &inputs.set,
            &self.options.resolve,
            &self.target,
            lock_file.existing.as_ref(),
            Some((WHOLE_UP_TO, on_decided)),
        )?;
        for warning in warnings {
            self.settings.ui.warning(warning);
        }
        let resolve = resolving.elapsed();
        let fetching = Instant::now();
        self.progress.expect(lock.packages.len());
        downloads.finish(lock.packages.iter().map(wanted).collect())?;
        self.check_claims(store, &lock, &claims)?;
        if let Some(path) = &lock_file.path {
            write(path, &lock.to_toml(path.parent().unwrap_or(Path::new("/"))))?;
        }
        let timings = Timings { resolve, fetch: fetching.elapsed(), ..Timings::default() };
        let count = downloads.fetched();
        Ok(Fetched { lock, timings, count, session: Some(session) })
    }

    fn fetch_locked(
        &self,
        lock: Lock,
        store: &Arc<Store>,
        compile: bool,
    ) -> Result<Fetched, Failure> {
        let missing = lock.packages.iter().any(|package| {
            !store.contains(&package.sha256)
                || compile
                    && !pyfast_installer::is_compiled(
                        &self.layout,
                        &self.interpreter,
                        &package.sha256,
                    )
        });
        if !missing {
            return Ok(Fetched { lock, timings: Timings::default(), count: 0, session: None });
        }
        let fetching = Instant::now();
        // A lock names its files, so no index is needed; but credentials come with the indexes.
        let session =
            self.session(&self.inputs.as_ref().map_or_else(RequirementSet::default, |inputs| {
                let mut credentials = Credentials::default();
                credentials.merge(&inputs.set.credentials);
                let index = inputs.set.index.clone();
                RequirementSet { index, credentials, ..RequirementSet::default() }
            }))?;
        let downloads = self.downloads(store, &session, compile)?;
        self.progress.expect(lock.packages.len());
        downloads.finish(lock.packages.iter().map(wanted).collect())?;
        let timings = Timings { fetch: fetching.elapsed(), ..Timings::default() };
        Ok(Fetched { lock, timings, count: downloads.fetched(), session: Some(session) })
    }

    /// A metadata file that says other than its wheel could hide a requirement.
    fn check_claims(
        &self,
        store: &Store,
        lock: &Lock,
        claims: &[(Sha256, Arc<Metadata>)],
    ) -> Result<(), Failure> {
        for (sha256, claimed) in claims {
            let directory = store.manifest(sha256)?.dist_info;
            let path = self.layout.wheel(sha256).join("root").join(directory).join("METADATA");
            let text = fs_err::read(&path).map_err(|error| {
                Failure::new("io", format!("cannot read metadata: {error}"), Code::Mendable)
            })?;
            let own = parse_metadata(&String::from_utf8_lossy(&text));
            if own.as_ref() != Ok(&**claimed) {
                let package = lock.packages.iter().find(|package| package.sha256 == *sha256);
                let name = package.map(|package| package.filename.to_string()).unwrap_or_default();
                let message = format!(
                    "the metadata file of {name} on its index is not the wheel's own METADATA"
                );
                return Err(Failure::new("bad-wheel", message, Code::Mendable).hint(
                    "the index may be hiding requirements: report it to who runs it, or use another index",
                ));
            }
        }
        Ok(())
    }

    fn session(&self, set: &RequirementSet) -> Result<Session, Failure> {
        let host = host_python(self.settings, Some(&self.interpreter));
        Session::new(self.settings, set, host.as_deref(), self.settings.cache_directory()?)
    }

    fn downloads(
        &self,
        store: &Arc<Store>,
        session: &Session,
        compile: bool,
    ) -> Result<Downloads, Failure> {
        let compiler = if compile { self.compiler()? } else { None };
        let client = Arc::clone(&session.client);
        Ok(Downloads::new(
            Arc::clone(store),
            client,
            compiler,
            session.runtime.handle(),
            self.progress.sink(),
        ))
    }

    /// Workers of an interpreter on this machine that writes the bytecode that the environment reads.
    fn compiler(&self) -> Result<Option<Compiler>, Failure> {
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        match compiling_python(self.settings, &self.interpreter) {
            Some(python) => Ok(Some(Compiler::start(&python, workers)?)),
            None => {
                let version = self.interpreter.short_version();
                self.settings.ui.warning(format!(
                    "no Python {version} on this machine can compile bytecode for the image: \
                     containers will compile at each start"
                ));
                Ok(None)
            }
        }
    }

    fn spec(&self, lock: &Lock) -> EnvironmentSpec {
        let packages = lock.packages.iter().map(|package| Package {
            name: package.name.clone(),
            version: package.version.clone(),
            filename: package.filename.to_string(),
            sha256: package.sha256,
            requested: package.requested,
            direct_url: direct_url(package),
        });
        let real = &self.settings.project.config.link.real;
        EnvironmentSpec {
            packages: packages.collect(),
            interpreter: self.interpreter.clone(),
            options: EnvironmentOptions {
                link_mode: self.options.link_mode,
                real: real.iter().filter_map(|name| name.parse().ok()).collect(),
                strict: self.options.strict,
                compiled: self.place.compiles(self.options),
                prompt: None,
            },
        }
    }

    fn compose(
        &self,
        store: &Store,
        spec: &EnvironmentSpec,
        lock_text: &str,
    ) -> Result<Generation, Failure> {
        let id = pyfast_installer::id(&self.layout, spec);
        if let Some(ready) = Generation::find(&self.layout, &id) {
            if !self.options.reinstall {
                return Ok(ready);
            }
            ready.remove(store)?;
        }
        let plan = plan(&self.layout, spec)?;
        Ok(compose(store, spec, &plan, lock_text, &*self.progress.sink())?)
    }

    /// Hashes every file of the lock's wheels, and fetches those again that are damaged.
    fn heal(&self, store: &Arc<Store>, lock: &Lock) -> Result<(), Failure> {
        let wheels: Vec<Sha256> = lock.packages.iter().map(|package| package.sha256).collect();
        let findings = verify(&self.layout, &wheels)?;
        if findings.is_empty() {
            return Ok(());
        }
        for finding in &findings {
            self.settings.ui.warning(format!("{finding}; it is fetched again"));
        }
        repair(store, &findings)?;
        let compile = self.place.compiles(self.options);
        self.fetch_locked(lock.clone(), store, compile)?;
        Ok(())
    }

    /// The result without what differs from run to run.
    fn facts(&self, generation: &Generation, lock: &Lock) -> Value {
        let directory = self.place.directory();
        json!({
            "environment": generation.path,
            "current": self.place.current(),
            "id": generation.id,
            "python": {
                "executable": self.interpreter.executable,
                "version": self.interpreter.version().to_string(),
            },
            "packages": packages_json(lock),
            "lock": directory.join(FILE),
        })
    }

    /// Lets the next sync see that nothing moved.
    fn remember(&self, generation: &Generation, facts: &Value) {
        let mut paths = self.inputs.as_ref().map(|inputs| inputs.paths.clone()).unwrap_or_default();
        let variables = self.inputs.iter().flat_map(|inputs| &inputs.set.variables).map(|name| {
            let value = self.settings.environment.all().get(name);
            (name.clone(), value.cloned().unwrap_or_default())
        });
        let own = own_path(self.options, self.settings, self.inputs.as_ref());
        paths.extend(own.filter(|path| path.is_file()));
        let circumstances = self.place.circumstances(self.options, self.settings);
        let state =
            State::new(&paths, variables, &circumstances, generation.id.clone(), facts.clone());
        if let Err(error) = state.store(&self.place.directory()) {
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

    fn dry_run(&self, lock_file: LockFile) -> Result<Report, Failure> {
        let lock = match lock_file {
            LockFile { existing: Some(lock), current: true, .. } => lock,
            LockFile { existing, .. } => {
                let inputs = self
                    .inputs
                    .as_ref()
                    .ok_or_else(|| Failure::usage("there are no requirements".to_owned()))?;
                let session = self.session(&inputs.set)?;
                self.progress.step("resolving");
                let resolved = session.resolve(
                    &inputs.set,
                    &self.options.resolve,
                    &self.target,
                    existing.as_ref(),
                    None,
                );
                session.runtime.shutdown_background();
                resolved?.lock
            }
        };
        let before = current(&self.layout, &self.place.name);
        let before_packages = before.as_ref().map(installed).unwrap_or_default();
        let spec = self.spec(&lock);
        let id = pyfast_installer::id(&self.layout, &spec);
        let mut acts = Vec::new();
        for package in &lock.packages {
            if !self.layout.wheel(&package.sha256).is_dir() {
                acts.push(format!("fetch {}", package.filename));
            }
        }
        match Generation::find(&self.layout, &id) {
            Some(_) => acts.push(format!("use the environment {id}, which is there")),
            None => acts.push(format!("compose the environment {id}")),
        }
        let changed = before.is_none_or(|generation| generation.id != id);
        let facts = json!({
            "environment": self.layout.env(&id),
            "current": self.place.current(),
            "id": id,
            "python": {
                "executable": self.interpreter.executable,
                "version": self.interpreter.version().to_string(),
            },
            "packages": packages_json(&lock),
            "lock": self.place.directory().join(FILE),
        });
        let changes = Changes::between(&before_packages, &listed(&facts));
        let after = listed(&facts);
        for package in before_packages.iter().filter(|package| after.contains(package)) {
            acts.push(format!("keep {} {}", package.name, package.version));
        }
        for package in &changes.removed {
            acts.push(format!("leave out {} {}", package.name, package.version));
        }
        for package in &changes.added {
            acts.push(format!("add {} {}", package.name, package.version));
        }
        for package in &changes.updated {
            acts.push(format!("replace {} {} by {}", package.name, package.from, package.to));
        }
        if changed {
            acts.push(format!("activate {id}"));
        }
        let timings = Timings { total: self.started.elapsed(), ..Timings::default() };
        Ok(Report { facts, changed, changes, timings, fetched: 0, dry_run: true, plan: acts })
    }
}

struct Fetched {
    lock: Lock,
    timings: Timings,
    count: usize,
    session: Option<Session>,
}

pub(super) fn wanted(package: &Locked) -> Wanted {
    Wanted {
        filename: package.filename.clone(),
        location: package.location.clone(),
        sha256: package.sha256,
        size: package.size,
        body: None,
    }
}

/// PEP 610's object for a package that was named by URL or path.
fn direct_url(package: &Locked) -> Option<Value> {
    if !package.direct {
        return None;
    }
    let url = match &package.location {
        Location::Url(url) => redact(url.as_str()),
        Location::Path(path) => url::Url::from_file_path(path).ok()?.to_string(),
    };
    let digest = package.sha256.to_string();
    Some(
        json!({ "url": url, "archive_info": { "hash": format!("sha256={digest}"), "hashes": { "sha256": digest } } }),
    )
}

/// The packages of a generation.
fn installed(generation: &Generation) -> Vec<super::report::Listed> {
    let packages = generation.spec().map(|spec| spec.packages).unwrap_or_default();
    packages
        .into_iter()
        .map(|package| super::report::Listed {
            name: package.name.to_string(),
            version: package.version.to_string(),
        })
        .collect()
}
