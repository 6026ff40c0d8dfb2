//! How objects get into a remote store: only where they are not there yet, large ones in parts. Owns what is done about a
//! server that does not know that; must not know what an object is.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use object_store::{
    Error as EngineError, ObjectStoreExt as _, PutMode, PutOptions, WriteMultipart,
};
use pyfast_packaging::hash::Sha256;

use crate::error::{Cause, Error};
use crate::list::{List, ListName, PackName};
use crate::remote::{Remote, list_name, pack_name, wheel_name};

/// Larger objects are sent in parts, read from their file one by one.
const LARGE: u64 = 16 << 20;
/// What a part has.
const PART: usize = 8 << 20;
/// Parts of one object under way at once.
const PARTS: usize = 2;
/// A writer that is slower than this, in bytes a second, is given up on.
const SLOWEST: u64 = 16 << 10;

/// The bytes of an object that is written.
#[derive(Debug, Clone)]
pub enum Content {
    /// Few of them.
    Memory(Bytes),
    /// Those of a file, from its beginning.
    File(Arc<File>),
}

/// What came of writing an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is there now.
    Written,
    /// Somebody else was first.
    There,
}

impl Remote {
    /// Writes a wheel, whose digest the caller has compared, unless it is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put(&self, wheel: &Sha256, content: &Content) -> Result<Put, Error> {
        self.write(&wheel_name(wheel), content, PutMode::Create).await
    }

    /// Writes a wheel in the place of one that is not what it should be.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn replace(&self, wheel: &Sha256, content: &Content) -> Result<Put, Error> {
        self.write(&wheel_name(wheel), content, PutMode::Overwrite).await
    }

    /// Writes a pack unless one of its name is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_pack(&self, pack: &PackName, content: &Content) -> Result<Put, Error> {
        self.write(&pack_name(pack), content, PutMode::Create).await
    }

    /// Writes a pack in the place of one that holds something else.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn replace_pack(&self, pack: &PackName, content: &Content) -> Result<Put, Error> {
        self.write(&pack_name(pack), content, PutMode::Overwrite).await
    }

    /// Writes a list, once everything is there that it names. An earlier one of the same name is replaced: it may say less.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn put_list(&self, list: &ListName, content: &List) -> Result<(), Error> {
        let name = list_name(list);
        let bytes =
            content.write().map_err(|words| self.failed("write", &name, Cause::NoList(words)))?;
        self.send(&name, bytes.into(), PutMode::Overwrite).await.map(drop)
    }

    async fn write(&self, name: &str, content: &Content, mode: PutMode) -> Result<Put, Error> {
        let refused = |cause| self.failed("write", name, cause);
        let file = match content {
            Content::Memory(bytes) => return self.send(name, bytes.clone(), mode).await,
            Content::File(file) => file,
        };
        let size =
            file.metadata().map_err(|error| refused(Cause::Engine(error.to_string())))?.len();
        if size > LARGE {
            return self.send_parts(name, file, size).await;
        }
        self.send(name, part(file, 0, size).await.map_err(refused)?, mode).await
    }

    /// Writes an object that has few bytes.
    async fn send(&self, name: &str, bytes: Bytes, mut mode: PutMode) -> Result<Put, Error> {
        if self.unconditional.load(Ordering::Relaxed) {
            mode = PutMode::Overwrite;
        }
        let (path, patience) = (self.path(name), self.to_send(bytes.len() as u64));
        loop {
            let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
            let put = self.engine.store.put_opts(&path, bytes.clone().into(), options);
            match self.within(patience, "write", name, put).await? {
                Ok(_) => return Ok(Put::Written),
                Err(EngineError::AlreadyExists { .. }) => return Ok(Put::There),
                Err(error) if mode == PutMode::Create && is_not_implemented(&error) => {
                    self.unconditional.store(true, Ordering::Relaxed);
                    mode = PutMode::Overwrite;
                }
                Err(error) => return Err(self.failed("write", name, error.into())),
            }
        }
    }

    /// Writes an object in parts; it is there only when all are.
    async fn send_parts(&self, name: &str, file: &Arc<File>, size: u64) -> Result<Put, Error> {
        let (path, patience) = (self.path(name), self.to_send(PART as u64 * (PARTS as u64 + 1)));
        let begun = self.in_time("write", name, self.engine.store.put_multipart(&path)).await?;
        let begun = begun.map_err(|error| self.failed("write", name, error.into()))?;
        let mut upload = WriteMultipart::new_with_chunk_size(begun, PART);
        let mut at = 0;
        while at < size {
            let piece = part(file, at, (size - at).min(PART as u64)).await;
            let sent = match piece {
                Ok(piece) => {
                    at += piece.len() as u64;
                    upload.put(piece);
                    let room = upload.wait_for_capacity(PARTS);
                    self.within(patience, "write", name, room).await.and_then(|sent| {
                        sent.map_err(|error| self.failed("write", name, error.into()))
                    })
                }
                Err(cause) => Err(self.failed("write", name, cause)),
            };
            if let Err(error) = sent {
                // Parts that stay are paid for; the first error is the one to report.
                let _ = self.in_time("write", name, upload.abort()).await;
                return Err(error);
            }
        }
        // It aborts by itself where it fails.
        let finished = self.within(patience, "write", name, upload.finish()).await?;
        finished.map(|_| Put::Written).map_err(|error| self.failed("write", name, error.into()))
    }

    /// How long sending so many bytes may take.
    fn to_send(&self, bytes: u64) -> Duration {
        self.patience.answer + Duration::from_secs(bytes / SLOWEST)
    }
}

/// A server that does not know conditions says so.
fn is_not_implemented(error: &EngineError) -> bool {
    matches!(error, EngineError::NotImplemented { .. })
        || Cause::words_of(error).contains("status code: 501")
}

/// Bytes of a file, on a thread that may wait for the disk.
async fn part(file: &Arc<File>, at: u64, size: u64) -> Result<Bytes, Cause> {
    let file = Arc::clone(file);
    let read = move || {
        let mut bytes = vec![0; usize::try_from(size).map_err(std::io::Error::other)?];
        file.read_exact_at(&mut bytes, at).map(|()| bytes)
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| Cause::Engine(error.to_string()))?;
    read.map(Bytes::from).map_err(|error| Cause::Engine(error.to_string()))
}
