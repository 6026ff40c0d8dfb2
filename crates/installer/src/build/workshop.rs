//! Isolated environments of builds: resolved, fetched and composed as any other, kept by their
//! digest, held while they are used.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyfast_packaging::requirement_line::{Line, build_requirements};
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_resolver::{Lock, LockRequest, LockTools, Policy, Targets, lock};

use pyfast_root::{Root, Waiting};

use super::clean::clean;
use super::turns::{Slots, Turns};
use super::{BuildOptions, BuildTools, Builder};
use crate::download::{Downloads, Means, Wanted};
use crate::error::Error;
use crate::event::{Event, Sink};
use crate::generation::{Generation, compose};
use crate::link::plan::plan;
use crate::link::{EnvironmentOptions, EnvironmentSpec, Package};
use crate::store::Store;

/// An environment that hooks run in.
#[derive(Debug)]
pub(super) struct Workshop {
    pub(super) python: PathBuf,
    /// Its programs; `None` for an interpreter in no environment.
    pub(super) path: Option<PathBuf>,
    _lease: Option<OwnedFd>,
}

/// What all builds of a run share.
pub(super) struct BuildRun {
    pub(super) options: BuildOptions,
    pub(super) tools: BuildTools,
    /// What a build sees of this process's variables.
    pub(super) variables: BTreeMap<String, String>,
    store: OnceLock<Arc<Store>>,
    yard: OnceLock<Arc<Store>>,
    workshops: Mutex<HashMap<Vec<String>, Arc<Workshop>>>,
    pub(super) turns: Turns,
    pub(super) slots: Slots,
}

impl BuildRun {
    pub(super) fn new(options: BuildOptions, tools: BuildTools) -> Self {
        let variables = clean(&options.variables);
        let (store, yard, workshops) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        let (turns, slots) = (Turns::default(), Slots::new(options.at_once));
        Self { options, tools, variables, store, yard, workshops, turns, slots }
    }

    /// Where finished wheels are kept.
    pub(super) fn store(&self) -> Result<Arc<Store>, Error> {
        opened(&self.store, &self.tools.store, &self.tools.sink)
    }

    /// Where builds happen.
    pub(super) fn yard(&self) -> Result<Arc<Store>, Error> {
        // One store a root for a process.
        if self.tools.yard == self.tools.store {
            return self.store();
        }
        opened(&self.yard, &self.tools.yard, &self.tools.sink)
    }

    /// The environment with `requires` that there is.
    pub(super) fn standing(&self, requires: &[String]) -> Option<Arc<Workshop>> {
        if let Some(python) = &self.options.shared {
            // Programs of a virtual environment are those that its packages installed.
            let bin = python.parent().map(Path::to_owned);
            let path = bin.filter(|bin| bin.with_file_name("pyvenv.cfg").is_file());
            return Some(Arc::new(Workshop { python: python.clone(), path, _lease: None }));
        }
        let workshops = self.workshops.lock().unwrap_or_else(PoisonError::into_inner);
        workshops.get(requires).cloned()
    }

    /// Makes an environment with `requires`, whose own sources `builder` builds.
    pub(super) fn workshop(
        &self,
        requires: &[String],
        builder: Builder,
    ) -> Result<Arc<Workshop>, Error> {
        let workshop = Arc::new(self.make(requires, builder)?);
        let mut workshops = self.workshops.lock().unwrap_or_else(PoisonError::into_inner);
        workshops.insert(requires.to_vec(), Arc::clone(&workshop));
        Ok(workshop)
    }

    fn make(&self, requires: &[String], builder: Builder) -> Result<Workshop, Error> {
        let of = builder.chain.last().cloned().unwrap_or_default();
        let builder = Arc::new(builder);
        let lock = self.lock(requires, &of, &builder)?;
        let spec = self.spec(&lock, &builder)?;
        let store = self.yard()?;
        let plan = plan(&store, &spec)?;
        if Generation::find(store.root(), &plan.id)?.is_none() {
            plan.notices().for_each(|message| (self.tools.sink)(Event::Warning { message }));
        }
        let text = lock.to_toml(Path::new("/"));
        let generation = compose(&store, &spec, &plan, &text, &*self.tools.sink)?;
        let lease = generation.lease(store.root())?;
        let bin = generation.path.join("bin");
        Ok(Workshop { python: bin.join("python"), path: Some(bin), _lease: lease })
    }

    fn lock(&self, requires: &[String], of: &str, builder: &Arc<Builder>) -> Result<Lock, Error> {
        let lines =
            build_requirements(requires, of).map_err(|wrong| Error::Resolve(wrong.into()))?;
        let (mut requirements, mut sources) = (Vec::new(), Vec::new());
        for line in lines {
            match line {
                Line::Project(requirement) => requirements.push(requirement),
                Line::Source(mut source) => {
                    // Secrets of somebody else's files are neither used nor kept.
                    source.source.take_login();
                    sources.push(*source);
                }
            }
        }
        let set = RequirementSet {
            requirements,
            sources,
            constraints: self.options.constraints.clone(),
            ..RequirementSet::default()
        };
        let request = LockRequest {
            set: &set,
            targets: Targets::One(self.options.interpreter.target()),
            policy: Policy {
                exclude_newer: self.options.exclude_newer.clone(),
                formats: self.options.formats.clone(),
                ..Policy::default()
            },
            kept: Vec::new(),
            limits: Vec::new(),
            no_deps: false,
        };
        let tools = LockTools {
            client: Arc::clone(&self.tools.client),
            cache: self.tools.cache.clone(),
            sources: self.tools.sources.clone(),
            runtime: self.tools.runtime.clone(),
            build: Some(Arc::clone(builder) as _),
            whole_up_to: 0,
        };
        let locked = lock(&request, &tools, &|_decided| ()).map_err(Error::Resolve)?;
        Ok(locked.lock)
    }

    /// Brings every package of a lock to where builds happen, and describes their environment.
    fn spec(&self, lock: &Lock, builder: &Builder) -> Result<EnvironmentSpec, Error> {
        let tools = &self.tools;
        let (client, cache) = (Arc::clone(&tools.client), tools.cache.clone());
        // What builds need is in no lock, so that no remote store has a list of it.
        let means = Means { client, cache, remote: None, compiler: None, bytecode: None };
        let sink = Arc::clone(&tools.sink);
        let downloads = Downloads::new(self.yard()?, means, &tools.runtime, sink);
        let (mut wanted, mut packages) = (Vec::new(), Vec::new());
        for package in &lock.packages {
            let (filename, sha256) = match (Wanted::of(package), package.source()) {
                (Some(wheel), _) => {
                    let named = (wheel.filename.to_string(), wheel.sha256);
                    wanted.push(wheel);
                    named
                }
                (None, Some(source)) => {
                    let built = builder.wheel(&source)?;
                    (built.filename.to_string(), built.sha256)
                }
                // A resolution gives every package a file or a source.
                (None, None) => continue,
            };
            packages.push(Package {
                name: package.name.clone(),
                version: package.version.clone(),
                filename,
                sha256,
                requested: package.requested,
                direct_url: None,
            });
        }
        downloads.finish(&wanted)?;
        let interpreter = self.options.interpreter.clone();
        Ok(EnvironmentSpec { packages, interpreter, options: EnvironmentOptions::default() })
    }
}

/// The store of a root. Environments of builds are seen where they are written.
fn opened(kept: &OnceLock<Arc<Store>>, root: &Path, sink: &Sink) -> Result<Arc<Store>, Error> {
    if let Some(store) = kept.get() {
        return Ok(Arc::clone(store));
    }
    let sink = Arc::clone(sink);
    let waiting = move |waiting: &Waiting| sink(Event::Waiting(waiting.clone()));
    let store = Arc::new(Store::open(&Root::create(root, root)?, &waiting)?);
    // Another thread may have been faster; its store serves as well.
    Ok(Arc::clone(kept.get_or_init(|| store)))
}
