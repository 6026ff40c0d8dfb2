//! From wheels wanted to wheels in the store: fetching, checking, unpacking and compiling overlap,
//! and begin while the resolver still works. Knows nothing of environments.
//!
//! Tasks on the runtime fetch, and never wait for a disk: unpacking crosses to rayon, in `Shared::unpack`, all
//! else to threads that may block. What is held in memory at once is bounded, however large wheels are.
//! Inside a process the map of downloads keeps two from one wheel; between processes a lock does.

mod from_remote;
mod packs;
mod receive;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared as SharedFuture, join_all};
use pyfast_index::cache::Cache;
use pyfast_index::client::Client;
use pyfast_index::{Body, joined};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_remote::Reader;
use pyfast_resolver::LockedPackage;
use pyfast_root::{Lock, LockName, Share};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::bytecode::{Compiler, Form};
use crate::error::Error;
use crate::event::{Event, Sink};
use crate::store::{Admission, Store, WheelBytes, WheelInFile};
use receive::Come;

/// Bytes of wheels held in memory at once, in units of [`UNIT`].
const MEMORY_UNITS: u32 = 40 << 4;
const UNIT: u64 = 64 << 10;
/// What the smallest wheel is taken to need, so that not too many are under way.
const LEAST_UNITS: u32 = 8;
/// Larger wheels go to a file piece by piece.
const LARGE: u64 = 16 << 20;
/// What a wheel needs that goes to a file, or of which the size is not known.
const PIECES_UNITS: u32 = 4 << 4;
/// Threads that look at the disk at once.
const LOOKING: usize = 4;
/// How often to look whether another process has finished with a wheel.
const POLL: Duration = Duration::from_millis(10);
/// When to say that another process is waited for.
const SOON: Duration = Duration::from_secs(2);

/// A wheel that is to be in the store.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its file name.
    pub filename: WheelFilename,
    /// Where it is.
    pub location: Location,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes, where that is known.
    pub size: Option<u64>,
    /// Its bytes, where they were already fetched and their digest was checked.
    pub body: Option<Body>,
}

impl Wanted {
    /// The wheel that a package of a lock is; `None` where it is source.
    pub fn of(package: &LockedPackage) -> Option<Self> {
        Some(Self {
            filename: package.filename.wheel()?.clone(),
            location: package.location.clone(),
            sha256: package.sha256?,
            size: package.facts.size,
            body: None,
        })
    }

    /// The file of this machine that it is, where it is one.
    fn local(&self) -> Option<&Path> {
        match &self.location {
            Location::Path(path) => Some(path),
            Location::Url(_) => None,
        }
    }
}

/// What wheels are fetched with.
pub struct Means {
    /// Who asks servers.
    pub client: Arc<Client>,
    /// Where a large file is kept until it is whole.
    pub cache: Cache,
    /// The remote store that is asked before servers.
    pub remote: Option<Arc<Reader>>,
    /// Who compiles each wheel, where that is wanted.
    pub compiler: Option<Compiler>,
    /// Which bytecode is taken out of the remote store, where that is wanted.
    pub bytecode: Option<Form>,
}

type Outcome = SharedFuture<BoxFuture<'static, Result<(), Arc<Error>>>>;

/// Wheels on their way into the store.
pub struct Downloads {
    shared: Arc<Shared>,
    runtime: Handle,
    work: Mutex<HashMap<Sha256, Outcome>>,
}

struct Shared {
    store: Arc<Store>,
    client: Arc<Client>,
    compiler: Option<Compiler>,
    bytecode: Option<Form>,
    /// Where large files are kept that are not whole yet.
    cache: Cache,
    remote: Option<Arc<Reader>>,
    memory: Semaphore,
    looking: Semaphore,
    /// Threads that unpack what has not come whole.
    ahead: Arc<Semaphore>,
    /// Whether it was said that another process is waited for: once is enough.
    told: AtomicBool,
    sink: Sink,
    admitted: Mutex<Vec<Sha256>>,
}

impl Downloads {
    /// Downloads into `store` on `runtime`.
    pub fn new(store: Arc<Store>, means: Means, runtime: &Handle, sink: Sink) -> Self {
        let Means { client, cache, remote, compiler, bytecode } = means;
        let shared = Arc::new(Shared {
            store,
            client,
            compiler,
            bytecode,
            cache,
            remote,
            memory: Semaphore::new(MEMORY_UNITS as usize),
            looking: Semaphore::new(LOOKING),
            ahead: Arc::new(Semaphore::new(2 * rayon::current_num_threads())),
            told: AtomicBool::new(false),
            sink,
            admitted: Mutex::default(),
        });
        Self { shared, runtime: runtime.clone(), work: Mutex::default() }
    }

    /// Starts on a wheel, unless that was done before. Returns at once.
    pub fn start(&self, wanted: Wanted) {
        drop(self.outcome(wanted));
    }

    fn outcome(&self, wanted: Wanted) -> Outcome {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = work.entry(wanted.sha256).or_insert_with(|| {
            let shared = Arc::clone(&self.shared);
            let task =
                self.runtime.spawn(async move { shared.bring(wanted).await.map_err(Arc::new) });
            joined(task).boxed().shared()
        });
        outcome.clone()
    }

    /// The wheels that were unpacked so far.
    pub fn admitted(&self) -> Vec<Sha256> {
        self.shared.admitted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until all of `wanted` are in the store. What was started and is not among them is left
    /// to itself. Must be called outside the runtime.
    ///
    /// # Errors
    /// The first wheel, in the order of `wanted`, that could not be fetched or was refused.
    pub fn finish(&self, wanted: &[Wanted]) -> Result<(), Error> {
        if let Some(remote) = &self.shared.remote {
            // Whoever could read its list has done so.
            remote.settle();
        }
        let mut by_size: Vec<usize> = (0..wanted.len()).collect();
        by_size.sort_by_key(|&index| std::cmp::Reverse(wanted[index].size));
        // The largest first: the last to finish decides when all is done.
        let mut outcomes: Vec<(usize, Outcome)> =
            by_size.into_iter().map(|index| (index, self.outcome(wanted[index].clone()))).collect();
        outcomes.sort_by_key(|(index, _)| *index);
        let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
        let outcomes = self.runtime.block_on(join_all(outcomes));
        outcomes.into_iter().collect::<Result<(), _>>().map_err(Error::Shared)
    }
}

impl Shared {
    async fn bring(self: Arc<Self>, mut wanted: Wanted) -> Result<(), Error> {
        let sha256 = wanted.sha256;
        let file = wanted.local().filter(|_| wanted.size.is_none()).map(Path::to_owned);
        let look = move |shared: &Self| {
            let missing = !shared.store.missing(&[sha256])?.is_empty();
            // What is wrong with a file is said by whoever reads it.
            let size = file.filter(|_| missing).and_then(|file| fs_err::metadata(file).ok());
            Ok((missing, size.map(|facts| facts.len())))
        };
        let (missing, size) = self.look(look).await?;
        wanted.size = wanted.size.or(size);
        if missing {
            self.fetch_and_unpack(&wanted).await?;
        } else {
            self.present(&wanted);
        }
        self.restore(&wanted).await?;
        if self.compiler.is_some() {
            let shared = Arc::clone(&self);
            let compile = move || shared.compile(&sha256);
            return joined(tokio::task::spawn_blocking(compile)).await;
        }
        Ok(())
    }

    /// Looks at the disk on a thread that may wait for it.
    async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // Semaphores are never closed here.
        let _turn = self.looking.acquire().await;
        let shared = Arc::clone(self);
        joined(tokio::task::spawn_blocking(move || act(&shared))).await
    }

    fn compile(&self, sha256: &Sha256) -> Result<(), Error> {
        let Some(compiler) = &self.compiler else { return Ok(()) };
        let modules = compiler.compile(self.store.root(), sha256)?;
        (self.sink)(Event::Compiled { wheel: *sha256, modules });
        Ok(())
    }

    async fn fetch_and_unpack(self: &Arc<Self>, wanted: &Wanted) -> Result<(), Error> {
        let units = units(wanted);
        // Memory first: who has a wheel's lock works on it, and others wait no longer than that takes.
        let mut memory = self.memory.acquire_many(units).await;
        let sha256 = wanted.sha256;
        let turn = self.look(move |shared| shared.queue(&sha256)).await?;
        let _lock = match turn {
            Turn::Over => {
                self.present(wanted);
                return Ok(());
            }
            Turn::Ours(lock) => lock,
            Turn::Others(lock) => {
                drop(memory);
                let shared = Arc::clone(self);
                let wait = move || shared.wait(lock, &sha256);
                let Some(lock) = joined(tokio::task::spawn_blocking(wait)).await? else {
                    self.present(wanted);
                    return Ok(());
                };
                memory = self.memory.acquire_many(units).await;
                lock
            }
        };
        let Come { body, sha256: found, partial, ahead } = match &wanted.body {
            Some(body) => Come::of(body.clone(), Some(sha256)),
            None => match self.from_remote(wanted).await? {
                Some(come) => come,
                None => self.receive(wanted).await?,
            },
        };
        let (filename, expected) = (wanted.filename.clone(), sha256);
        let admit = move |store: &Store| match &body {
            Body::Memory(bytes) => {
                store.admit(&WheelBytes { filename: &filename, expected, found, bytes })
            }
            Body::File(file) => {
                store.admit_open(&WheelInFile { filename: &filename, expected, found, file, ahead })
            }
        };
        let admitted = self.unpack(wanted, admit).await;
        let of_no_use =
            |error: &Error| matches!(error, Error::HashMismatch { .. } | Error::Wheel { .. });
        if let Some(partial) = partial
            && admitted.as_ref().err().is_none_or(of_no_use)
        {
            partial.discard();
        }
        drop(memory);
        admitted
    }

    /// Takes a place in the queue for a wheel.
    fn queue(&self, sha256: &Sha256) -> Result<Turn, Error> {
        let name = LockName::wheel(&sha256.to_string());
        let lock = self.store.root().queue(&name, Share::Alone)?;
        let held = lock.is_held()?;
        // It may have come meanwhile.
        Ok(match held {
            _ if self.store.contains(sha256) => Turn::Over,
            true => Turn::Ours(lock),
            false => Turn::Others(lock),
        })
    }

    /// Waits for another process; `None` if the wheel came into the store meanwhile.
    fn wait(&self, lock: Lock, sha256: &Sha256) -> Result<Option<Lock>, Error> {
        let started = Instant::now();
        loop {
            let held = lock.is_held()?;
            if self.store.contains(sha256) {
                return Ok(None);
            }
            if held {
                return Ok(Some(lock));
            }
            lock.check_patience(started.elapsed())?;
            if started.elapsed() > SOON && !self.told.swap(true, Ordering::Relaxed) {
                (self.sink)(Event::Waiting(lock.waits_for()));
            }
            std::thread::sleep(POLL);
        }
    }

    /// Crosses to rayon; a panic there goes on here.
    async fn unpack(
        self: &Arc<Self>,
        wanted: &Wanted,
        admit: impl FnOnce(&Store) -> Result<Admission, Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        let shared = Arc::clone(self);
        rayon::spawn(move || {
            let admit = std::panic::AssertUnwindSafe(|| admit(&shared.store));
            // Nobody waits any more if the run has already failed.
            let _ = sender.send(std::panic::catch_unwind(admit));
        });
        match receiver.await {
            Ok(Ok(admission)) => self.admitted(wanted, admission?),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_closed) => unreachable!("the closure sends exactly once"),
        }
        Ok(())
    }

    /// Tells that there was nothing to do for a wheel.
    fn present(&self, wanted: &Wanted) {
        (self.sink)(Event::Present { wheel: wanted.filename.to_string(), size: wanted.size });
    }

    fn admitted(&self, wanted: &Wanted, admission: Admission) {
        let Admission::Unpacked(manifest) = admission else { return self.present(wanted) };
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        admitted.push(wanted.sha256);
        drop(admitted);
        (self.sink)(Event::Admitted {
            wheel: wanted.filename.to_string(),
            sha256: wanted.sha256,
            files: manifest.files,
            size: manifest.size,
        });
    }
}

/// Whose turn it is with a wheel.
enum Turn {
    /// Nobody's: it is in the store.
    Over,
    /// Ours.
    Ours(Lock),
    /// Another process's.
    Others(Lock),
}

/// How much memory a wheel takes on its way.
fn units(wanted: &Wanted) -> u32 {
    match wanted.size.filter(|size| *size <= LARGE) {
        Some(size) => u32::try_from(size / UNIT + 1).unwrap_or(MEMORY_UNITS).max(LEAST_UNITS),
        None => PIECES_UNITS,
    }
}
