//! Wheels of a remote store: what it has comes from there, what it has wrong or does not give comes from where the lock
//! says. Knows nothing of how a remote store is reached, nor what is in a wheel.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use pyfast_index::cache::Cache;
use pyfast_index::client::Piece;
use pyfast_index::{Body, joined};
use pyfast_packaging::hash::Sha256;
use pyfast_remote::{Coming, Reader};
use tokio::sync::mpsc;

use super::receive::{Come, PIECES, ROOM, Taking};
use super::{LARGE, Shared, Wanted};
use crate::error::Error;
use crate::event::Event;

impl Shared {
    /// Has the bytes of a wheel from the remote store, where it has them and they are right.
    pub(super) async fn from_remote(
        self: &Arc<Self>,
        wanted: &Wanted,
    ) -> Result<Option<Come>, Error> {
        // What lies on this machine is nearer.
        let Some(remote) = self.remote.as_ref().filter(|_| wanted.local().is_none()) else {
            return Ok(None);
        };
        let Some(coming) = remote.wheel(&wanted.sha256, wanted.size).await else {
            return Ok(None);
        };
        let received = Arc::<AtomicU64>::default();
        let (wheel, size) = (wanted.filename.to_string(), Some(coming.size()));
        (self.sink)(Event::Fetching { wheel, size, received: Arc::clone(&received) });
        // No more than what was counted on for it is held in memory.
        let room = wanted.size.map_or(ROOM as u64, |size| size.min(LARGE));
        let come = if coming.size() <= room {
            in_memory(coming, remote, &received).await
        } else {
            self.in_pieces(coming, remote, wanted, &received).await?
        };
        let Some(come) = come else { return Ok(None) };
        match come.sha256.filter(|found| *found != wanted.sha256) {
            Some(found) => {
                remote.is_wrong(&wanted.sha256, found);
                Ok(None)
            }
            None => Ok(Some(come)),
        }
    }

    /// Takes a large wheel piece by piece, into a file that nobody goes on with: whatever else comes of it is another's.
    async fn in_pieces(
        self: &Arc<Self>,
        mut coming: Coming,
        remote: &Reader,
        wanted: &Wanted,
        received: &AtomicU64,
    ) -> Result<Option<Come>, Error> {
        let (shared, sha256, size) = (Arc::clone(self), wanted.sha256, Some(coming.size()));
        let prepare = move || shared.taking(Cache::default(), sha256, size);
        let Taking { receiver, spool, .. } = joined(tokio::task::spawn_blocking(prepare)).await;
        let (sender, pieces) = mpsc::channel(PIECES);
        let written = tokio::task::spawn_blocking(|| receiver.take_all(pieces));
        while let Some(bytes) = remote.piece(&mut coming).await {
            received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            // Who takes no more says why.
            if sender.send(Piece::Data(bytes)).await.is_err() {
                break;
            }
        }
        drop(sender);
        let written = joined(written).await.map_err(|error| self.refused(error))?;
        if !coming.is_whole() {
            return Ok(None);
        }
        let mut come = Come::of(written.body, Some(written.sha256));
        if let Some(mut spool) = Arc::into_inner(spool).and_then(OnceLock::into_inner)
            && written.sha256 == wanted.sha256
        {
            come.ahead = spool.unpacked().await;
        }
        Ok(Some(come))
    }
}

/// Takes a small wheel whole.
async fn in_memory(mut coming: Coming, remote: &Reader, received: &AtomicU64) -> Option<Come> {
    let mut content = Vec::with_capacity(usize::try_from(coming.size()).unwrap_or_default());
    while let Some(bytes) = remote.piece(&mut coming).await {
        received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        content.extend_from_slice(&bytes);
    }
    if !coming.is_whole() {
        return None;
    }
    // Threads of the runtime have something better to do.
    let hash = move || (Sha256::of(&content), content);
    let (found, content) = joined(tokio::task::spawn_blocking(hash)).await;
    Some(Come::of(Body::Memory(content.into()), Some(found)))
}
