//! The world that a prefix is made with, lent by the caller.

use std::path::PathBuf;
use std::sync::Arc;

use pyfast_index::client::Client;
use tokio::runtime::Runtime;

use crate::error::Error;
use crate::event::Event;
use crate::logins::Logins;
use crate::mirrors::Mirrors;

/// Files are linked side by side, each on a thread that waits for the disk.
const THREADS: usize = 64;

/// Who reaches servers, what is remembered of channels, and who is told what goes on.
pub struct Tools {
    /// Who reaches servers.
    pub(crate) client: Arc<Client>,
    /// The user's directory for what channels said.
    pub(crate) cache: PathBuf,
    /// Who is told.
    pub(crate) events: Arc<dyn Fn(Event) + Send + Sync>,
    pub(crate) runtime: Runtime,
    /// Where archives lie that are files of another machine.
    pub(crate) archives: Option<PathBuf>,
    /// Which other places are asked.
    pub(crate) mirrors: Mirrors,
    /// What lets in there.
    pub(crate) logins: Logins,
}

impl Tools {
    /// Tools with threads of their own.
    ///
    /// # Errors
    /// If the system gives no threads.
    pub fn new(
        client: Arc<Client>,
        cache: PathBuf,
        events: Arc<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Self, Error> {
        let runtime = threads()?;
        let (mirrors, logins) = Default::default();
        Ok(Self { client, cache, events, runtime, archives: None, mirrors, logins })
    }

    /// The same, where archives of directories lie in this one, by their file names.
    #[must_use]
    pub fn with_archives(self, archives: PathBuf) -> Self {
        Self { archives: Some(archives), ..self }
    }

    /// The same, where archives are asked for in other places than their channels'.
    #[must_use]
    pub fn with_mirrors(self, mirrors: Mirrors) -> Self {
        Self { mirrors, ..self }
    }

    /// The same, let in by what URLs of channels had in them.
    #[must_use]
    pub fn with_logins(self, logins: Logins) -> Self {
        Self { logins, ..self }
    }

    /// Which other places are asked.
    pub fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }
}

/// Threads, which have ended once this is dropped.
///
/// # Errors
/// If the system gives none.
pub(crate) fn threads() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(THREADS)
        .enable_all()
        .build()
        .map_err(Error::Threads)
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools").field("cache", &self.cache).finish_non_exhaustive()
    }
}
