//! What is due to a container for its code to be what the project's directory has, or why that cannot be. Pure. Owns the
//! rules; must not know how files come into a container.

use std::fmt;

use super::{Changes, Code, Held};
use crate::containers::CreateReason;
use crate::engine::{Container, Status};

/// Paths that are removed at once; they are a command line.
const REMOVED_AT_ONCE: usize = 500;

/// A container as far as its code goes.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    /// Its facts.
    pub container: &'a Container,
    /// Which code it has.
    pub held: &'a Held,
    /// Whether this program is in it, which can remove files there.
    pub remover: bool,
}

/// What is due to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// A restart: it has not been started since files were put into it.
    Restart,
    /// Files, and a restart.
    Put(Changes),
}

/// Why code is not put into a container that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// Compose makes containers anyway.
    Created(CreateReason),
    /// It is not known which code a container of the service has.
    Unknown(String),
    /// What is gone lay over something that came from elsewhere.
    Uncovered(String),
    /// Something is mounted in a directory that is gone.
    Mounted(String),
    /// Nothing can remove files in a container of the service.
    NoRemover(String),
    /// The engine, or what is in the container, refused.
    Refused(String),
}

/// What is due to a container for it to have this code. `built` is the digest of what its image has, `before` finds
/// states of the code that are remembered.
///
/// # Errors
/// What stands in the way.
pub fn due(
    holder: &Holder<'_>,
    built: &str,
    now: &Code,
    before: &dyn Fn(&str) -> Option<Code>,
) -> Result<Due, Hindrance> {
    let Holder { container, held, remover } = *holder;
    let name = || container.name.clone();
    let (from, since) = match held {
        Held::AsBuilt => (built, None),
        Held::Put { code, since } => (code.as_str(), Some(since)),
        Held::Unsettled => return Err(Hindrance::Unknown(name())),
    };
    if from == now.digest() {
        let started = &container.started_at;
        let stale = since.is_some_and(|since| since == started && !started.is_empty());
        return Ok(if stale { Due::Restart } else { Due::Nothing });
    }
    let Some(from) = before(from) else { return Err(Hindrance::Unknown(name())) };
    let Some(changes) = from.changes(now).beside(&container.mounts) else {
        return Err(Hindrance::Mounted(name()));
    };
    if let Some(place) = changes.uncovered.first() {
        return Err(Hindrance::Uncovered(place.clone()));
    }
    let can_remove =
        remover && container.status == Status::Running && changes.remove.len() <= REMOVED_AT_ONCE;
    if !changes.remove.is_empty() && !can_remove {
        return Err(Hindrance::NoRemover(name()));
    }
    Ok(Due::Put(changes))
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created(reason) => reason.fmt(f),
            Self::Unknown(name) => write!(f, "what {name} has is not known"),
            Self::Uncovered(place) => write!(f, "{place} may have lain over something else"),
            Self::Mounted(name) => write!(f, "something is mounted in what is gone in {name}"),
            Self::NoRemover(name) => write!(f, "nothing can remove files in {name}"),
            Self::Refused(why) => write!(f, "files could not be put: {why}"),
        }
    }
}

#[cfg(test)]
mod tests;
