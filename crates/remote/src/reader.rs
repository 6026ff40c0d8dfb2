//! A remote store as an installation asks it: what it does not have, or cannot give, comes from elsewhere, and nothing that
//! it does is an error. Whoever failed once in a run is not asked again, or each wheel would wait for it anew.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pyfast_packaging::hash::Sha256;

use crate::coming::Coming;
use crate::error::{Cause, Error};
use crate::list::ListName;
use crate::remote::{Remote, wheel_name};

/// Told why a remote store is not asked any more, once.
type Told = Box<dyn Fn(&Error) + Send + Sync>;

/// A remote store that is asked for wheels.
pub struct Reader {
    remote: Remote,
    /// What a list says that it has, of the environment that is wanted.
    listed: OnceLock<BTreeSet<Sha256>>,
    /// The most that a wheel has, in bytes: whatever is larger is none.
    most: u64,
    /// Whether it has failed.
    over: AtomicBool,
    told: Told,
}

impl Reader {
    /// Asks a remote store for wheels of so many bytes at most; `told` hears once why it is not asked any more.
    pub fn new(remote: Remote, most: u64, told: impl Fn(&Error) + Send + Sync + 'static) -> Self {
        let (listed, over) = (OnceLock::new(), AtomicBool::new(false));
        Self { remote, listed, most, over, told: Box::new(told) }
    }

    /// Reads the list of an environment that consists of these wheels, so that nothing else is asked for. One that does not
    /// name them all is none of it, and each is asked for.
    pub async fn learn(&self, list: &ListName, wheels: &[Sha256]) {
        if self.is_over() {
            return;
        }
        match self.remote.list(list).await {
            Ok(Some(list)) => {
                let listed: BTreeSet<_> =
                    list.wheels.into_iter().map(|wheel| wheel.sha256).collect();
                if wheels.iter().all(|wheel| listed.contains(wheel)) {
                    // The first of two that ask has said the same.
                    let _ = self.listed.set(listed);
                }
            }
            Ok(None) => {}
            Err(error) => self.give_up(&error),
        }
    }

    /// A wheel that it has, of this size where that is known.
    pub async fn wheel(&self, wheel: &Sha256, size: Option<u64>) -> Option<Coming> {
        let missing = self.listed.get().is_some_and(|listed| !listed.contains(wheel));
        if missing || self.is_over() {
            return None;
        }
        let coming = match self.remote.get(wheel).await {
            Ok(coming) => coming?,
            Err(error) => {
                self.give_up(&error);
                return None;
            }
        };
        if let Some(expected) = size.filter(|size| *size != coming.size()) {
            let found = coming.size();
            self.give_up(&coming.failed(Cause::WrongSize { expected, found }));
            return None;
        }
        (coming.size() <= self.most).then_some(coming)
    }

    /// The next bytes of a wheel; `None` at its end, and where it breaks off: [`Coming::is_whole`] tells which.
    pub async fn piece(&self, coming: &mut Coming) -> Option<Bytes> {
        coming.next().await.unwrap_or_else(|error| {
            self.give_up(&error);
            None
        })
    }

    /// That a wheel of it has other bytes than its name promises.
    pub fn is_wrong(&self, wheel: &Sha256, found: Sha256) {
        let cause = Cause::WrongBytes { found };
        self.give_up(&self.remote.failed("use", &wheel_name(wheel), cause));
    }

    /// Asks nothing more of it.
    pub fn give_up(&self, error: &Error) {
        if !self.over.swap(true, Ordering::Relaxed) {
            (self.told)(error);
        }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}
