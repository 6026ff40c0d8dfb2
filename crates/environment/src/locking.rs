//! From the lock that there is to the lock that is installed, with what was brought on the way. Owns when a
//! lock is made anew; how it is made is the resolver's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pyfast_installer::interpreter::Interpreter;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Claim, Lock, Locked, Targets};
use pyfast_root::regular_file;

use crate::ask;
use crate::crew::{Brought, Crew, ToBring};
use crate::error::{Error, Outdated};
use crate::inputs::Inputs;
use crate::place::Place;
use crate::plan::{Built, settle};
use crate::report::Timings;
use crate::request::{LockUse, SyncRequest};
use crate::site::Site;
use crate::unmet::Unmet;
use crate::which_lock::{KeptLock, WhichLock};

/// What finding a lock works with.
pub(crate) struct Locking<'a> {
    pub(crate) request: &'a SyncRequest,
    pub(crate) place: &'a dyn Place,
    pub(crate) crew: &'a dyn Crew,
    /// The root, where this process installs.
    pub(crate) site: Option<&'a Site>,
    pub(crate) set: Option<&'a RequirementSet>,
    pub(crate) interpreter: &'a Interpreter,
    pub(crate) compile: bool,
}

/// A lock, and what came with it.
pub(crate) struct Found {
    pub(crate) lock: Lock,
    pub(crate) claims: Vec<Claim>,
    pub(crate) brought: Brought,
    /// The user's own lock, which is to be written.
    pub(crate) own_lock: Option<(PathBuf, String)>,
    /// What was read.
    pub(crate) inputs: Inputs,
    /// Whether the wheels are in a store of this process already.
    pub(crate) in_process: bool,
    pub(crate) timings: Timings,
}

impl Locking<'_> {
    /// The lock to install. For a dry run nothing is brought.
    pub(crate) fn find(&self, in_root: &KeptLock, mut inputs: Inputs) -> Result<Found, Error> {
        let target = self.interpreter.target();
        let mut which = WhichLock::find(self.request, self.crew, &target, self.set, in_root)?;
        if let Some(inputs) = which.unanswered.take()
            && let Some(text) = ask::earlier(self.place, inputs.clone())?
        {
            which.go_back(&text, &inputs, &target, self.crew);
        }
        which.foreign.iter().for_each(|path| self.crew.tell(&left_alone(path)));
        let mut timings = Timings::default();
        loop {
            let begun = Instant::now();
            let (locked, own_lock) = match which.existing.take().filter(|_| which.current) {
                Some(lock) => {
                    let locked = Locked { lock: self.identified(lock)?, ..Locked::default() };
                    (locked, self.completed(&which))
                }
                None => self.lock(&which, &target)?,
            };
            timings.resolve += begun.elapsed();
            let Locked { mut lock, warnings: told, claims } = locked;
            for warning in &told {
                self.crew.tell(warning);
            }
            inputs.look_trees(&lock);
            let brought = self.bring(&lock, &mut timings)?;
            settle(&mut lock, &Built::all(&brought));
            if let Some(unmet) = Unmet::find(&lock, &brought.built, self.set, &target) {
                match self.request.lock_use {
                    LockUse::Frozen => {
                        self.crew.tell(&format!("{unmet}, which the lock does not have"));
                    }
                    _ if self.ignores_dependencies(&which)? => {}
                    LockUse::Locked if which.current => {
                        let (path, why) = (which.path, Outdated::Unmet(unmet.to_string()));
                        return Err(Error::LockOutdated { path, why });
                    }
                    _ if which.current => {
                        which.current = false;
                        continue;
                    }
                    _ => unmet.of_new_lock()?,
                }
            }
            let in_process = self.site.is_some();
            if let Some((path, text)) = own_lock.as_ref().filter(|_| !in_process) {
                inputs.expect(path, text.as_bytes());
            }
            return Ok(Found { lock, claims, brought, own_lock, inputs, in_process, timings });
        }
    }

    /// A new lock as it is for this target, and the text of the user's own.
    fn lock(
        &self,
        which: &WhichLock,
        target: &Target,
    ) -> Result<(Locked, Option<(PathBuf, String)>), Error> {
        let set = self.set.ok_or(Error::NoRequirements)?;
        let request = self.crew.request(set, which.targets.clone(), which.kept.clone())?;
        let mut locked = self.crew.lock(&request, self.site)?;
        let Some(path) = which.own.clone() else { return Ok((locked, None)) };
        let text = locked.lock.to_toml(path.parent().unwrap_or(Path::new("/")));
        let text = self.crew.complete(text, &path);
        if !matches!(request.targets, Targets::One(_)) {
            locked.lock = Lock::from_toml(&text, &path, target)?;
        }
        Ok((locked, Some((path, text))))
    }

    /// The user's own lock, where it answers the requirements and does not say all of the environment.
    fn completed(&self, which: &WhichLock) -> Option<(PathBuf, String)> {
        let path = which.own.clone().filter(|_| self.request.lock_use == LockUse::Update)?;
        let text = regular_file::read_text(&path).ok()?;
        let whole = self.crew.complete(text.clone(), &path);
        (whole != text).then_some((path, whole))
    }

    /// Whether the user wants no package for another's sake.
    fn ignores_dependencies(&self, which: &WhichLock) -> Result<bool, Error> {
        let Some(set) = self.set else { return Ok(true) };
        Ok(self.crew.request(set, which.targets.clone(), Vec::new())?.no_deps)
    }

    /// The lock with the SHA-256 of every file.
    fn identified(&self, mut lock: Lock) -> Result<Lock, Error> {
        if lock.packages.iter().any(|package| package.pending.is_some()) {
            self.crew.identify(&mut lock, self.site)?;
        }
        Ok(lock)
    }

    fn bring(&self, lock: &Lock, timings: &mut Timings) -> Result<Brought, Error> {
        if self.request.dry_run {
            return Ok(Brought::default());
        }
        let begun = Instant::now();
        let (interpreter, compile) = (self.interpreter, self.compile);
        let what = ToBring { lock, given: &BTreeMap::new(), interpreter, compile };
        let brought = self.crew.bring(&what, self.site)?;
        timings.fetch += begun.elapsed();
        Ok(brought)
    }
}

fn left_alone(path: &Path) -> String {
    format!(
        "`{}` was not made by pyfast: its versions are preferred, and it is left as it is",
        path.display()
    )
}
