//! Bytes that a thread of its own writes while the engine reads. Must not know what they are.

use std::io::{self, ErrorKind, Write};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_blocking;

/// Bytes that are written ahead of the engine.
const CHUNK: usize = 1 << 18;
const CHUNKS: usize = 8;

/// What is written, as it comes. The last of it is the error with which the writing ended, if it did.
pub(super) fn written(
    write: impl FnOnce(&mut Pipe) -> io::Result<()> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    let (sender, receiver) = channel(CHUNKS);
    spawn_blocking(move || {
        let mut pipe = Pipe { sender: sender.clone(), buffer: Vec::with_capacity(CHUNK) };
        let outcome = write(&mut pipe).and_then(|()| pipe.flush());
        if let Err(error) = outcome {
            // Nobody listens any more when the engine has given up; its answer says why.
            let _ = sender.blocking_send(Err(error));
        }
    });
    unfold(
        receiver,
        |mut receiver| async move { receiver.recv().await.map(|piece| (piece, receiver)) },
    )
}

/// Where it is written.
pub(super) struct Pipe {
    sender: Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == CHUNK {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let sent = self.sender.blocking_send(Ok(piece.into()));
        sent.map_err(|_closed| ErrorKind::BrokenPipe.into())
    }
}
