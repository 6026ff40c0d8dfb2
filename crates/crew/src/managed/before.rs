//! What was chosen of channels before: a lock of the project says it, or what the root remembers of the environment. Owns
//! which of them stands; must not know how anything is chosen.

use std::path::{Path, PathBuf};

use pyfast_environment::{Error as EnvironmentError, Outdated, request::LockUse};
use pyfast_installer::prefix::Brought;
use pyfast_native::{Solved, refuse_secrets};
use pyfast_resolver::Error as ResolveError;
use pyfast_resolver::native::{NativeLock, Said};

use crate::error::Error;

/// What is known of earlier choices.
pub(super) struct Before {
    /// Where the project's own lock is, or would be, and what it says where it is there.
    path: PathBuf,
    lock: Option<Said>,
    /// What the root remembers.
    memory: Option<Brought>,
}

/// What stands of them.
pub(super) struct Choice {
    /// What was asked for.
    pub(super) request: String,
    /// Where it is from.
    pub(super) channels: Vec<String>,
    /// The packages.
    pub(super) solved: Solved,
}

impl Before {
    /// Of the text of the lock at a path, where there is one.
    ///
    /// # Errors
    /// If nothing can be made of what it says.
    pub(super) fn new(
        path: PathBuf,
        text: Option<&str>,
        memory: Option<Brought>,
    ) -> Result<Self, Error> {
        let lock = text.map(|text| said(text, &path)).transpose()?;
        Ok(Self { path, lock, memory })
    }

    /// The same for who makes the lock anew: that nothing can be made of it is no reason not to.
    pub(super) fn replaced(path: PathBuf, text: Option<&str>, memory: Option<Brought>) -> Self {
        let lock = text.map(|text| said(text, &path).unwrap_or(Said::Nothing));
        Self { path, lock, memory }
    }

    /// The packages that stand for a request, as the lock may be used.
    pub(super) fn standing(&self, asked: &str, lock_use: LockUse) -> Result<Option<Choice>, Error> {
        let same = |request: &str| lock_use == LockUse::Frozen || request == asked;
        let outdated =
            |why: Outdated| EnvironmentError::LockOutdated { path: self.path.clone(), why };
        let own = match &self.lock {
            Some(Said::Archives(native)) if same(&native.request) => Choice::of_lock(native)?,
            _ => None,
        };
        let memory = self.memory.as_ref().filter(|memory| same(&memory.request));
        let memory = || memory.map(Choice::of_memory);
        match (&self.lock, lock_use) {
            (Some(Said::Nothing | Said::Archives(_)), LockUse::Locked | LockUse::Frozen) => {
                Ok(Some(own.ok_or_else(|| outdated(Outdated::Native))?))
            }
            (None, LockUse::Locked | LockUse::Frozen) => {
                Ok(Some(memory().ok_or_else(|| outdated(Outdated::Missing))?))
            }
            // Another tool's says nothing of channels.
            _ => Ok(own.or_else(memory)),
        }
    }

    /// A choice as a lock has it, beside those for other machines that answer the same.
    pub(super) fn beside_others(&self, choice: &Choice) -> NativeLock {
        let (mut archives, mut whole) = match &self.lock {
            Some(Said::Archives(native)) if native.request == choice.request => {
                (native.archives.clone(), native.whole.clone())
            }
            _ => Default::default(),
        };
        let own = std::env::consts::ARCH.to_owned();
        archives.insert(own.clone(), choice.solved.archives());
        if choice.solved.is_whole() {
            whole.insert(own)
        } else {
            whole.remove(&own)
        };
        let Choice { request, channels, .. } = choice;
        NativeLock { request: request.clone(), channels: channels.clone(), archives, whole }
    }
}

impl Choice {
    /// What a lock has for machines of this architecture.
    fn of_lock(native: &NativeLock) -> Result<Option<Self>, Error> {
        let Some(archives) = native.archives.get(std::env::consts::ARCH) else { return Ok(None) };
        let whole = native.whole.contains(std::env::consts::ARCH);
        let solved = Solved::of_archives(archives, whole)?;
        let (request, channels) = (native.request.clone(), native.channels.clone());
        Ok(Some(Self { request, channels, solved }))
    }

    fn of_memory(brought: &Brought) -> Self {
        let Brought { request, channels, packages, whole, .. } = brought.clone();
        Self { request, channels, solved: Solved::of(packages, whole) }
    }
}

/// What a lock says; refused where a channel has a secret, or an archive is none.
fn said(text: &str, path: &Path) -> Result<Said, Error> {
    let said = Said::read(text, path)?;
    if let Said::Archives(native) = &said {
        let usable = refuse_secrets(&native.channels).and_then(|()| {
            let mut all = native.archives.values();
            all.try_for_each(|archives| Solved::of_archives(archives, false).map(drop))
        });
        usable.map_err(|error| {
            let reason = format!("[tool.pyfast.native]: {error}");
            ResolveError::Lock { path: path.to_owned(), reason }
        })?;
    }
    Ok(said)
}
