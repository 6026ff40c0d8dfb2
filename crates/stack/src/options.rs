//! How a project is brought up, as whoever asks for it says. Owns no rule about it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a project is brought up.
#[derive(Debug, Clone, Default)]
pub struct UpOptions {
    /// Services, with what they depend on; none is all.
    pub services: Vec<String>,
    /// Whether all images are built that can be.
    pub rebuild: bool,
    /// Whether to wait until services are healthy.
    pub wait: bool,
    /// How long, for each; `None` as its health check says.
    pub deadline: Option<Duration>,
    /// Services whose images are built.
    pub build: BTreeSet<String>,
    /// What rules have done, for which nothing is restarted.
    pub following: Following,
}

/// What was done by rules since watching began.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// Places that were synced or are ignored, by service: nothing restarts it for them any more.
    pub(crate) synced: BTreeMap<String, BTreeSet<String>>,
    /// Containers that got all files of the rules that ask for it.
    pub(crate) filled: BTreeSet<String>,
}
