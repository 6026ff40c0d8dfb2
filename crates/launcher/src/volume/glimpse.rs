//! What can be told of a volume from outside, without anything that runs in a container: whether it is the one that it was,
//! whether its machine was started anew, and when directories in it were written to last. Owns these three; must not know
//! what is in the directories.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::scratch::Scratch;
use super::store::{ID_LABEL, MOUNT_POINT, never_started};
use crate::engine::{Container, Services, Status, Volume};
use crate::error::Error;

/// How many containers bear witness: more than one, because a restart of one says nothing of the machine.
const WITNESSES: usize = 3;

/// How a volume looked to somebody who looked from inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Glimpse {
    /// Which volume it was.
    volume: String,
    /// Containers that ran on it, each with its start: as long as one runs on, the machine was not started anew, and
    /// nothing that was written before is lost.
    running: BTreeMap<String, String>,
    /// When directories were written to last, by their paths relative to the volume.
    written: BTreeMap<String, i64>,
}

impl Glimpse {
    /// What can be told again of a volume in which somebody saw these times; `None` where nothing runs on it, and where
    /// there are no times.
    ///
    /// # Errors
    /// The engine's own failures.
    pub async fn new<E: Services>(
        engine: &E,
        volume: &str,
        written: BTreeMap<String, i64>,
    ) -> Result<Option<Self>, Error> {
        let Some(found) = engine.inspect_volume(volume).await? else { return Ok(None) };
        let users = engine.users_of(volume).await?.into_iter();
        let running: BTreeMap<_, _> =
            users.map(|one| (one.id, one.started_at)).take(WITNESSES).collect();
        let told = !running.is_empty() && !written.is_empty();
        Ok(told.then(|| Self { volume: identity(&found), running, written }))
    }

    /// Whether the volume of this name is the same, on a machine that ran on, and nothing was written to the directories
    /// since. A container of the image is made for a moment, and never started.
    ///
    /// # Errors
    /// [`Error::ImageMissing`], and the engine's own failures.
    pub async fn holds<E: Services>(
        &self,
        engine: &E,
        volume: &str,
        image: &str,
    ) -> Result<bool, Error> {
        let found = engine.inspect_volume(volume).await?;
        if found.is_none_or(|found| identity(&found) != self.volume) || !self.ran_on(engine).await?
        {
            return Ok(false);
        }
        let container = Scratch::create(engine, &never_started(volume, image)).await?;
        let same = self.is_seen_in(engine, container.id()).await;
        container.remove().await?;
        same
    }

    async fn ran_on<E: Services>(&self, engine: &E) -> Result<bool, Error> {
        for (id, started) in &self.running {
            let runs = |one: Container| one.status == Status::Running && one.started_at == *started;
            if engine.container(id).await?.is_some_and(runs) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_seen_in<E: Services>(&self, engine: &E, container: &str) -> Result<bool, Error> {
        for (place, time) in &self.written {
            let seen = engine.stat(container, &format!("{MOUNT_POINT}/{place}")).await?;
            if seen.is_none_or(|seen| !seen.directory || seen.written != Some(*time)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What another volume of the same name has differently.
fn identity(volume: &Volume) -> String {
    let id = volume.labels.get(ID_LABEL).map(String::as_str).unwrap_or_default();
    format!("{id} {}", volume.created)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine as _, Image, Recorded};

    const PLACES: [(&str, i64); 2] = [("bin", 1), ("projects/shop/default", 2)];

    /// A container that runs on the volume since then.
    fn user(id: &str, started: &str) -> Container {
        Container {
            id: id.into(),
            status: Status::Running,
            started_at: started.into(),
            volumes: vec!["v1".into()],
            ..Container::default()
        }
    }

    fn engine() -> Recorded {
        let volume = Volume { name: "v1".into(), created: "then".into(), ..Volume::default() };
        let engine = Recorded::new().with_image("slim", Image::default()).with_volume(volume);
        for (place, time) in PLACES {
            engine.write_to("v1", place, time);
        }
        engine.with_container(user("web", "at nine"), Vec::new())
    }

    async fn glimpse(engine: &Recorded) -> Option<Glimpse> {
        let written = PLACES.map(|(place, time)| (place.to_owned(), time));
        Glimpse::new(engine, "v1", written.into()).await.unwrap()
    }

    async fn holds(known: &Glimpse, engine: &Recorded) -> bool {
        let holds = known.holds(engine, "v1", "slim").await.unwrap();
        assert!(engine.containers().is_empty(), "nothing is left behind");
        holds
    }

    #[tokio::test]
    async fn it_holds_until_one_of_the_directories_is_written_to() {
        let engine = engine();
        let known = glimpse(&engine).await.unwrap();
        assert!(holds(&known, &engine).await);
        assert!(!engine.calls().iter().any(|call| call.starts_with("run")), "nothing runs");
        for (place, time) in PLACES {
            engine.write_to("v1", place, time + 1);
            assert!(!holds(&known, &engine).await, "{place}");
            engine.write_to("v1", place, time);
        }
        assert!(holds(&known, &engine).await);
    }

    #[tokio::test]
    async fn another_volume_of_the_same_name_is_another() {
        let engine = engine();
        let known = glimpse(&engine).await.unwrap();
        engine.remove_volume("v1").await.unwrap();
        assert!(!holds(&known, &engine).await, "it is gone");
        let later = Volume { name: "v1".into(), created: "now".into(), ..Volume::default() };
        assert!(!holds(&known, &engine.clone().with_volume(later)).await);
    }

    #[tokio::test]
    async fn a_machine_that_may_have_been_started_anew_is_not_trusted() {
        let engine = engine();
        let known = glimpse(&engine).await.unwrap();
        let again = engine.clone().with_container(user("web", "at ten"), Vec::new());
        assert!(!holds(&known, &again).await);
        // One that ran on is enough.
        let two = again.with_container(user("board", "at nine"), Vec::new());
        let known = glimpse(&two).await.unwrap();
        let restarted = two.with_container(user("web", "at eleven"), Vec::new());
        assert!(holds(&known, &restarted).await);
    }

    #[tokio::test]
    async fn without_a_container_that_runs_nothing_is_kept() {
        let engine = engine();
        let ended = Container { status: Status::Exited, ..user("web", "at nine") };
        assert!(glimpse(&engine.with_container(ended, Vec::new())).await.is_none());
    }
}
