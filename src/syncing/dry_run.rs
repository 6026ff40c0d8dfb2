//! What a sync would do, without doing it.

use pyfast_environment::{Changes, Listed, SyncReport, Timings};
use pyfast_installer::{Generation, current};
use pyfast_resolver::Lock;

use super::install::Job;
use super::lock_file::LockFile;
use super::report::Report;
use crate::building::BuiltWheels;
use crate::failure::Failure;

impl Job<'_> {
    /// Resolves where needed, and says what a sync would do.
    pub(super) fn dry_run(&self, lock_file: LockFile) -> Result<Report, Failure> {
        let lock = self.locked(lock_file)?;
        let before = current(&self.root, &self.place.name)?;
        let before_packages =
            before.as_ref().map(|before| Listed::installed(&self.root, before)).unwrap_or_default();
        // Until it is built, a source stands for its wheel: the id is another one then.
        let spec = self.spec(&lock, &BuiltWheels::new());
        let id = pyfast_installer::id(&self.root, &spec);
        let mut acts = Vec::new();
        for package in &lock.packages {
            if package.filename.source().is_some() {
                acts.push(format!("build {} from {}", package.name, package.filename));
            } else if package.sha256.is_some_and(|wheel| !self.root.has_wheel(&wheel.to_string())) {
                acts.push(format!("fetch {}", package.filename));
            }
        }
        match Generation::find(&self.root, &id)? {
            Some(_) => acts.push(format!("use the environment {id}, which is there")),
            None => {
                let mode = spec.options.link_mode;
                acts.push(format!("compose the environment {id} of {mode}"));
            }
        }
        let changed = before.is_none_or(|generation| generation.id != id);
        let facts = self.facts(&id, &lock);
        let after = Listed::of(&facts.packages);
        let changes = Changes::between(&before_packages, &after);
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
        let sync = SyncReport { facts, changed, changes, timings, ..SyncReport::default() };
        Ok(Report { sync, plan: Some(acts) })
    }

    /// The lock as a sync would have it.
    fn locked(&self, lock_file: LockFile) -> Result<Lock, Failure> {
        match lock_file {
            LockFile { existing: Some(lock), current: true, .. } => Ok(lock),
            lock_file => {
                let set = self.inputs.as_ref().map(|inputs| &inputs.set);
                let none = || Failure::usage("there are no requirements".to_owned());
                let session = self.building_session(set.ok_or_else(none)?)?;
                self.progress.step("resolving");
                let locked = self.lock(lock_file, &session, &|_decided| ());
                session.runtime.shutdown_background();
                Ok(locked?.0.lock)
            }
        }
    }
}
