//! From wheels wanted to wheels in the store: fetching, checking, unpacking and compiling overlap,
//! and begin while the resolver still works. Knows nothing of environments.
//!
//! Tasks on the runtime fetch; unpacking crosses to rayon once, in [`Shared::unpack`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared as SharedFuture, join_all};
use pyfast_index::client::{Client, LARGEST_FILE, Request};
use pyfast_index::joined;
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::hash::Sha256;
use pyfast_resolver::LockedPackage;
use pyfast_root::{Lock, LockName, Share};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};

use crate::bytecode::Compiler;
use crate::error::Error;
use crate::event::Event;
use crate::store::{Admission, Store, WheelBytes};

/// Bytes of wheels held in memory at once, in units of [`UNIT`].
const MEMORY_UNITS: u32 = 40 << 4;
const UNIT: u64 = 64 << 10;
/// What a wheel of unknown size is taken to need.
const UNKNOWN_UNITS: u32 = 4 << 4;
/// How much larger than announced a wheel may be before it is not read to its end.
const SLACK: u64 = 16 << 20;
/// How often to look whether another process has finished with a wheel.
const POLL: Duration = Duration::from_millis(10);
/// When to say that another process is waited for, and when to give up.
const SOON: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_mins(5);

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
    pub body: Option<Bytes>,
}

impl Wanted {
    /// The wheel that a package of a lock is; `None` where it is source.
    pub fn of(package: &LockedPackage) -> Option<Self> {
        Some(Self {
            filename: package.filename.wheel()?.clone(),
            location: package.location.clone(),
            sha256: package.sha256?,
            size: package.size,
            body: None,
        })
    }
}

/// Called with each step.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;

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
    memory: Semaphore,
    sink: Sink,
    admitted: Mutex<Vec<Sha256>>,
}

impl Downloads {
    /// Downloads into `store` on `runtime`; with a compiler, each wheel is compiled as well.
    pub fn new(
        store: Arc<Store>,
        client: Arc<Client>,
        compiler: Option<Compiler>,
        runtime: &Handle,
        sink: Sink,
    ) -> Self {
        let memory = Semaphore::new(MEMORY_UNITS as usize);
        let shared =
            Arc::new(Shared { store, client, compiler, memory, sink, admitted: Mutex::default() });
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
    async fn bring(self: Arc<Self>, wanted: Wanted) -> Result<(), Error> {
        if !self.store.missing(&[wanted.sha256])?.is_empty() {
            self.fetch_and_unpack(&wanted).await?;
        }
        if self.compiler.is_some() {
            let sha256 = wanted.sha256;
            let shared = Arc::clone(&self);
            let compile = move || shared.compile(&sha256);
            return joined(tokio::task::spawn_blocking(compile)).await;
        }
        Ok(())
    }

    fn compile(&self, sha256: &Sha256) -> Result<(), Error> {
        let Some(compiler) = &self.compiler else { return Ok(()) };
        let modules = compiler.compile(self.store.root(), sha256)?;
        (self.sink)(Event::Compiled { wheel: *sha256, modules });
        Ok(())
    }

    async fn fetch_and_unpack(self: &Arc<Self>, wanted: &Wanted) -> Result<(), Error> {
        let units = wanted.size.map_or(UNKNOWN_UNITS, |size| {
            u32::try_from(size / UNIT + 1).unwrap_or(u32::MAX).min(MEMORY_UNITS)
        });
        // Of several processes that want a wheel one fetches it; the others find it in the store.
        let Some(_lock) = self.lock(&wanted.sha256).await? else { return Ok(()) };
        // The semaphore is never closed.
        let _memory = self.memory.acquire_many(units).await;
        let bytes = match (&wanted.body, &wanted.location) {
            (Some(body), _) => body.clone(),
            (None, Location::Path(path)) => {
                Bytes::from(fs_err::read(path).map_err(Error::io("read", path))?)
            }
            (None, Location::Url(url)) => {
                (self.sink)(Event::Fetching {
                    wheel: wanted.filename.to_string(),
                    size: wanted.size,
                });
                // A little more than was announced, so that a file that changed is told by its hash.
                let limit = wanted.size.map(|size| size.saturating_add(SLACK));
                let limit = limit.and_then(|size| usize::try_from(size).ok());
                let request = Request::file(url.clone(), limit.unwrap_or(LARGEST_FILE));
                let answer = self.client.fetch(&request).await.map_err(Error::Fetch)?;
                if !answer.status.is_success() {
                    return Err(Error::Fetch(pyfast_index::Error::Status {
                        url: url.clone(),
                        status: answer.status.as_u16(),
                        attempts: 1,
                    }));
                }
                answer.body
            }
        };
        self.unpack(wanted, bytes).await
    }

    /// Takes the wheel's lock; `None` if the wheel came into the store meanwhile.
    async fn lock(&self, sha256: &Sha256) -> Result<Option<Lock>, Error> {
        let name = LockName::wheel(&sha256.to_string());
        let lock = self.store.root().queue(&name, Share::Alone)?;
        let started = Instant::now();
        let mut told = false;
        loop {
            let held = lock.is_held()?;
            if self.store.contains(sha256) {
                return Ok(None);
            }
            if held {
                return Ok(Some(lock));
            }
            if started.elapsed() > PATIENCE {
                return Err(lock.timeout(PATIENCE).into());
            }
            if started.elapsed() > SOON && !std::mem::replace(&mut told, true) {
                (self.sink)(Event::Waiting(lock.waits_for()));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Crosses to rayon; a panic there goes on here.
    async fn unpack(self: &Arc<Self>, wanted: &Wanted, bytes: Bytes) -> Result<(), Error> {
        let (sender, receiver) = oneshot::channel();
        let (shared, filename, sha256) = (Arc::clone(self), wanted.filename.clone(), wanted.sha256);
        let found = wanted.body.is_some().then_some(sha256);
        rayon::spawn(move || {
            let admit = std::panic::AssertUnwindSafe(|| {
                let expected = sha256;
                let bytes = &bytes[..];
                shared.store.admit(&WheelBytes { filename: &filename, expected, found, bytes })
            });
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

    fn admitted(&self, wanted: &Wanted, admission: Admission) {
        if let Admission::Unpacked(manifest) = admission {
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
}
