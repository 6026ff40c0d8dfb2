//! A root that one sync has for itself, as far as its own project goes. Owns the locks; must not know what
//! is done there.

use std::sync::Arc;
use std::time::SystemTime;

use pyfast_installer::generation::{Stamps, current, lock_project, look};
use pyfast_installer::store::{Store, repair};
use pyfast_installer::{Event, Sink};
use pyfast_root::{Lock, ProjectEnv, Root, Waiting};

use crate::error::Error;
use crate::state::State;
use crate::subject::Subject;

/// The lock that is kept beside `current`.
pub(crate) const LOCK_FILE: &str = "pylock.toml";

/// A generation that nobody has touched, by its id, and how it looks.
pub(crate) type Untouched = (String, Stamps);

/// A root that one sync has for itself.
pub struct Site {
    root: Root,
    store: Arc<Store>,
    pub(crate) name: ProjectEnv,
    pub(crate) sink: Sink,
    /// The current generation and how it looks, if nobody has touched it since it was composed.
    pub(crate) untouched: Option<Untouched>,
    /// What somebody has changed of it, in words.
    pub(crate) noticed: Vec<String>,
    _alone: Lock,
}

impl Site {
    /// Waits until no other process syncs the project.
    ///
    /// `looked` is the state whose generation was found untouched shortly before, where it was.
    pub(crate) fn open(
        root: Root,
        subject: &Subject,
        sink: Sink,
        looked: Option<State>,
    ) -> Result<Self, Error> {
        let name = subject.name()?;
        let waiting = |waiting: &Waiting| sink(Event::Waiting(waiting.clone()));
        root.own(name.project(), &subject.claim)?;
        let alone = lock_project(&root, &name, &waiting)?;
        let store = Arc::new(Store::open(&root, &waiting)?);
        let (untouched, noticed) = notice(&store, &name, looked)?;
        Ok(Self { root, store, name, sink, untouched, noticed, _alone: alone })
    }

    /// The root.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The store of wheels.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }
}

/// Marks wheels that somebody has changed under the current environment, so that they are fetched again;
/// gives the generation if nothing of it was touched, and what was found.
fn notice(
    store: &Store,
    name: &ProjectEnv,
    looked: Option<State>,
) -> Result<(Option<Untouched>, Vec<String>), Error> {
    let root = store.root();
    // Whatever else is in its place is replaced.
    let Some(before) = current(root, name).unwrap_or_default() else {
        return Ok((None, Vec::new()));
    };
    if let Some(stamps) = looked.and_then(|state| state.into_stamps_of(&before.id)) {
        return Ok((Some((before.id, stamps)), Vec::new()));
    }
    let state = root.make_project_env(name).map(|directory| State::load(&directory))?;
    let stamps = state.and_then(|state| state.into_stamps_of(&before.id));
    if let Some(stamps) = stamps.clone().filter(|stamps| stamps.hold(root)) {
        return Ok((Some((before.id, stamps)), Vec::new()));
    }
    // What cannot even be looked at is composed anew, or told by who tries.
    let findings = look(root, &before, stamps.as_ref()).unwrap_or_default();
    repair(store, &findings)?;
    let wheels = findings.iter().filter(|finding| finding.wheel().is_some());
    Ok((None, wheels.map(|finding| format!("{finding}; it is fetched again")).collect()))
}

/// Since 1970, as the history has it.
pub(crate) fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
