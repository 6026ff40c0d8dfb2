//! From a lock that may be out of date to wheels in the store: resolving, downloading, unpacking and
//! compiling overlap here.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pyfast_environment::Timings;
use pyfast_installer::{Compiler, Downloads, Store, Wanted, repair, stored_text, verify};
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::metadata::parse as parse_metadata;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::source_dist::SourceTree;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Claim, Events, Lock, LockEvent, Locked, LockedPackage, Targets, lock};

use super::LockUse;
use super::install::Job;
use super::lock_file::LockFile;
use crate::building::{BUILDS, BuildPlace, BuiltWheels, settle};
use crate::environment::{compiling_python, host_python};
use crate::failure::{Code, Failure};
use crate::lock_on_disk::{ChosenBy, write};
use crate::resolving::{Session, lock_request};
use crate::settings::Root;

/// Wheels up to this size are fetched whole where their metadata is needed: the bytes are wanted anyway.
const WHOLE_UP_TO: u64 = 1 << 20;

/// What fetching gives.
pub(super) struct Fetched {
    pub(super) lock: Lock,
    /// Wheels in the store that were built from the lock's sources.
    pub(super) built: BuiltWheels,
    pub(super) timings: Timings,
    /// Wheels that were unpacked.
    pub(super) count: usize,
    pub(super) session: Option<Session>,
}

/// The wheels of a lock, and those that were built for it, which may have to be compiled yet.
fn all_wanted(lock: &Lock, built: &BuiltWheels) -> Vec<Wanted> {
    let wheels = lock.packages.iter().filter_map(|package| {
        Wanted::of(package).or_else(|| {
            let built = built.get(&package.name)?;
            Some(Wanted {
                filename: built.filename.clone(),
                location: package.location.clone(),
                sha256: built.sha256,
                size: None,
                body: None,
            })
        })
    });
    wheels.collect()
}

/// What a directory needs by now that the lock does not have, in words: requirements may be computed
/// from anything, so only a build tells.
fn unmet(lock: &Lock, built: &BuiltWheels, target: &Target) -> Option<String> {
    let tree = |package: &&LockedPackage| {
        let tree = package.tree.as_ref().map(|tree| &tree.tree);
        matches!(tree, Some(SourceTree::Directory(_)))
    };
    for package in lock.packages.iter().filter(tree) {
        let Some(wheel) = built.get(&package.name) else { continue };
        let Ok(metadata) = parse_metadata(&wheel.metadata) else { continue };
        let active = metadata.dependencies.iter();
        for needed in active.filter(|needed| needed.marker.evaluate(&target.markers, &[])) {
            let met = lock.packages.iter().any(|known| {
                known.name == needed.name
                    && (known.direct || needed.specifiers.contains(&known.version))
            });
            if !met {
                let (name, specifiers) = (&needed.name, needed.specifiers.to_string());
                return Some(format!("{} needs {name}{specifiers} now", package.name));
            }
        }
    }
    None
}

fn outdated(unmet: &str) -> Failure {
    let message = format!(
        "the lock does not answer the requirements: {unmet}, and --locked forbids changing it"
    );
    Failure::new("lock-outdated", message, Code::Mendable).hint("run `pyfast lock`")
}

impl Job<'_> {
    /// Nobody named the lock that is kept up to date.
    fn of_project(&self) -> ChosenBy<'_> {
        ChosenBy::Project(&self.settings.project.directory)
    }

    /// Locks where needed, and has every wheel of the lock in the store.
    pub(super) fn fetch(
        &self,
        lock_file: LockFile,
        store: &Arc<Store>,
    ) -> Result<Fetched, Failure> {
        let compile = self.place.compiles(self.options);
        let lock_file = match self.fetch_current(lock_file, store, compile)? {
            Ok(fetched) => return Ok(fetched),
            Err(lock_file) => lock_file,
        };
        let resolving = Instant::now();
        let inputs = self
            .inputs
            .as_ref()
            .ok_or_else(|| Failure::usage("there are no requirements".to_owned()))?;
        let session = self.building_session(&inputs.set)?;
        let downloads = self.downloads(store, &session, compile)?;
        self.progress.step("resolving");
        let path = lock_file.path.clone();
        let (mut locked, text) = self.lock(lock_file, &session, &|event| {
            let LockEvent::Decided { candidate, body } = event;
            if let (Some(sha256), Some(wheel)) = (candidate.sha256, candidate.filename.wheel()) {
                downloads.start(Wanted {
                    filename: wheel.clone(),
                    location: candidate.location.clone(),
                    sha256,
                    size: candidate.size,
                    body,
                });
            }
        })?;
        let resolve = resolving.elapsed();
        let fetching = Instant::now();
        self.progress.expect(locked.lock.packages.len());
        let built = self.build(&session, &downloads, &mut locked.lock)?;
        downloads.finish(&all_wanted(&locked.lock, &built))?;
        let admitted = downloads.admitted();
        Self::check_claims(store, &session, &locked, &admitted)?;
        if let Some((path, text)) = path.zip(text) {
            write(&path, &text, self.of_project())?;
        }
        let timings = Timings { resolve, fetch: fetching.elapsed(), ..Timings::default() };
        let count = admitted.len();
        Ok(Fetched { lock: locked.lock, built, timings, count, session: Some(session) })
    }

    /// A new lock as it is for this target, and its text, where there is a file for it.
    pub(super) fn lock(
        &self,
        lock_file: LockFile,
        session: &Session,
        events: Events<'_>,
    ) -> Result<(Locked, Option<String>), Failure> {
        let inputs = self
            .inputs
            .as_ref()
            .ok_or_else(|| Failure::usage("there are no requirements".to_owned()))?;
        let LockFile { path, kept, targets, .. } = lock_file;
        let args = &self.options.resolve;
        let request = lock_request(&inputs.set, args, targets, kept)?;
        let mut locked = lock(&request, &session.tools(args, WHOLE_UP_TO), events)?;
        for warning in &locked.warnings {
            self.settings.ui.warning(warning);
        }
        let Some(path) = path else { return Ok((locked, None)) };
        let text = locked.lock.to_toml(path.parent().unwrap_or(Path::new("/")));
        if !matches!(request.targets, Targets::One(_)) {
            locked.lock = Lock::from_toml(&text, &path, &self.target)?;
        }
        Ok((locked, Some(text)))
    }

    /// By the lock alone, where it answers the requirements; else gives the lock back.
    fn fetch_current(
        &self,
        lock_file: LockFile,
        store: &Arc<Store>,
        compile: bool,
    ) -> Result<Result<Fetched, LockFile>, Failure> {
        let LockFile { existing: Some(lock), current: true, path, kept, targets } = lock_file
        else {
            return Ok(Err(lock_file));
        };
        let fetched = self.fetch_locked(lock, store, compile)?;
        let Some(unmet) = unmet(&fetched.lock, &fetched.built, &self.target) else {
            return Ok(Ok(fetched));
        };
        match self.options.lock_use {
            LockUse::Locked => Err(outdated(&unmet)),
            LockUse::Frozen => {
                self.settings.ui.warning(format!("{unmet}, which the lock does not have"));
                Ok(Ok(fetched))
            }
            LockUse::Update => {
                let existing = Some(fetched.lock);
                Ok(Err(LockFile { existing, current: false, path, kept, targets }))
            }
        }
    }

    fn fetch_locked(
        &self,
        mut lock: Lock,
        store: &Arc<Store>,
        compile: bool,
    ) -> Result<Fetched, Failure> {
        let wheels = lock.packages.iter().filter_map(Wanted::of);
        let wheels: Vec<Sha256> = wheels.map(|wheel| wheel.sha256).collect();
        let sources = wheels.len() < lock.packages.len();
        let missing = sources || !store.missing(&wheels)?.is_empty();
        let missing = missing
            || wheels.iter().any(|wheel| {
                compile && !pyfast_installer::is_compiled(&self.root, &self.interpreter, wheel)
            });
        if !missing {
            let (built, timings) = (BuiltWheels::new(), Timings::default());
            return Ok(Fetched { lock, built, timings, count: 0, session: None });
        }
        let fetching = Instant::now();
        // A lock names its files, so no index is needed; but credentials come with the indexes.
        let session = self.building_session(&self.inputs.as_ref().map_or_else(
            RequirementSet::default,
            |inputs| {
                let logins = inputs.set.logins.clone();
                let index = inputs.set.index.clone();
                RequirementSet { index, logins, ..RequirementSet::default() }
            },
        ))?;
        let downloads = self.downloads(store, &session, compile)?;
        self.progress.expect(lock.packages.len());
        let built = self.build(&session, &downloads, &mut lock)?;
        downloads.finish(&all_wanted(&lock, &built))?;
        let timings = Timings { fetch: fetching.elapsed(), ..Timings::default() };
        let count = downloads.admitted().len();
        Ok(Fetched { lock, built, timings, count, session: Some(session) })
    }

    /// Metadata that is not the wheel's own could hide a requirement. Wheels that came now are
    /// compared, and all whose metadata came from a file beside them.
    fn check_claims(
        store: &Store,
        session: &Session,
        locked: &Locked,
        admitted: &[Sha256],
    ) -> Result<(), Failure> {
        let doubtful = |claim: &&Claim| claim.beside || admitted.contains(&claim.sha256);
        // Of a lock for several targets, files that only others install are not here.
        let installed = |claim: &&Claim| {
            locked.lock.packages.iter().any(|package| package.sha256 == Some(claim.sha256))
        };
        for claim in locked.claims.iter().filter(doubtful).filter(installed) {
            let own = parse_metadata(&stored_text(store.root(), &claim.sha256, "METADATA")?);
            if own.as_ref() != Ok(&*claim.metadata) {
                claim.forget(&session.cache);
                let name = &claim.filename;
                let message = format!(
                    "the metadata of {name} that its index gives is not the wheel's own METADATA"
                );
                return Err(Failure::new("bad-wheel", message, Code::Mendable).hint(
                    "the index may be hiding requirements: report it to who runs it, or use another index",
                ));
            }
        }
        Ok(())
    }

    /// Builds the sources of a lock while its wheels are fetched.
    fn build(
        &self,
        session: &Session,
        downloads: &Downloads,
        lock: &mut Lock,
    ) -> Result<BuiltWheels, Failure> {
        self.seen.borrow_mut().look_trees(lock);
        lock.packages.iter().filter_map(Wanted::of).for_each(|wanted| downloads.start(wanted));
        let index = self.inputs.as_ref().map(|inputs| &inputs.set.index);
        let built = session.build_all(lock, &self.options.resolve, index)?;
        settle(lock, &built);
        Ok(built)
    }

    /// A session that builds what has no wheel.
    pub(super) fn building_session(&self, set: &RequirementSet) -> Result<Session, Failure> {
        let mut session = self.session(set)?;
        let root = self.root.written().to_owned();
        let builds = self.settings.cache_directory()?.join(BUILDS);
        let (store, yard) = match &self.settings.root {
            // What only tries leaves nothing in the root.
            _ if self.options.dry_run => (builds.clone(), builds),
            // Containers may have a volume writable: nothing that hooks run with lies where they write.
            Root::Volume(_) => (root, builds),
            Root::Directory(_) => (root.clone(), root),
        };
        let place =
            BuildPlace { store, yard, interpreter: &self.interpreter, sink: self.progress.sink() };
        session.build_in(place, &self.options.resolve, self.settings)?;
        Ok(session)
    }

    pub(super) fn session(&self, set: &RequirementSet) -> Result<Session, Failure> {
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
        if let Some(python) = compiling_python(self.settings, &self.interpreter) {
            return Ok(Some(Compiler::start(&python, workers)?));
        }
        let version = self.interpreter.short_version();
        self.settings.ui.warning(format!(
            "no Python {version} on this machine can compile bytecode for the image: \
             containers will compile at each start"
        ));
        Ok(None)
    }

    /// Hashes every file of the lock's wheels, and fetches those again that are damaged.
    pub(super) fn heal(
        &self,
        store: &Arc<Store>,
        lock: &Lock,
        built: &mut BuiltWheels,
    ) -> Result<(), Failure> {
        let wheels: Vec<Sha256> =
            all_wanted(lock, built).into_iter().map(|wanted| wanted.sha256).collect();
        let findings = verify(&self.root, &wheels)?;
        if findings.is_empty() {
            return Ok(());
        }
        for finding in &findings {
            self.settings.ui.warning(format!("{finding}; it is fetched again"));
        }
        repair(store, &findings)?;
        let compile = self.place.compiles(self.options);
        *built = self.fetch_locked(lock.clone(), store, compile)?.built;
        Ok(())
    }
}
