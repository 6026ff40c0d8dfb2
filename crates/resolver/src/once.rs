//! Work that is started once for each key, whoever asks first, and shared by all who ask.

use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;

use crate::error::Error;

type Outcome<V> = Result<V, Arc<Error>>;

/// A map of running and finished work.
pub(crate) struct OnceMap<K, V> {
    runtime: Handle,
    work: Mutex<FxHashMap<K, Shared<BoxFuture<'static, Outcome<V>>>>>,
}

impl<K, V> OnceMap<K, V>
where
    K: Eq + Hash,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, work: Mutex::default() }
    }

    /// Starts `work` for a key unless that was done before; gives the shared outcome.
    pub(crate) fn start<F>(
        &self,
        key: K,
        work: impl FnOnce() -> F,
    ) -> Shared<BoxFuture<'static, Outcome<V>>>
    where
        F: Future<Output = Outcome<V>> + Send + 'static,
    {
        let mut map = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        map.entry(key)
            .or_insert_with(|| {
                let task = self.runtime.spawn(work());
                let outcome = async move {
                    match task.await {
                        Ok(outcome) => outcome,
                        Err(error) if error.is_panic() => {
                            std::panic::resume_unwind(error.into_panic())
                        }
                        Err(error) => Err(Arc::new(Error::Setting(error.to_string()))),
                    }
                };
                outcome.boxed().shared()
            })
            .clone()
    }

    /// Waits for an outcome from outside the runtime.
    pub(crate) fn wait(&self, outcome: Shared<BoxFuture<'static, Outcome<V>>>) -> Outcome<V> {
        if let Some(outcome) = outcome.peek() {
            return outcome.clone();
        }
        self.runtime.block_on(outcome)
    }

    /// Replaces the outcome of a key.
    pub(crate) fn replace(&self, key: K, value: V) {
        let outcome = std::future::ready(Ok(value)).boxed().shared();
        // A shared future is only peekable once it was polled.
        let _ = outcome.clone().now_or_never();
        self.work.lock().unwrap_or_else(PoisonError::into_inner).insert(key, outcome);
    }
}
