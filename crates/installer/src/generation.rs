//! Generations: environments that are composed once, never changed, and activated by one rename.
//! Knows what makes two environments equal; how they are composed is in `compose`.

pub(crate) mod activate;
mod backlog;
mod bytecode;
pub mod frozen;
mod manifest;
pub(crate) mod stamps;
pub(crate) mod verify;

pub use activate::{Rollback, activate, current, lock_project, rollback_target};
pub use backlog::{Backlog, Worked, work_off};
pub use bytecode::link_bytecode;
pub use stamps::Stamps;
pub use verify::{look, verify_generation, verify_root};

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use pyfast_packaging::hash::Sha256;
use pyfast_root::lease::{DESCRIPTION, Lease};
use pyfast_root::{Dir, Durability, LockName, Root, Share, Waiting, is_generation_id};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::event::Event;
use crate::link::act;
use crate::link::id::FORMAT;
use crate::link::{EnvironmentSpec, LinkPlan};
use crate::store::Store;
use crate::store::settled::boot_id;
use verify::Written;

/// A whole environment in the root.
///
/// ```text
/// envs/v1/<id>/
///   bin/{python, python3, python3.X, activate, activate.fish, …, <scripts>}
///   lib/python3.X/site-packages/
///   lib64 → lib
///   pyvenv.cfg
///   pylock.toml      the lock that it was made from
///   manifest         every directory, link and file of the above
///   settled          it has been compared with its manifest after a restart
///   env.json         its specification; written last, and locked shared by whoever uses the environment
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// Its name: a digest of everything that shapes it.
    pub id: String,
    /// Where it is written.
    pub path: PathBuf,
    /// Where Python sees it.
    pub seen: PathBuf,
}

/// What `env.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Description {
    format: u32,
    id: String,
    /// The digest of its manifest; `None` for one that was composed before there were any.
    #[serde(default)]
    manifest: Option<Sha256>,
    /// The time since the machine was started in which it was composed.
    #[serde(default)]
    boot: Option<String>,
    #[serde(flatten)]
    spec: EnvironmentSpec,
}

/// The lock that it was made from.
const LOCK_COPY: &str = "pylock.toml";
/// A file in a generation: it has been compared with its manifest after the boot that composed it.
const SETTLED: &str = "settled";
/// The most that its description, manifest or lock has, in bytes.
const LIMIT: u64 = 256 << 20;

impl Generation {
    /// The generation of this id, if it is there and whole.
    ///
    /// # Errors
    /// If something else is in its place, or in that of its description.
    pub fn find(root: &Root, id: &str) -> Result<Option<Self>, Error> {
        if !is_generation_id(id) {
            return Ok(None);
        }
        let Some(directory) = root.env(id)? else { return Ok(None) };
        Ok(directory.opens(DESCRIPTION)?.then(|| Self::at(root, id)))
    }

    fn at(root: &Root, id: &str) -> Self {
        Self { id: id.to_owned(), path: root.env_path(id), seen: root.seen_env_path(id) }
    }

    /// Every whole generation of a root, sorted by id.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn all(root: &Root) -> Result<Vec<Self>, Error> {
        let Some(envs) = root.envs()? else { return Ok(Vec::new()) };
        let entries = envs.entries()?.into_iter();
        let names = entries.filter_map(|entry| entry.name.into_string().ok());
        names.filter_map(|id| Self::find(root, &id).transpose()).collect()
    }

    /// Its open directory.
    fn directory(&self, root: &Root) -> Result<Dir, Error> {
        root.env(&self.id)?.ok_or_else(|| Error::NoGeneration { id: self.id.clone() })
    }

    /// The text of the lock that it was made from.
    ///
    /// # Errors
    /// If it is not there, or something else is.
    pub fn lock_text(&self, root: &Root) -> Result<Vec<u8>, Error> {
        let text = self.directory(root)?.read(LOCK_COPY, LIMIT)?;
        text.ok_or_else(|| self.missing(LOCK_COPY))
    }

    fn missing(&self, file: &str) -> Error {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        Error::io("read", &self.path.join(file))(source)
    }

    /// What it was made from.
    ///
    /// # Errors
    /// If its description is not there or damaged.
    pub fn spec(&self, root: &Root) -> Result<EnvironmentSpec, Error> {
        Ok(self.description(root)?.spec)
    }

    fn description(&self, root: &Root) -> Result<Description, Error> {
        let text = self.directory(root)?.read(DESCRIPTION, LIMIT)?;
        let text = text.ok_or_else(|| self.missing(DESCRIPTION))?;
        serde_json::from_slice(&text).map_err(|error| {
            let reason = format!("it is not a description of an environment: {error}");
            Error::Damaged { path: self.path.join(DESCRIPTION), reason }
        })
    }

    /// What it consists of, as was written when it was composed.
    fn parts(&self, root: &Root) -> Result<Written, Error> {
        let Some(expected) = self.description(root)?.manifest else { return Ok(Written::Never) };
        // Whatever else is in its place is not the manifest.
        let text = self.directory(root)?.read_text(manifest::FILE, LIMIT).unwrap_or_default();
        let text = text.filter(|text| Sha256::of(text.as_bytes()) == expected);
        let parts = text.and_then(|text| manifest::parse(&text));
        Ok(parts.map_or(Written::Damaged, Written::Parts))
    }

    /// Whether the generation can be used after the machine was started anew: its files are not synced one by
    /// one, so they are compared with its manifest at its first use after that.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn survived(&self, root: &Root) -> Result<bool, Error> {
        let directory = self.directory(root)?;
        if directory.has_file(SETTLED) || self.description(root)?.boot == boot_id() {
            return Ok(true);
        }
        let whole = self.verify_own(root)?.is_empty();
        if whole {
            // Without the mark it is compared the next time, too.
            let _ = directory.replace(SETTLED, b"", 0o444, Durability::Synced);
        }
        Ok(whole)
    }

    /// Holds the generation for as long as the lease is kept: while anybody does, it is not removed.
    /// `None` on a file system without locks.
    ///
    /// # Errors
    /// If it is gone, or is being collected.
    pub fn lease(&self, root: &Root) -> Result<Option<OwnedFd>, Error> {
        match pyfast_root::lease::take(&self.directory(root)?)? {
            Lease::Held(lease) => Ok(Some(lease)),
            Lease::Unsupported => Ok(None),
            Lease::Gone | Lease::Busy => Err(Error::NoGeneration { id: self.id.clone() }),
        }
    }

    /// Removes the generation, unless somebody holds a lease; false then. The caller knows that it is
    /// nobody's current one.
    ///
    /// # Errors
    /// If it cannot be moved away or removed.
    pub fn remove(&self, store: &Store) -> Result<bool, Error> {
        let root = store.root();
        let Some(_unused) = pyfast_root::lease::unused(&self.directory(root)?)? else {
            return Ok(false);
        };
        let Some(envs) = root.envs()? else { return Ok(false) };
        let away = store.fresh_name()?;
        envs.rename(&self.id, store.workspace(), &away)?;
        store.workspace().remove_tree(&away)?;
        root.has_bytecode(&self.id)?;
        Ok(true)
    }
}

/// Composes the environment of `spec` as `plan` says, or finds it ready. `lock` is the text of the lock.
/// The generation appears whole, in one rename.
///
/// # Errors
/// If the disk refuses; nothing is visible then.
pub fn compose(
    store: &Store,
    spec: &EnvironmentSpec,
    plan: &LinkPlan,
    lock: &str,
    events: &(dyn Fn(Event) + Send + Sync),
) -> Result<Generation, Error> {
    let root = store.root();
    let generation = Generation::at(root, &plan.id);
    let ready = || events(Event::Composed { id: plan.id.clone(), reused: true });
    if Generation::find(root, &plan.id)?.is_some() {
        ready();
        return Ok(generation);
    }
    let _alone = alone(root, &plan.id, events)?;
    if Generation::find(root, &plan.id)?.is_some() {
        ready();
        return Ok(generation);
    }
    make(store, spec, plan, lock, events)
}

/// Composes the environment of `spec` anew even where it is ready, and puts it in the place of the old
/// one in one exchange: `current` never leads nowhere. `None`: somebody uses it, and it is left as it is.
///
/// # Errors
/// If the disk refuses; the old one stands then.
pub fn recompose(
    store: &Store,
    spec: &EnvironmentSpec,
    plan: &LinkPlan,
    lock: &str,
    events: &(dyn Fn(Event) + Send + Sync),
) -> Result<Option<Generation>, Error> {
    let root = store.root();
    let _alone = alone(root, &plan.id, events)?;
    let Some(ready) = Generation::find(root, &plan.id)? else {
        return make(store, spec, plan, lock, events).map(Some);
    };
    let Some(_unused) = pyfast_root::lease::unused(&ready.directory(root)?)? else {
        return Ok(None);
    };
    make(store, spec, plan, lock, events).map(Some)
}

/// Keeps all others from composing the same generation.
fn alone(
    root: &Root,
    id: &str,
    events: &(dyn Fn(Event) + Send + Sync),
) -> Result<pyfast_root::Lock, Error> {
    let waiting = |waiting: &Waiting| events(Event::Waiting(waiting.clone()));
    Ok(root.lock(&LockName::generation(id), Share::Alone, &waiting)?)
}

/// Composes aside and lets the result appear; the caller holds the generation's lock.
fn make(
    store: &Store,
    spec: &EnvironmentSpec,
    plan: &LinkPlan,
    lock: &str,
    events: &(dyn Fn(Event) + Send + Sync),
) -> Result<Generation, Error> {
    let root = store.root();
    let generation = Generation::at(root, &plan.id);
    let name = store.fresh_name()?;
    let made = compose_in(store, &name, plan)
        .and_then(|staging| describe(&staging, spec, plan, lock))
        .and_then(|()| appear(store, &name, &plan.id));
    if let Err(error) = made {
        // The first error is the one to report; leavings are swept later.
        let _ = store.workspace().remove_tree(&name);
        return Err(error);
    }
    events(Event::Composed { id: plan.id.clone(), reused: false });
    Ok(generation)
}

/// Makes the environment of `plan` in a new directory of this process.
fn compose_in(store: &Store, name: &str, plan: &LinkPlan) -> Result<Dir, Error> {
    store.workspace().create_dir(name, 0o755)?;
    let staging = store.workspace().dir(name)?;
    act::act(store.root(), plan, &staging)?;
    Ok(staging)
}

/// Writes what makes the generation whole, and makes it durable.
fn describe(
    staging: &Dir,
    spec: &EnvironmentSpec,
    plan: &LinkPlan,
    lock: &str,
) -> Result<(), Error> {
    for (name, content) in own_files(plan, spec, lock, boot_id())? {
        let mode = if name == manifest::FILE { 0o444 } else { 0o644 };
        let file = staging.write_new(name, &content, mode)?;
        if name == DESCRIPTION {
            file.sync_all().map_err(Error::io("sync", &staging.path().join(name)))?;
        }
    }
    Ok(staging.sync()?)
}

/// What a generation has beside what its plan makes; its description is the last.
fn own_files(
    plan: &LinkPlan,
    spec: &EnvironmentSpec,
    lock: &str,
    boot: Option<String>,
) -> Result<[(&'static str, Vec<u8>); 3], Error> {
    let parts = manifest::write(plan).into_bytes();
    let (id, manifest) = (plan.id.clone(), Some(Sha256::of(&parts)));
    let description = Description { format: FORMAT, id, manifest, boot, spec: spec.clone() };
    let text = serde_json::to_vec(&description).map_err(|error| Error::Damaged {
        path: DESCRIPTION.into(),
        reason: format!("it cannot be written as JSON: {error}"),
    })?;
    Ok([(LOCK_COPY, lock.into()), (manifest::FILE, parts), (DESCRIPTION, text)])
}

fn appear(store: &Store, staging: &str, id: &str) -> Result<(), Error> {
    let workspace = store.workspace();
    let envs = store.root().make_envs()?;
    if envs.facts(id)?.is_some() {
        if workspace.exchange(staging, &envs, id).is_ok() {
            workspace.remove_tree(staging)?;
            return Ok(envs.sync()?);
        }
        // A file system without exchange: between the two renames there is nothing.
        let away = store.fresh_name()?;
        envs.rename(id, workspace, &away)?;
        workspace.remove_tree(&away)?;
    }
    workspace.rename(staging, &envs, id)?;
    Ok(envs.sync()?)
}
