//! What making a lock needs of the world, and what it tells while it works.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::build_source::BuildSource;
use crate::candidate::Candidate;
use crate::sources::Sources;
use pyfast_index::Body;
use pyfast_index::cache::Cache;
use pyfast_index::client::Client;

/// What making a lock needs of the world.
#[derive(Clone)]
pub struct LockTools {
    /// Fetches.
    pub client: Arc<Client>,
    /// Pages, metadata, archives and clones.
    pub cache: Cache,
    /// Where packages are looked for.
    pub sources: Sources,
    /// Where fetching runs.
    pub runtime: Handle,
    /// Who makes metadata that a source does not state; `None` where nothing may be built.
    pub build: Option<Arc<dyn BuildSource>>,
    /// Wheels up to this size in bytes are fetched whole where metadata is needed, because they are
    /// going to be installed; 0 where nothing will be.
    pub whole_up_to: u64,
}

/// What is told on the way to a lock for one target. Where there are several, nothing is: who listens
/// would fetch what only other machines need.
#[derive(Debug)]
pub enum LockEvent<'a> {
    /// The solver decided on a file for now. Most of these decisions are final.
    Decided {
        /// The file, with its digest where it is known.
        candidate: &'a Candidate,
        /// Its bytes, where they came along with its metadata.
        body: Option<Body>,
    },
}

/// Who is told.
pub type Events<'a> = &'a (dyn Fn(LockEvent<'_>) + Sync);
