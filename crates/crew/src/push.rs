//! An environment's wheels in the remote store, and their bytecode where that is wanted: what is missing there is written, and
//! the list of all of them last, so that whoever reads the list finds what it names. Owns where a wheel's bytes come from,
//! and that they are the lock's.

mod bytecode;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pyfast_environment::ask::last_lock;
use pyfast_index::metadata_remote::whole;
use pyfast_index::{Body, Received};
use pyfast_installer::Event as Work;
use pyfast_installer::download::Wanted;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
pub use pyfast_remote::Cause;
use pyfast_remote::{Address, Content, List, Listed, Put, Remote};
use pyfast_resolver::{Lock, LockedPackage};
use pyfast_settings::{ResolveFlags, Settings};
use serde::Serialize;

use crate::error::Error;
use crate::event::{Event, Events};
use crate::here::for_fetching;
use crate::inputs::if_any;
use crate::interpreter::{host_python, interpreter};
use crate::remote::{list_name, open, wheels};
use crate::session::Session;
use crate::volume_place::at_place;
use bytecode::Bytecode;

/// Wheels that are looked for, fetched and written at once: each may hold some parts in memory.
const AT_ONCE: usize = 8;

/// What came of a push.
#[derive(Debug, Clone, Serialize)]
pub struct Pushed {
    /// Where the remote store is.
    pub remote: String,
    /// The wheels that were written, by their file names.
    pub written: Vec<String>,
    /// How many were there.
    pub present: usize,
    /// How many bytes were written.
    pub bytes: u64,
    /// How many packs of bytecode were written.
    pub bytecode: usize,
    /// Packages of which the lock has no wheel of a server: whoever syncs builds them, or has their files.
    pub left: Vec<String>,
    /// How long it took.
    #[serde(skip)]
    pub took: Duration,
}

/// Writes what the remote store lacks of the environment, as its last sync made it.
///
/// # Errors
/// What fetching a wheel fails with, a digest that is not the lock's, and what the remote store refuses. Whatever was
/// written by then stays, and no list names it.
pub fn push(flags: &ResolveFlags, settings: &Settings, events: &Events) -> Result<Pushed, Error> {
    let begun = Instant::now();
    let env = || settings.env.clone();
    let address = place(settings)?;
    let text = at_place(settings, events, last_lock)?;
    let text = text.ok_or_else(|| Error::NothingToPush { env: env() })?;
    let python = interpreter(settings)?;
    let lock = Lock::from_toml(&text, Path::new("/pylock.toml"), &python.target())?;
    let inputs = if_any(flags, settings, events)?;
    let set = for_fetching(inputs.as_ref().map(|inputs| &inputs.set));
    let (host, cache) = (host_python(settings, Some(&python)), settings.cache_directory()?);
    let session = Session::new(settings, &set, host.as_deref(), cache, events)?;
    let remote = open(address, settings, &session.client)?;
    let wanted: Vec<Wanted> = wheels(&lock).collect();
    let bytes = wanted.iter().filter_map(|wheel| wheel.size).sum();
    events(Event::Wheels { count: wanted.len(), bytes });
    let bytecode = Bytecode::of(settings, &python, events)?;
    let pushing = Pushing { remote: &remote, session: &session, events };
    let pushed = session.runtime.block_on(async {
        remote.is_there().await?;
        let name = list_name(&lock, &python);
        // One that cannot be read is written anew.
        let earlier = remote.list(&name).await.ok().flatten();
        let wheels = pushing.all(with_sizes(wanted, earlier.as_ref())).await?;
        let earlier = earlier.map(|list| list.bytecode).unwrap_or_default();
        let packs = match &bytecode {
            Some(bytecode) => bytecode.push(&remote, &wheels, &earlier).await?,
            None => Vec::new(),
        };
        let listed = wheels.iter().map(|done| done.listed.clone()).collect();
        // What others have pushed for another Python stays there.
        let listed_packs = packs.iter().map(|done| done.listed.clone()).chain(earlier).collect();
        remote.put_list(&name, &List::new(listed).with_packs(listed_packs)).await?;
        Ok::<_, Error>((wheels, packs))
    });
    session.runtime.shutdown_background();
    let (wheels, packs) = pushed?;
    let (written, packs) = (written(&wheels), written(&packs));
    let bytes = written.iter().map(|wheel| wheel.size).chain(packs.iter().map(|pack| pack.size));
    Ok(Pushed {
        remote: remote.address().to_string(),
        written: written.iter().map(|wheel| wheel.file.clone()).collect(),
        present: wheels.len() - written.len(),
        bytes: bytes.sum(),
        bytecode: packs.len(),
        left: left(&lock, events),
        took: begun.elapsed(),
    })
}

/// What was written of what is there.
fn written<T>(done: &[Done<T>]) -> Vec<&T> {
    done.iter().filter(|done| done.put == Put::Written).map(|done| &done.listed).collect()
}

/// Where what is pushed goes, so that it is refused before anything else was done.
///
/// # Errors
/// If no remote store is named, or nothing is to be reached.
pub fn place(settings: &Settings) -> Result<Address, Error> {
    let env = settings.env.clone();
    match settings.remote()? {
        None => Err(Error::NoRemote { env }),
        Some(_) if settings.flags.index.offline => Err(Error::PushOffline { env }),
        Some(address) => Ok(address),
    }
}

/// Wheels of which the lock does not say the size, with that of the list of an earlier push: what is there need not be read.
fn with_sizes(mut wanted: Vec<Wanted>, earlier: Option<&List>) -> Vec<Wanted> {
    let listed = earlier.iter().flat_map(|list| &list.wheels);
    let sizes: BTreeMap<Sha256, u64> = listed.map(|one| (one.sha256, one.size)).collect();
    for wheel in &mut wanted {
        wheel.size = wheel.size.or_else(|| sizes.get(&wheel.sha256).copied());
    }
    wanted
}

/// The packages that are not pushed, which is told.
fn left(lock: &Lock, events: &Events) -> Vec<String> {
    let of_server: BTreeSet<Sha256> = wheels(lock).map(|wheel| wheel.sha256).collect();
    let is_left = |package: &&LockedPackage| {
        package.filename.wheel().is_none()
            || package.sha256.is_none_or(|sha256| !of_server.contains(&sha256))
    };
    let left = lock.packages.iter().filter(is_left).map(|package| package.name.to_string());
    let left: Vec<String> = left.collect();
    if !left.is_empty() {
        let names = left.join(", ");
        let message = format!("not pushed: {names}, which no server has as wheels");
        events(Event::Warning(message));
    }
    left
}

/// Who writes wheels.
struct Pushing<'a> {
    remote: &'a Remote,
    session: &'a Session,
    events: &'a Events,
}

/// Something that is there.
struct Done<T> {
    listed: T,
    /// Whether it was written for that.
    put: Put,
}

impl Pushing<'_> {
    /// Has all of these there; the largest first, because the last to finish decides when all is done.
    async fn all(&self, mut wanted: Vec<Wanted>) -> Result<Vec<Done<Listed>>, Error> {
        wanted.sort_by_key(|wheel| std::cmp::Reverse(wheel.size));
        let one = |wheel: Wanted| async move { self.one(&wheel).await };
        stream::iter(wanted).map(one).buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn one(&self, wheel: &Wanted) -> Result<Done<Listed>, Error> {
        let file = wheel.filename.to_string();
        let listed = |size| Listed { sha256: wheel.sha256, size, file: file.clone() };
        let there = self.remote.has(&wheel.sha256).await?;
        // One of another size was written by something else, or cut off.
        let is_right = match (there, wheel.size) {
            (Some(size), Some(expected)) => size == expected,
            (Some(_), None) => self.remote.is_right(&wheel.sha256).await?,
            (None, _) => false,
        };
        if let Some(size) = there.filter(|_| is_right) {
            (self.events)(Event::Work(Work::Present { wheel: file.clone(), size: Some(size) }));
            return Ok(Done { listed: listed(size), put: Put::There });
        }
        let body = self.bytes(wheel).await?;
        let size = body.size();
        let content = match body {
            Body::Memory(bytes) => Content::Memory(bytes),
            Body::File(file) => Content::File(file),
        };
        let put = match there {
            Some(_) => self.remote.replace(&wheel.sha256, &content).await?,
            None => self.remote.put(&wheel.sha256, &content).await?,
        };
        (self.events)(Event::Detail(format!("pushed {file}")));
        (self.events)(Event::Work(Work::Present { wheel: file.clone(), size: Some(size) }));
        Ok(Done { listed: listed(size), put })
    }

    /// The bytes of a wheel, which are the lock's.
    async fn bytes(&self, wheel: &Wanted) -> Result<Body, Error> {
        let Session { client, cache, .. } = self.session;
        let Location::Url(url) = &wheel.location else {
            return Err(pyfast_installer::Error::NotInStore { wheel: wheel.sha256 }.into());
        };
        let (name, size, received) = (wheel.filename.to_string(), wheel.size, Arc::default());
        (self.events)(Event::Work(Work::Fetching { wheel: name.clone(), size, received }));
        let failed = |error| Error::from(pyfast_installer::Error::Fetch(error));
        let mut came = whole(client, cache, url).await.map_err(failed)?;
        if came.continued && came.sha256 != wheel.sha256 {
            // Parts of two files that a server had one after the other.
            came = whole(client, cache, url).await.map_err(failed)?;
        }
        let Received { body, sha256: found, .. } = came;
        let expected = wheel.sha256;
        if found != expected {
            return Err(
                pyfast_installer::Error::HashMismatch { wheel: name, expected, found }.into()
            );
        }
        Ok(body)
    }
}
