//! A container that must not outlive its use. Owns the removal on every way out: success, error, a dropped future
//! (Ctrl-C); must not know what runs inside.

use std::time::Duration;

use crate::engine::{ContainerSpec, Engine};
use crate::error::Error;

/// How long a removal may hold up the end of an interrupted process.
const REMOVAL_DEADLINE: Duration = Duration::from_secs(5);

/// A created container that is removed at the end.
pub(crate) struct Scratch<E: Engine> {
    engine: E,
    id: Option<String>,
}

impl<E: Engine> Scratch<E> {
    pub(crate) async fn create(engine: &E, spec: &ContainerSpec) -> Result<Self, Error> {
        let id = engine.create_container(spec).await?;
        Ok(Self { engine: engine.clone(), id: Some(id) })
    }

    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().expect("the id is taken only by what consumes the value")
    }

    /// Removes the container in the ordinary way.
    pub(crate) async fn remove(mut self) -> Result<(), Error> {
        let removed = self.engine.remove_container(self.id()).await;
        self.id = None;
        removed
    }
}

impl<E: Engine> Drop for Scratch<E> {
    fn drop(&mut self) {
        let Some(id) = self.id.take() else { return };
        let engine = self.engine.clone();
        // The runtime that dropped us may be shutting down and would never poll a spawned task, so the removal
        // gets a runtime and a thread of its own and is waited for. A failure has nobody left to be told to.
        let removal = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                let act = engine.remove_container(&id);
                let _ =
                    runtime.block_on(async { tokio::time::timeout(REMOVAL_DEADLINE, act).await });
            }
        });
        let _ = removal.join();
    }
}
