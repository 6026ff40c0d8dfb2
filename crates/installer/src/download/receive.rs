//! How the bytes of a wheel come: small ones into memory, large ones into a file, where they are gone on with after an
//! interruption. Knows nothing of what is in a wheel, nor who waits for it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use pyfast_index::cache::{Cache, Partial};
use pyfast_index::client::{LARGEST_FILE, Piece, Request};
use pyfast_index::{Arrival, Body, FetchCause, Received, Receiver, joined};
use pyfast_packaging::dist_file::Location;
use pyfast_packaging::hash::Sha256;
use pyfast_root::regular_file;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use url::Url;

use super::{LARGE, Shared, Wanted};
use crate::error::Error;
use crate::event::Event;
use crate::store::ahead::{Ahead, Members};

/// What may be held of a wheel of unknown size before it goes to a file.
pub(super) const ROOM: usize = 2 << 20;
/// Pieces that have come and are not written yet.
pub(super) const PIECES: usize = 8;
/// How much larger than announced a wheel may be before it is not read to its end.
const SLACK: u64 = 16 << 20;

/// The bytes of a wheel that have come.
pub(super) struct Come {
    pub(super) body: Body,
    /// Their digest, where it is known already.
    pub(super) sha256: Option<Sha256>,
    /// The name that they are kept by until the wheel is in the store.
    pub(super) partial: Option<Partial>,
    /// What was unpacked of them already.
    pub(super) ahead: Members,
}

impl Come {
    pub(super) fn of(body: Body, sha256: Option<Sha256>) -> Self {
        Self { body, sha256, partial: None, ahead: Members::default() }
    }
}

/// Who takes the bytes of a wheel, and what is known of the file that they go to, once they do.
pub(super) struct Taking {
    pub(super) receiver: Receiver,
    /// Bytes that are there already.
    have: u64,
    pub(super) spool: Arc<OnceLock<Spool>>,
}

/// A file that bytes go to.
pub(super) struct Spool {
    /// The name that it is kept by.
    partial: Option<Partial>,
    ahead: Arc<Ahead>,
    workers: Vec<JoinHandle<()>>,
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.ahead.stop();
    }
}

impl Spool {
    /// What was unpacked when all had come.
    pub(super) async fn unpacked(&mut self) -> Members {
        for worker in self.workers.drain(..) {
            joined(worker).await;
        }
        self.ahead.take()
    }
}

impl Shared {
    /// Has the bytes of a wheel.
    pub(super) async fn receive(self: &Arc<Self>, wanted: &Wanted) -> Result<Come, Error> {
        let (spool, received) = match &wanted.location {
            Location::Url(url) if wanted.size.is_some_and(|size| size <= LARGE) => {
                // It is hashed where it is unpacked: threads of the runtime have something better to do.
                let body = self.fetch(request(wanted, url), wanted, None).await?;
                return Ok(Come::of(Body::Memory(body), None));
            }
            Location::Url(url) => self.receive_url(wanted, url).await?,
            // What comes at once needs no file on the way, nor to be unpacked while it comes.
            Location::Path(path) if let Some(size) = wanted.size.filter(|size| *size <= LARGE) => {
                let path = path.clone();
                let read = move || read_small(&path, size);
                let body = joined(tokio::task::spawn_blocking(read)).await?;
                return Ok(Come::of(Body::Memory(body), None));
            }
            Location::Path(path) => {
                let (path, shared) = (path.clone(), Arc::clone(self));
                let (sha256, size) = (wanted.sha256, wanted.size);
                let read = move || shared.read_file(&path, sha256, size);
                joined(tokio::task::spawn_blocking(read)).await?
            }
        };
        let mut come = Come::of(received.body, Some(received.sha256));
        if let Some(mut spool) = spool {
            if received.sha256 == wanted.sha256 {
                come.ahead = spool.unpacked().await;
            }
            come.partial = spool.partial.take();
        }
        Ok(come)
    }

    async fn receive_url(
        self: &Arc<Self>,
        wanted: &Wanted,
        url: &Url,
    ) -> Result<(Option<Spool>, Received), Error> {
        let come = self.take(wanted, url, &self.cache).await;
        let again = match &come {
            // The parts may be of two files, or the server gives other bytes than those it says it gives.
            Ok((_, received)) => received.continued && received.sha256 != wanted.sha256,
            // Where the cache is there may be less room than in the root.
            Err(Error::Io { source, path, .. }) => {
                is_full(source) && !self.shares_room_with(path.parent())
            }
            Err(_) => false,
        };
        if !again {
            return come;
        }
        if let Ok((Some(mut spool), _)) = come {
            spool.partial.take().into_iter().for_each(Partial::discard);
        }
        self.take(wanted, url, &Cache::default()).await
    }

    /// Takes a wheel piece by piece: written and hashed on a thread while more comes. What has come before is gone on with.
    async fn take(
        self: &Arc<Self>,
        wanted: &Wanted,
        url: &Url,
        cache: &Cache,
    ) -> Result<(Option<Spool>, Received), Error> {
        let (shared, cache) = (Arc::clone(self), cache.clone());
        let (sha256, size) = (wanted.sha256, wanted.size);
        let prepare = move || shared.taking(cache, sha256, size);
        let Taking { receiver, have, spool } = joined(tokio::task::spawn_blocking(prepare)).await;
        let spool = || Arc::into_inner(spool).and_then(OnceLock::into_inner);
        if have > 0 && wanted.size == Some(have) {
            let read = joined(tokio::task::spawn_blocking(|| receiver.all_before())).await;
            return Ok((spool(), read.map_err(|error| self.refused(error))?));
        }
        let (sender, pieces) = mpsc::channel(PIECES);
        let written = tokio::task::spawn_blocking(|| receiver.take_all(pieces));
        let request = request(wanted, url).resuming(have);
        let fetched = self.fetch(request, wanted, Some(&sender)).await;
        drop(sender);
        let written = joined(written).await;
        let spool = spool();
        match written {
            Ok(received) => match fetched {
                Ok(_) => Ok((spool, received)),
                Err(error) => {
                    if is_too_large(&error)
                        && let Some(partial) = spool.and_then(|mut spool| spool.partial.take())
                    {
                        partial.discard();
                    }
                    Err(error)
                }
            },
            // Nobody took the rest: that is the cause.
            Err(error) => {
                let partial = spool.and_then(|mut spool| spool.partial.take());
                let workspace = self.store.workspace().path();
                let place = partial.as_ref().map_or(workspace, Partial::path).to_owned();
                partial.into_iter().for_each(Partial::discard);
                Err(Error::io("write", &place)(error))
            }
        }
    }

    /// Who takes a wheel of this digest and size.
    pub(super) fn taking(
        self: &Arc<Self>,
        cache: Cache,
        sha256: Sha256,
        size: Option<u64>,
    ) -> Taking {
        let spool = Arc::new(OnceLock::new());
        if let Some(begun) = cache.begun(&sha256) {
            let have = Some(begun.size()).filter(|have| size.is_none_or(|size| *have <= size));
            let have = have.unwrap_or_default();
            if let Ok((receiver, file)) = going_on(&begun, have) {
                // The slot is empty.
                let _ = spool.set(self.spool(file, receiver.arrival(), Some(begun), size));
                return Taking { receiver, have, spool };
            }
            // What cannot be read is of no use.
            begun.discard();
        }
        let room = if size.is_some() { 0 } else { ROOM };
        let (shared, slot) = (Arc::clone(self), Arc::clone(&spool));
        let receiver = Receiver::new(room, move |arrival| {
            let partial = cache.begin(&sha256);
            let file = match &partial {
                Some(partial) => partial.file()?,
                None => shared.store.workspace().nameless()?,
            };
            let copy = file.try_clone()?;
            let _ = slot.set(shared.spool(copy, Arc::clone(arrival), partial, size));
            Ok(Some(file))
        });
        Taking { receiver, have: 0, spool }
    }

    /// A file that bytes go to, of which as many threads as are free begin to unpack what has come.
    fn spool(
        self: &Arc<Self>,
        file: File,
        arrival: Arc<Arrival>,
        partial: Option<Partial>,
        size: Option<u64>,
    ) -> Spool {
        let workspace = self.store.workspace().clone();
        let most = size.unwrap_or(LARGEST_FILE as u64);
        let ahead = Arc::new(Ahead::new(file, arrival, workspace, most));
        let turns = std::iter::from_fn(|| Arc::clone(&self.ahead).try_acquire_owned().ok());
        let workers = turns.take(rayon::current_num_threads()).map(|turn| {
            let ahead = Arc::clone(&ahead);
            tokio::task::spawn_blocking(move || {
                ahead.work();
                drop(turn);
            })
        });
        let workers = workers.collect();
        Spool { partial, ahead, workers }
    }

    /// Fetches a wheel whole, or into `pieces`.
    async fn fetch(
        &self,
        request: Request,
        wanted: &Wanted,
        pieces: Option<&mpsc::Sender<Piece>>,
    ) -> Result<Bytes, Error> {
        let wheel = wanted.filename.to_string();
        let received = Arc::new(AtomicU64::new(0));
        let request = request.counted(Arc::clone(&received));
        (self.sink)(Event::Fetching { wheel, size: wanted.size, received });
        let answer = match pieces {
            None => self.client.fetch(&request).await,
            Some(pieces) => self.client.fetch_pieces(&request, pieces).await,
        };
        let answer = answer.map_err(Error::Fetch)?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let (url, status) = (request.url, answer.status.as_u16());
        Err(Error::Fetch(pyfast_index::Error::Status { url, status, attempts: 1 }))
    }

    /// Takes a file of this machine. Somebody may change it meanwhile: what is unpacked is what was hashed.
    fn read_file(
        self: &Arc<Self>,
        path: &Path,
        sha256: Sha256,
        size: Option<u64>,
    ) -> Result<(Option<Spool>, Received), Error> {
        let failed = |error: io::Error| Error::io("read", path)(error);
        let mut file = regular_file::open(path).map_err(failed)?;
        let taking = self.taking(Cache::default(), sha256, size.filter(|size| *size > LARGE));
        let Taking { mut receiver, spool, .. } = taking;
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer).map_err(failed)? {
                0 => break,
                count => receiver.take(&buffer[..count]).map_err(|error| self.refused(error))?,
            }
        }
        let received = receiver.finish();
        Ok((Arc::into_inner(spool).and_then(OnceLock::into_inner), received))
    }

    /// Whether a directory is where the root has its room.
    fn shares_room_with(&self, directory: Option<&Path>) -> bool {
        let device = |path: &Path| fs_err::metadata(path).map(|found| found.dev()).ok();
        directory.and_then(device) == device(self.store.workspace().path())
    }

    /// The disk did not take a wheel that comes in pieces.
    pub(super) fn refused(&self, error: io::Error) -> Error {
        Error::io("write", self.store.workspace().path())(error)
    }
}

/// A file of this machine that is said to have no more than `size` bytes; one more byte where it has more, which its
/// digest tells.
fn read_small(path: &Path, size: u64) -> Result<Bytes, Error> {
    let failed = |error: io::Error| Error::io("read", path)(error);
    let file = regular_file::open(path).map_err(failed)?;
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    file.take(size + 1).read_to_end(&mut content).map_err(failed)?;
    Ok(content.into())
}

/// The request for a wheel.
fn request(wanted: &Wanted, url: &Url) -> Request {
    // A little more than was announced, so that a file that changed is told by its hash.
    let limit = wanted.size.map(|size| size.saturating_add(SLACK));
    let limit = limit.and_then(|size| usize::try_from(size).ok());
    Request::file(url.clone(), limit.unwrap_or(LARGEST_FILE))
}

/// Who takes what is missing of a file, of which `have` bytes are there and hashed.
fn going_on(begun: &Partial, have: u64) -> io::Result<(Receiver, File)> {
    let mut receiver = Receiver::onto(begun.file()?, have);
    receiver.catch_up()?;
    Ok((receiver, begun.file()?))
}

/// Whether there is more of a wheel than is ever taken.
fn is_too_large(error: &Error) -> bool {
    matches!(
        error,
        Error::Fetch(pyfast_index::Error::Fetch { cause, .. })
            if matches!(**cause, FetchCause::TooLarge { .. })
    )
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
