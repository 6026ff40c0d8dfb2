//! The remote store of an environment, as settings name it: who reads it, and under which name the list of a lock's wheels is
//! there. Must not know what becomes of wheels.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::{StreamExt as _, stream};
use pyfast_environment::crew::ToBring;
use pyfast_index::Receiver;
use pyfast_index::cache::Cache;
use pyfast_index::client::{Client, LARGEST_FILE};
use pyfast_installer::Event as Work;
use pyfast_installer::bytecode::Form;
use pyfast_installer::download::Wanted;
use pyfast_installer::interpreter::Interpreter;
use pyfast_installer::link::Habitat;
use pyfast_installer::store::Store;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_remote::{Address, ListName, Proxied, Reach, Reader, Remote};
use pyfast_resolver::Lock;
use pyfast_root::Fingerprint;
use pyfast_settings::Settings;

use crate::error::Error;
use crate::event::{Event, Events};
use crate::session::Session;
use crate::setting::habitat;
use crate::task::Task;

/// Raised where the name of a list gets another meaning.
const VERSION: u32 = 1;
/// Wheels that are taken at once.
const AT_ONCE: usize = 16;
/// So much of a wheel is held in memory.
const ROOM: usize = 1 << 20;

/// Who reads the remote store, where there is one: what it cannot give is a warning, and comes from the index.
///
/// # Errors
/// If settings name what is none, or the engine cannot be made ready with them.
pub(crate) fn reader(
    settings: &Settings,
    client: &Arc<Client>,
    events: &Events,
) -> Result<Option<Arc<Reader>>, Error> {
    let Some(address) = settings.remote()? else { return Ok(None) };
    // What is on this machine's disks needs no network.
    if client.is_offline() && matches!(address, Address::Bucket { .. }) {
        return Ok(None);
    }
    let events = Arc::clone(events);
    let told = move |error: &pyfast_remote::Error| {
        let instead = if error.is_of_bytecode() {
            "bytecode is compiled here"
        } else {
            "wheels come from the index"
        };
        events(Event::Warning(format!("{}; {instead}", error.with_cause())));
    };
    match Remote::open(address, reach(settings, client)?) {
        Ok(remote) => Ok(Some(Arc::new(Reader::new(remote, LARGEST_FILE as u64, told)))),
        // Whatever is wrong with it, an environment is made.
        Err(error) => {
            told(&error);
            Ok(None)
        }
    }
}

/// Which bytecode is taken out of the remote store for an environment, and pushed there: that of a volume or an image, where
/// nobody edits modules and everybody has the same, and only where it is wanted. `compiling` is who would compile.
pub(crate) fn form(task: Task<'_>, compiling: &Interpreter) -> Option<Form> {
    let (settings, habitat) = (task.settings, habitat(task.settings));
    let wanted = settings.remote_bytecode() && habitat == Habitat::Volume;
    let wanted = wanted && matches!(settings.remote(), Ok(Some(_)));
    let compiles = || task.install().compile.unwrap_or_else(|| habitat.compiles());
    if wanted && compiles() { Form::of(compiling) } else { None }
}

/// Makes a remote store ready.
pub(crate) fn open(
    address: Address,
    settings: &Settings,
    client: &Arc<Client>,
) -> Result<Remote, Error> {
    Ok(Remote::open(address, reach(settings, client)?)?)
}

fn reach(settings: &Settings, client: &Arc<Client>) -> Result<Reach, Error> {
    let (variables, patience) = (settings.remote_variables(), settings.remote_patience()?);
    let client = Arc::clone(client);
    let client =
        Arc::new(move |by| client.engine(by == Proxied::Yes).map_err(|error| error.to_string()));
    Ok(Reach { client, variables, patience })
}

/// The name of the list of a lock's wheels, for an interpreter.
pub(crate) fn list_name(lock: &Lock, interpreter: &Interpreter) -> ListName {
    let mut wheels: Vec<String> = digests(lock).iter().map(Sha256::to_string).collect();
    wheels.sort_unstable();
    let Interpreter { implementation, soabi, cache_tag, .. } = interpreter;
    let target = Fingerprint::new("remote-target", VERSION)
        .field("implementation", implementation)
        .fields("soabi", soabi)
        .fields("cache-tag", cache_tag)
        .finish();
    let lock = Fingerprint::new("remote-lock", VERSION).fields("wheels", wheels).finish();
    ListName { lock: Sha256::of(lock.as_bytes()), target: Sha256::of(target.as_bytes()) }
}

/// The wheels of a lock that a remote store may have: files of servers. What lies on one machine is that machine's.
pub(crate) fn wheels(lock: &Lock) -> impl Iterator<Item = Wanted> {
    let of_server = |wanted: &Wanted| matches!(wanted.location, Location::Url(_));
    lock.packages.iter().filter_map(Wanted::of).filter(of_server)
}

/// Whether a store has not all of them.
pub(crate) fn lacks(store: &Store, lock: &Lock) -> Result<bool, Error> {
    Ok(!store.missing(&digests(lock))?.is_empty())
}

fn digests(lock: &Lock) -> Vec<Sha256> {
    wheels(lock).map(|wheel| wheel.sha256).collect()
}

/// Reads the list of a lock's wheels, so that nothing else is asked for.
pub(crate) fn learn(reader: &Reader, what: &ToBring<'_>, session: &Session) {
    let (name, wheels) = (list_name(what.lock, what.interpreter), digests(what.lock));
    session.runtime.block_on(reader.learn(&name, &wheels));
}

/// Takes wheels out of the remote store that nobody else can read it for: each with its bytes, of which the digest is right.
pub(crate) fn take(
    reader: &Reader,
    wheels: Vec<Wanted>,
    session: &Session,
    events: &Events,
) -> Vec<Wanted> {
    let taken = stream::iter(wheels)
        .map(|wanted| async move { one(reader, wanted, &session.cache, events).await })
        .buffer_unordered(AT_ONCE)
        .filter_map(|taken| async move { taken });
    session.runtime.block_on(taken.collect())
}

async fn one(reader: &Reader, wanted: Wanted, cache: &Cache, events: &Events) -> Option<Wanted> {
    let mut coming = reader.wheel(&wanted.sha256, wanted.size).await?;
    let (wheel, size) = (wanted.filename.to_string(), Some(coming.size()));
    let received = Arc::default();
    events(Event::Work(Work::Fetching { wheel, size, received: Arc::clone(&received) }));
    let cache = cache.clone();
    let mut receiver = Receiver::new(ROOM, move |_| Ok(cache.nameless()));
    while let Some(bytes) = reader.piece(&mut coming).await {
        received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        // A disk that is full is found out by whoever needs it.
        receiver.take(&bytes).ok()?;
    }
    if !coming.is_whole() {
        return None;
    }
    let came = receiver.finish();
    if came.sha256 != wanted.sha256 {
        reader.is_wrong(&wanted.sha256, came.sha256);
        return None;
    }
    Some(Wanted { body: Some(came.body), ..wanted })
}
