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

/// Removes a volume, and the container that keeps it from being pruned; false where there was none of that name.
///
/// # Errors
/// If a container uses it, and the engine's own failures.
pub async fn remove_volume<E: Engine>(engine: &E, volume: &str) -> Result<bool, Error> {
    if engine.inspect_volume(volume).await?.is_none() {
        return Ok(false);
    }
    engine.remove_volume(volume).await?;
    Ok(true)
}
