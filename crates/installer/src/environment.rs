//! Generations: environments that are composed once, never changed, and activated by one rename.
//! Knows what makes two environments equal; how they are composed is in `compose`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::act;
use crate::disk::{FileLock, fresh_name, remove_tree, sync_directory, write_new};
use crate::error::Error;
use crate::event::Event;
use crate::layout::Layout;
use crate::plan::{EnvironmentSpec, LinkPlan};
use crate::store::Store;

/// Raised whenever an environment of equal inputs would be composed in another way.
const FORMAT: u32 = 1;

/// A whole environment in the root.
///
/// ```text
/// envs/v1/<id>/
///   bin/{python, python3, python3.X, <scripts>}
///   lib/python3.X/site-packages/
///   lib64 → lib
///   pyvenv.cfg
///   pylock.toml      the lock that it was made from
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
    #[serde(flatten)]
    spec: EnvironmentSpec,
}

/// The id of the environment that `spec` describes: 20 hexadecimal digits.
pub fn id(layout: &Layout, spec: &EnvironmentSpec) -> String {
    let python = &spec.interpreter;
    // Only what shapes the environment: the kernel's version in the markers does not.
    let inputs = serde_json::json!({
        "format": FORMAT,
        "seen": layout.seen(),
        "packages": spec.packages,
        "options": spec.options,
        "python": {
            "executable": python.executable,
            "implementation": python.implementation,
            "version": python.version(),
            "soabi": python.soabi,
            "cache_tag": python.cache_tag,
            "lib_dir": python.lib_dir,
            "tags": python.tags,
        },
    });
    let digest = sha2::Sha256::digest(inputs.to_string());
    digest.iter().take(10).fold(String::with_capacity(20), |mut id, byte| {
        // Writing to a String cannot fail.
        let _ = write!(id, "{byte:02x}");
        id
    })
}

impl Generation {
    /// The generation of this id, if it is there and whole.
    pub fn find(layout: &Layout, id: &str) -> Option<Self> {
        let known = id.len() == 20 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let generation = Self::at(layout, id);
        (known && generation.env_json().is_file()).then_some(generation)
    }

    fn at(layout: &Layout, id: &str) -> Self {
        let seen = layout.seen().join("envs/v1").join(id);
        Self { id: id.to_owned(), path: layout.env(id), seen }
    }

    /// Every whole generation of a root, sorted by id.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn all(layout: &Layout) -> Result<Vec<Self>, Error> {
        let envs = layout.envs();
        let mut found = Vec::new();
        for entry in fs_err::read_dir(&envs).map_err(Error::io("read", &envs))? {
            let name = entry.map_err(Error::io("read", &envs))?.file_name();
            found.extend(name.to_str().and_then(|id| Self::find(layout, id)));
        }
        found.sort_unstable_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }

    fn env_json(&self) -> PathBuf {
        self.path.join("env.json")
    }

    /// The lock that it was made from.
    pub fn lock_copy(&self) -> PathBuf {
        self.path.join("pylock.toml")
    }

    /// What it was made from.
    ///
    /// # Errors
    /// If its description is not there or damaged.
    pub fn spec(&self) -> Result<EnvironmentSpec, Error> {
        let path = self.env_json();
        let text = fs_err::read_to_string(&path).map_err(Error::io("read", &path))?;
        let description: Description = serde_json::from_str(&text).map_err(|error| {
            let reason = format!("it is not a description of an environment: {error}");
            Error::Damaged { path, reason }
        })?;
        Ok(description.spec)
    }

    /// Holds the generation for a running process: while anybody does, it is not removed.
    /// Works across containers and on read-only mounts.
    ///
    /// # Errors
    /// If it is gone.
    pub fn lease(&self) -> Result<FileLock, Error> {
        FileLock::shared(&self.env_json(), &|_| ())
    }

    /// Removes the generation, unless somebody holds a lease; false then. The caller knows that it is
    /// nobody's current one.
    ///
    /// # Errors
    /// If it cannot be moved away or removed.
    pub fn remove(&self, store: &Store) -> Result<bool, Error> {
        let Some(_alone) = FileLock::try_exclusive(&self.env_json())? else { return Ok(false) };
        let away = store.workspace().join(fresh_name());
        fs_err::rename(&self.path, &away).map_err(Error::io("remove", &self.path))?;
        remove_tree(&away)?;
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
    let layout = store.layout();
    let generation = Generation::at(layout, &plan.id);
    let ready = || events(Event::Composed { id: plan.id.clone(), reused: true });
    if Generation::find(layout, &plan.id).is_some() {
        ready();
        return Ok(generation);
    }
    let waiting = |path: &Path| events(Event::Waiting { lock: path.to_owned() });
    let _alone = FileLock::exclusive(&layout.locks().join(format!("env-{}", plan.id)), &waiting)?;
    if Generation::find(layout, &plan.id).is_some() {
        ready();
        return Ok(generation);
    }
    make(store, spec, plan, lock, events)
}

/// Composes the environment of `spec` anew even where it is ready, and puts it in the place of the old
/// one in one exchange: `current` never leads nowhere. One that somebody uses is left as it is.
///
/// # Errors
/// If the disk refuses; the old one stands then.
pub fn recompose(
    store: &Store,
    spec: &EnvironmentSpec,
    plan: &LinkPlan,
    lock: &str,
    events: &(dyn Fn(Event) + Send + Sync),
) -> Result<Generation, Error> {
    let layout = store.layout();
    let waiting = |path: &Path| events(Event::Waiting { lock: path.to_owned() });
    let _alone = FileLock::exclusive(&layout.locks().join(format!("env-{}", plan.id)), &waiting)?;
    let Some(ready) = Generation::find(layout, &plan.id) else {
        return make(store, spec, plan, lock, events);
    };
    let Some(_unused) = FileLock::try_exclusive(&ready.env_json())? else {
        let message = format!("the environment {} is in use and is left as it is", plan.id);
        events(Event::Warning { message });
        return Ok(ready);
    };
    make(store, spec, plan, lock, events)
}

/// Composes aside and lets the result appear; the caller holds the generation's lock.
fn make(
    store: &Store,
    spec: &EnvironmentSpec,
    plan: &LinkPlan,
    lock: &str,
    events: &(dyn Fn(Event) + Send + Sync),
) -> Result<Generation, Error> {
    let layout = store.layout();
    let generation = Generation::at(layout, &plan.id);
    for clash in &plan.clashes {
        events(Event::Warning { message: clash.to_string() });
    }
    for warning in &plan.warnings {
        events(Event::Warning { message: warning.clone() });
    }
    let staging = store.workspace().join(fresh_name());
    let made = act::act(layout, plan, &staging)
        .and_then(|()| describe(&staging, spec, plan, lock))
        .and_then(|()| appear(store, &staging, &generation));
    if let Err(error) = made {
        // The first error is the one to report; leavings are swept later.
        let _ = remove_tree(&staging);
        return Err(error);
    }
    events(Event::Composed { id: plan.id.clone(), reused: false });
    Ok(generation)
}

/// Writes what makes the generation whole, and makes it durable.
fn describe(
    staging: &Path,
    spec: &EnvironmentSpec,
    plan: &LinkPlan,
    lock: &str,
) -> Result<(), Error> {
    write_new(&staging.join("pylock.toml"), lock.as_bytes(), 0o644)?;
    let path = staging.join("env.json");
    let description = Description { format: FORMAT, id: plan.id.clone(), spec: spec.clone() };
    let text = serde_json::to_string(&description).map_err(|error| Error::Damaged {
        path: path.clone(),
        reason: format!("it cannot be written as JSON: {error}"),
    })?;
    let file = write_new(&path, text.as_bytes(), 0o644)?;
    file.sync_all().map_err(Error::io("sync", &path))?;
    sync_directory(staging)
}

fn appear(store: &Store, staging: &Path, generation: &Generation) -> Result<(), Error> {
    let place = &generation.path;
    if place.exists() {
        if renameat_with(CWD, staging, CWD, place, RenameFlags::EXCHANGE).is_ok() {
            remove_tree(staging)?;
            return sync_directory(&store.layout().envs());
        }
        // A file system without exchange: between the two renames there is nothing.
        let away = store.workspace().join(fresh_name());
        fs_err::rename(place, &away).map_err(Error::io("replace", place))?;
        remove_tree(&away)?;
    }
    fs_err::rename(staging, place).map_err(Error::io("create", place))?;
    sync_directory(&store.layout().envs())
}
