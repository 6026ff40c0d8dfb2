//! The bytes of an object while they come: bounded by what it is said to have, and given up on where they come too slowly.
//! Must not know what they are.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::{GetResult, GetResultPayload};

use crate::engine::Patience;
use crate::error::{Cause, Error};

/// So much of a file is read at once.
const PIECE: u64 = 256 << 10;

/// An object that comes.
pub struct Coming {
    size: u64,
    came: u64,
    from: From,
    pace: Pace,
    object: String,
    remote: String,
}

/// Where the bytes come from.
enum From {
    File(Arc<File>),
    Stream(BoxStream<'static, object_store::Result<Bytes>>),
}

/// How fast bytes come: only what is waited for counts.
struct Pace {
    patience: Patience,
    waited: Duration,
    came: u64,
}

impl Coming {
    pub(crate) fn new(got: GetResult, object: String, remote: String, patience: Patience) -> Self {
        let size = got.meta.size;
        let from = match got.payload {
            GetResultPayload::File(file, _) => From::File(Arc::new(file)),
            GetResultPayload::Stream(stream) => From::Stream(stream),
        };
        let pace = Pace { patience, waited: Duration::ZERO, came: 0 };
        Self { size, came: 0, from, pace, object, remote }
    }

    /// How many bytes it is said to have.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether all of them have come.
    pub fn is_whole(&self) -> bool {
        self.came == self.size
    }

    /// The next of its bytes; `None` at its end.
    ///
    /// # Errors
    /// If they do not come, come too slowly, or are not as many as was said.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let next = self.piece().await;
        let piece = next.map_err(|cause| self.failed(cause))?;
        self.came += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let over = piece.is_none() && self.came < self.size;
        if over || self.came > self.size {
            let (expected, found) = (self.size, self.came);
            return Err(self.failed(Cause::WrongSize { expected, found }));
        }
        Ok(piece)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, Cause> {
        let silence = self.pace.patience.window;
        let begun = Instant::now();
        let next = async {
            match &mut self.from {
                From::File(file) => read(Arc::clone(file)).await,
                From::Stream(stream) => stream.next().await.transpose().map_err(Cause::from),
            }
        };
        let Ok(piece) = tokio::time::timeout(silence, next).await else {
            return Err(Cause::Silent);
        };
        let piece = piece?;
        self.pace.add(begun.elapsed(), piece.as_ref().map_or(0, |piece| piece.len() as u64))?;
        Ok(piece)
    }

    /// All of its bytes, which are few.
    ///
    /// # Errors
    /// As [`Coming::next`].
    pub async fn whole(mut self) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// That it is not what it must be.
    pub fn failed(&self, cause: Cause) -> Error {
        Error { act: "read", object: self.object.clone(), remote: self.remote.clone(), cause }
    }
}

/// The next bytes of a file, on a thread that may wait for the disk.
async fn read(file: Arc<File>) -> Result<Option<Bytes>, Cause> {
    let read = move || {
        let mut piece = Vec::new();
        (&*file).take(PIECE).read_to_end(&mut piece).map(|_| piece)
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| Cause::Engine(error.to_string()))?;
    let piece = read.map_err(|error| Cause::Engine(error.to_string()))?;
    Ok((!piece.is_empty()).then(|| piece.into()))
}

impl Pace {
    /// Counts bytes that were waited for; whoever has waited for a whole window has to have enough of them.
    fn add(&mut self, waited: Duration, came: u64) -> Result<(), Cause> {
        self.waited += waited;
        self.came += came;
        if self.waited < self.patience.window {
            return Ok(());
        }
        let least = self.waited.as_millis() * u128::from(self.patience.floor) / 1000;
        let enough = u128::from(self.came) >= least;
        (self.waited, self.came) = (Duration::ZERO, 0);
        if enough { Ok(()) } else { Err(Cause::Slow { floor: self.patience.floor }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_sends_less_than_the_floor_over_a_window_is_slow() {
        let patience =
            Patience { answer: Duration::ZERO, window: Duration::from_secs(30), floor: 1 << 10 };
        let come = |pieces: &[(u64, u64)]| {
            let mut pace = Pace { patience, waited: Duration::ZERO, came: 0 };
            pieces.iter().all(|&(waited, came)| pace.add(Duration::from_secs(waited), came).is_ok())
        };
        // A large wheel over a line that is no slower than others, waited for longer than a window.
        assert!(come(&[(10, 4 << 20); 20]));
        assert!(come(&[(29, 0), (1, 30 << 10)]), "a pause is none who gives up");
        assert!(!come(&[(29, 0), (1, 1 << 10)]));
        assert!(!come(&[(30, 40 << 10), (30, 1 << 10)]), "each window counts for itself");
    }
}
