//! A file of a server that comes whole. Owns how much of one is held in memory; does not know what it is for.

use http::{HeaderMap, StatusCode};
use tokio::sync::mpsc;

use crate::cache::Cache;
use crate::client::{Client, Request};
use crate::error::Error;
use crate::joined::joined;
use crate::receiver::{Received, Receiver};

/// So many bytes are held in memory. Nobody asks for a longer range where only a part is needed.
pub(crate) const ROOM: usize = 1 << 20;
/// Pieces that have come and are not taken yet.
const PIECES: usize = 8;

/// An answer with its body.
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) received: Received,
}

/// Fetches a file.
///
/// # Errors
/// What fetching fails with, and [`Error::Spool`].
pub(crate) async fn fetch(
    client: &Client,
    cache: &Cache,
    request: &Request,
) -> Result<Whole, Error> {
    let (sender, pieces) = mpsc::channel(PIECES);
    let cache = cache.clone();
    let receiver = Receiver::new(ROOM, move |_| Ok(cache.nameless()));
    let taken = tokio::task::spawn_blocking(|| receiver.take_all(pieces));
    let answer = client.fetch_pieces(request, &sender).await;
    drop(sender);
    // Where the disk refused, nobody took the rest: that is the cause.
    let received = joined(taken).await.map_err(|source| Error::Spool { source })?;
    let answer = answer?;
    Ok(Whole { status: answer.status, headers: answer.headers, received })
}
