//! A container that must not outlive its use. Owns the removal on every way out: success, error, a dropped future
//! (Ctrl-C); must not know what runs inside.

use std::time::{Duration, SystemTime};

use super::owner::Owner;
use crate::engine::{ContainerSpec, Engine, Exit, Output, Parcel};
use crate::error::Error;

/// How long a removal may hold up the end of an interrupted process.
const REMOVAL_DEADLINE: Duration = Duration::from_secs(5);

/// Age at which a container that does not run cannot be in use by another process any more.
const ABANDONED: Duration = Duration::from_mins(10);

/// Removes what killed processes have left, containers of this crate alone: those whose process has ended, running or not,
/// and of processes that cannot be asked for from here those that do not run and are older than ten minutes. Returns how
/// many there were.
///
/// # Errors
/// The engine's own failures.
pub async fn remove_leftovers<E: Engine>(engine: &E, now: SystemTime) -> Result<usize, Error> {
    let this = Owner::of_process();
    let mut removed = 0;
    for container in engine.scratch_containers().await? {
        let age = now.duration_since(container.created).unwrap_or_default();
        let ended = this.as_ref().is_some_and(|this| this.has_ended(&container.owner));
        if ended || (!container.running && age > ABANDONED) {
            engine.remove_container(&container.id).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// A created container that is removed at the end.
pub(crate) struct Scratch<E: Engine> {
    engine: E,
    id: Option<String>,
}

impl<E: Engine> Scratch<E> {
    pub(crate) async fn create(engine: &E, spec: &ContainerSpec) -> Result<Self, Error> {
        let owner = Owner::of_process().map(|owner| owner.to_label()).unwrap_or_default();
        let id = engine.create_container(&ContainerSpec { owner, ..spec.clone() }).await?;
        Ok(Self { engine: engine.clone(), id: Some(id) })
    }

    /// Creates a container, puts files into it and runs its command, whose output is handed over as it comes. Gives the
    /// container back, with what its command has left in it, and the exit code.
    pub(crate) async fn run(
        engine: &E,
        spec: &ContainerSpec,
        files: &[Parcel],
        output: &mut (dyn FnMut(Output<'_>) + Send),
    ) -> Result<(Self, i64), Error> {
        let container = Self::create(engine, spec).await?;
        match container.put_and_run(files, output).await {
            Ok(Exit::Code(code)) => Ok((container, code)),
            Ok(Exit::NotFound(message) | Exit::NotExecutable(message)) => {
                container.remove().await?;
                let command = spec.argv.first().cloned().unwrap_or_default();
                Err(Error::NotStarted { image: spec.image.clone(), command, message })
            }
            Err(error) => {
                // What went wrong first is what is told.
                let _ = container.remove().await;
                Err(error)
            }
        }
    }

    async fn put_and_run(
        &self,
        files: &[Parcel],
        output: &mut (dyn FnMut(Output<'_>) + Send),
    ) -> Result<Exit, Error> {
        for parcel in files {
            self.engine.put_archive(self.id(), parcel).await?;
        }
        self.engine.run_container(self.id(), output).await
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Image, Recorded};
    use crate::volume::store::never_started;

    #[tokio::test]
    async fn only_old_containers_that_do_not_run_are_leftovers() {
        let engine = Recorded::new().with_image("slim", Image::default());
        // Of a machine that cannot be asked.
        let spec = ContainerSpec { owner: "far:pid[1]:1:1".into(), ..never_started("v1", "slim") };
        let idle = engine.create_container(&spec).await.unwrap();
        let busy = engine.create_container(&spec).await.unwrap();
        engine.run_container(&busy, &mut |_| {}).await.unwrap();
        // The fake's containers are as old as the epoch.
        let soon = SystemTime::UNIX_EPOCH + Duration::from_mins(9);
        assert_eq!(remove_leftovers(&engine, soon).await.unwrap(), 0);
        let later = SystemTime::UNIX_EPOCH + Duration::from_mins(11);
        assert_eq!(remove_leftovers(&engine, later).await.unwrap(), 1);
        assert!(!engine.containers().contains(&idle));
        assert_eq!(engine.containers(), [busy]);
    }

    #[tokio::test]
    async fn what_a_process_left_goes_once_it_has_ended_and_not_before() {
        let engine = Recorded::new().with_image("slim", Image::default());
        let used = Scratch::create(&engine, &never_started("v1", "slim")).await.unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let own = Owner::of_process().unwrap().to_label();
        let (place, _) = own.rsplit_once(':').unwrap().0.rsplit_once(':').unwrap();
        let owner = format!("{place}:{}:1", child.id());
        child.wait().unwrap();
        let spec = ContainerSpec { owner, ..never_started("v1", "slim") };
        let left = engine.create_container(&spec).await.unwrap();
        engine.run_container(&left, &mut |_| {}).await.unwrap();
        // However young, and though it runs.
        assert_eq!(remove_leftovers(&engine, SystemTime::UNIX_EPOCH).await.unwrap(), 1);
        assert_eq!(engine.containers(), [used.id()]);
    }
}
