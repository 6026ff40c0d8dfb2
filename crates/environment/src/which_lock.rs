//! Which lock a sync goes by: the user's own beside the requirements, else the one kept in the root. Owns
//! the choice; must not know where either comes from.

use std::path::{Path, PathBuf};

use pyfast_packaging::dist_file::Location;
use pyfast_packaging::requirements_txt::RequirementSet;
use pyfast_packaging::target::Target;
use pyfast_resolver::{Error as ResolveError, Lock, Pin, Standing, Targets};
use pyfast_root::regular_file;

use crate::crew::Crew;
use crate::error::{Error, Outdated};
use crate::request::{LockUse, SyncRequest};

/// The lock that there is, and where a new one goes.
#[derive(Debug)]
pub(crate) struct WhichLock {
    /// Where it is, or would be.
    pub(crate) path: PathBuf,
    /// The user's own lock file, kept up to date where there is one.
    pub(crate) own: Option<PathBuf>,
    /// The existing lock.
    pub(crate) existing: Option<Lock>,
    /// Whether it answers the requirements.
    pub(crate) current: bool,
    /// Its versions, for all that it is for.
    pub(crate) kept: Vec<Pin>,
    /// What a new lock is to be for.
    pub(crate) targets: Targets,
    /// What the lock in the root does not answer, where that of an earlier generation may.
    pub(crate) unanswered: Option<String>,
    /// A lock of another tool, which is left as it is.
    pub(crate) foreign: Option<PathBuf>,
}

/// The lock that is kept in the root: where people see it, and its text.
pub(crate) struct KeptLock {
    pub(crate) path: PathBuf,
    pub(crate) text: Option<String>,
}

impl WhichLock {
    /// Finds the lock, and says whether it may be used as it is.
    pub(crate) fn find(
        request: &SyncRequest,
        crew: &dyn Crew,
        target: &Target,
        set: Option<&RequirementSet>,
        in_root: &KeptLock,
    ) -> Result<Self, Error> {
        let place = crew.own_lock(set, target);
        let own = Some(place.clone()).filter(|path| path.is_file());
        let path = own.as_deref().unwrap_or(&in_root.path);
        let Some(set) = set.filter(|_| request.lock_use != LockUse::Frozen) else {
            return Self::frozen(own.as_deref(), in_root, target);
        };
        let text = match &own {
            Some(own) => regular_file::read_text(own).ok(),
            None => in_root.text.clone(),
        };
        // What cannot be read is told where the lock is read for the target.
        let whole = own.as_ref().zip(text.as_deref());
        let whole = whole.and_then(|(path, text)| Lock::whole(text, path).ok());
        let several = match &own {
            Some(_) => crew.several(whole.as_ref(), set, target)?,
            None => None,
        };
        // One that pyfast made for another interpreter is made anew for this one, unless it is to stay.
        let is_made_anew = request.lock_use == LockUse::Update
            && whole.as_ref().is_some_and(|lock| lock.inputs.is_some());
        let kept = text.as_deref().map(|text| Lock::kept(text, path)).unwrap_or_default();
        let existing = match &text {
            None => None,
            // The user's own lock is not thrown away for being unreadable; but the configuration may
            // want it for this target from now on.
            Some(text) if own.is_some() => match Lock::from_toml(text, path, target) {
                Err(_) if several.is_some() => None,
                Err(error @ ResolveError::LockPython { .. }) if is_made_anew => {
                    let act = if request.dry_run { "would be" } else { "is" };
                    crew.tell(&format!("{error}: it {act} locked anew"));
                    None
                }
                read => Some(read?),
            },
            Some(text) => Lock::from_toml(text, path, target).ok(),
        };
        // Another tool's lock may say more than this target needs: it is kept to, never rewritten.
        let foreign = existing.as_ref().is_some_and(|lock| lock.inputs.is_none());
        let targets = several.filter(|_| !foreign).unwrap_or(Targets::One(target.clone()));
        let mut unanswered = None;
        let standing = match &existing {
            Some(lock) => {
                let wanted = crew.request(set, targets.clone(), Vec::new())?;
                unanswered = Some(wanted.fingerprint());
                Some(wanted.standing(lock))
            }
            None => None,
        };
        let current = !request.upgrade
            && standing == Some(Standing::Current)
            && existing.as_ref().is_some_and(|lock| local_wheels_stand(lock, crew));
        if request.lock_use == LockUse::Locked && !current {
            let why = match (&own, standing) {
                (None, _) => Outdated::Missing,
                (_, Some(Standing::OtherVersion)) => Outdated::OtherVersion,
                _ => Outdated::Requirements,
            };
            // People make the one that is theirs, not the one in the root.
            return Err(Error::LockOutdated { path: place, why });
        }
        // The user's own lock is a file of the project: what it was before is not known here. Newer versions are
        // in no lock of before.
        let unanswered = unanswered.filter(|_| own.is_none() && !current && !request.upgrade);
        let path = path.to_owned();
        let (own, foreign) = if foreign { (None, own) } else { (own, None) };
        Ok(Self { path, own, existing, current, kept, targets, unanswered, foreign })
    }

    /// The lock as it is, whatever the requirements say.
    fn frozen(own: Option<&Path>, in_root: &KeptLock, target: &Target) -> Result<Self, Error> {
        let path = own.unwrap_or(&in_root.path);
        let failed = |source| Error::NoLock { path: path.to_owned(), source };
        let missing = || failed(std::io::ErrorKind::NotFound.into());
        let text = match own {
            Some(own) => regular_file::read_text(own).map_err(failed)?,
            None => in_root.text.clone().ok_or_else(missing)?,
        };
        let lock = Lock::from_toml(&text, path, target)?;
        let targets = Targets::One(target.clone());
        let (existing, kept) = (Some(lock), Vec::new());
        let (path, own, foreign) = (path.to_owned(), None, None);
        let unanswered = None;
        Ok(Self { path, own, existing, current: true, kept, targets, unanswered, foreign })
    }

    /// Goes by the lock of an earlier generation, which answers these inputs.
    pub(crate) fn go_back(&mut self, text: &str, inputs: &str, target: &Target, crew: &dyn Crew) {
        // One that cannot be used is made anew.
        let answers =
            |lock: &Lock| lock.inputs.as_deref() == Some(inputs) && local_wheels_stand(lock, crew);
        let lock = Lock::from_toml(text, &self.path, target).ok().filter(answers);
        self.current = lock.is_some();
        self.existing = lock.or(self.existing.take());
    }
}

/// Whether the wheels on this machine are still those that were locked.
fn local_wheels_stand(lock: &Lock, crew: &dyn Crew) -> bool {
    lock.packages.iter().all(|package| match &package.location {
        Location::Path(path) if package.sha256.is_some() => crew.digest(path) == package.sha256,
        _ => true,
    })
}
