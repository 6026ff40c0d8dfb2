//! A file of a server that comes whole: hashed as it comes, in memory while it is small, and beyond that in a file
//! of the cache's directory that has no name, so that it goes with whoever holds it. Does not know what it is for.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use pyfast_packaging::hash::{OtherDigest, OtherKind, Sha256};
use sha2::Digest as _;
use tokio::sync::mpsc;

use crate::cache::Cache;
use crate::client::{Client, Piece, Request};
use crate::digest;
use crate::error::Error;
use crate::joined::joined;

/// So many bytes are held in memory. Nobody asks for a longer range where only a part is needed.
const ROOM: usize = 1 << 20;
/// Pieces that have come and are not taken yet.
const PIECES: usize = 8;

/// The bytes of a file.
#[derive(Debug, Clone)]
pub enum Body {
    /// Few of them.
    Memory(Bytes),
    /// Many, in a file that nobody else can reach.
    File(Arc<File>),
}

impl Body {
    /// How many there are.
    pub fn size(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File(file) => file.metadata().map_or(u64::MAX, |metadata| metadata.len()),
        }
    }

    /// Their digest of a kind.
    ///
    /// # Errors
    /// [`Error::Spool`] if the file cannot be read.
    pub fn digest(&self, kind: OtherKind) -> Result<OtherDigest, Error> {
        match self {
            Self::Memory(bytes) => Ok(digest::of_bytes(kind, bytes)),
            Self::File(file) => {
                digest::of_file(kind, file).map_err(|source| Error::Spool { source })
            }
        }
    }

    /// All of them in memory.
    pub(crate) fn into_bytes(self) -> io::Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes),
            Self::File(file) => {
                let (mut file, mut content) = (&*file, Vec::new());
                file.rewind()?;
                file.read_to_end(&mut content)?;
                Ok(content.into())
            }
        }
    }
}

/// An answer with its body.
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) sha256: Sha256,
}

/// Fetches a file. Without a cache it stays in memory.
///
/// # Errors
/// What fetching fails with, and [`Error::Spool`].
pub(crate) async fn fetch(
    client: &Client,
    cache: &Cache,
    request: &Request,
) -> Result<Whole, Error> {
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let mut receiver = Receiver { cache: cache.clone(), ..Receiver::default() };
    let take = move || {
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Piece::Begin => receiver.begin(),
                Piece::Data(bytes) => receiver.take(&bytes)?,
            }
        }
        Ok::<_, io::Error>(receiver)
    };
    let taken = tokio::task::spawn_blocking(take);
    let answer = client.fetch_pieces(request, &sender).await;
    drop(sender);
    // Where the disk refused, nobody took the rest: that is the cause.
    let receiver = joined(taken).await.map_err(|source| Error::Spool { source })?;
    let answer = answer?;
    let sha256 = Sha256(receiver.digest.finalize().into());
    let body = match receiver.file {
        Some(file) => Body::File(Arc::new(file)),
        None => Body::Memory(receiver.memory.into()),
    };
    Ok(Whole { status: answer.status, headers: answer.headers, body, sha256 })
}

#[derive(Default)]
struct Receiver {
    cache: Cache,
    digest: sha2::Sha256,
    memory: Vec<u8>,
    file: Option<File>,
}

impl Receiver {
    /// Forgets what came: it comes again from its beginning.
    fn begin(&mut self) {
        self.digest = sha2::Sha256::new();
        self.memory.clear();
        self.file = None;
    }

    fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.digest.update(piece);
        if self.file.is_none() && self.memory.len() + piece.len() > ROOM {
            self.file = self.cache.nameless();
            if let Some(file) = &mut self.file {
                file.write_all(&std::mem::take(&mut self.memory))?;
            }
        }
        if let Some(file) = &mut self.file {
            return file.write_all(piece);
        }
        self.memory.extend_from_slice(piece);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is kept of pieces that came after an attempt that broke off.
    fn received(cache: Cache, pieces: &[&[u8]]) -> Receiver {
        let mut receiver = Receiver { cache, ..Receiver::default() };
        for _ in 0..2 {
            receiver.begin();
            for piece in pieces {
                receiver.take(piece).unwrap();
            }
        }
        receiver
    }

    #[test]
    fn much_goes_to_a_file_without_a_name_and_little_stays_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::new(Some(directory.path().join("cache")));
        let piece = vec![7; ROOM / 2];
        let small = received(cache.clone(), &[&piece, &piece]);
        assert!(small.file.is_none() && small.memory.len() == ROOM);
        let large = received(cache, &[&piece, &piece, b"end"]);
        assert!(large.memory.is_empty());
        let mut file = large.file.unwrap();
        let mut content = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut content).unwrap();
        assert!(content == [&piece[..], &piece, b"end"].concat());
        assert_eq!(Sha256(large.digest.finalize().into()), crate::cache::sha256(&content));
        let names = fs_err::read_dir(directory.path().join("cache")).unwrap();
        assert_eq!(names.count(), 0, "nothing is left to be removed");
    }

    #[test]
    fn without_a_cache_it_stays_in_memory() {
        let piece = vec![7; ROOM];
        let all = received(Cache::new(None), &[&piece, b"end"]);
        assert!(all.file.is_none() && all.memory.len() == ROOM + 3);
    }
}
