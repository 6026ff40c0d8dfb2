//! What the installer tells while it works. The command line alone turns events into text.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use pyfast_packaging::hash::Sha256;
use pyfast_root::Waiting;

/// Called with each step.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// A step of the installation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A wheel is being fetched.
    Fetching {
        /// The wheel's file name.
        wheel: String,
        /// Its size in bytes, where that is known.
        size: Option<u64>,
        /// How many bytes came so far, for whoever looks from time to time.
        received: Arc<AtomicU64>,
    },
    /// A wheel that is wanted was in the store already.
    Present {
        /// The wheel's file name.
        wheel: String,
        /// Its size in bytes, where that is known.
        size: Option<u64>,
    },
    /// A source distribution is being built.
    Building {
        /// What is built: `name==version`, a file name or a path.
        source: String,
    },
    /// A build has ended, well or not.
    BuildEnded {
        /// What was built, as it was named when it began.
        source: String,
    },
    /// A wheel was verified, unpacked and admitted to the store.
    Admitted {
        /// The wheel's file name.
        wheel: String,
        /// Its digest.
        sha256: Sha256,
        /// Number of files.
        files: u64,
        /// Bytes on disk.
        size: u64,
    },
    /// A wheel's modules were compiled in the store.
    Compiled {
        /// The wheel's digest.
        wheel: Sha256,
        /// Number of modules compiled.
        modules: u64,
    },
    /// A wheel's bytecode came from the remote store.
    Restored {
        /// The wheel's file name.
        wheel: String,
        /// Number of modules that have bytecode now.
        modules: usize,
    },
    /// Another process holds a lock that is needed.
    Waiting(Waiting),
    /// A generation was composed, or found ready.
    Composed {
        /// Its id.
        id: String,
        /// Whether it existed before.
        reused: bool,
    },
    /// Something the user should know that stops nothing.
    Warning {
        /// The whole message.
        message: String,
    },
}
