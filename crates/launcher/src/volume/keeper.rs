//! Keeping a volume that has environments from being pruned. Owns what the container that does it names; when one is
//! needed, the engine knows.

use pyfast_root::layout::LAUNCHER;

use super::store::MOUNT_POINT;
use crate::engine::{Engine, Mount};
use crate::error::Error;

/// Has a container that is never started refer to the volume, where the engine's pruning would take it otherwise; the
/// container's name if it was made now.
///
/// # Errors
/// The engine's own failures.
pub async fn keep_volume<E: Engine>(engine: &E, volume: &str) -> Result<Option<String>, Error> {
    let mount = Mount { volume: volume.into(), target: MOUNT_POINT.into(), writable: false };
    // Whoever looks at the container sees what it is for; it is never started.
    let argv = [format!("{MOUNT_POINT}/{LAUNCHER}"), "--version".to_owned()];
    engine.keep_volume(&mount, &argv).await
}

/// Removes a volume, and with it the container that keeps it from being pruned and those that give way; false where there was none of that name.
///
/// # Errors
/// If a container uses it, and the engine's own failures.
pub async fn remove_volume<E: Engine>(engine: &E, volume: &str) -> Result<bool, Error> {
    if engine.inspect_volume(volume).await?.is_none() {
        return Ok(false);
    }
    for container in engine.scratch_containers().await? {
        if container.aside.as_deref() == Some(volume) {
            engine.remove_container(&container.id).await?;
        }
    }
    if let Err(error) = engine.remove_volume(volume).await {
        // The engine lets no volume go that a container refers to, so the keeper went first. The volume stays, and with
        // it what keeps it; that it was not to be removed is the error to report.
        let _ = keep_volume(engine, volume).await;
        return Err(error);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ContainerSpec, Image, Recorded};
    use crate::volume::store::never_started;

    #[tokio::test]
    async fn who_works_in_a_volume_aside_gives_way_to_its_removal_and_others_do_not() {
        let engine = Recorded::new().with_image("slim", Image::default());
        let aside = |volume: &str| ContainerSpec { aside: true, ..never_started(volume, "slim") };
        for volume in ["v", "other"] {
            engine.create_volume(volume, &std::collections::BTreeMap::new()).await.unwrap();
            engine.create_container(&aside(volume)).await.unwrap();
        }
        assert!(remove_volume(&engine, "v").await.unwrap());
        assert_eq!(engine.containers(), ["c2"], "that of the other volume");
    }

    #[tokio::test]
    async fn a_volume_that_cannot_go_keeps_its_keeper() {
        let engine = Recorded::new().with_image("slim", Image::default());
        engine.create_volume("v", &std::collections::BTreeMap::new()).await.unwrap();
        keep_volume(&engine, "v").await.unwrap();
        let user = engine.create_container(&never_started("v", "slim")).await.unwrap();
        remove_volume(&engine, "v").await.unwrap_err();
        let calls = engine.calls();
        let kept = calls.iter().rposition(|call| call.starts_with("keep v:"));
        let removed = calls.iter().position(|call| call == "remove volume v");
        assert!(kept > removed && removed.is_some(), "{calls:?}");
        assert!(engine.inspect_volume("v").await.unwrap().is_some());
        engine.remove_container(&user).await.unwrap();
        assert!(remove_volume(&engine, "v").await.unwrap());
        assert!(!remove_volume(&engine, "v").await.unwrap());
    }
}
