//! Keeping a volume from `docker volume prune` on engines whose prune takes named volumes too. Owns the container that
//! does it; must not know what the volume holds.
//!
//! Engines with API 1.42 (23.0) and later spare named volumes. Earlier ones spare only what a container
//! refers to, even one that was never started. An image of nothing serves: a held image could not be removed.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, Mount as ApiMount, MountType, MountVolumeOptions,
};
use bollard::query_parameters::{CreateContainerOptionsBuilder, CreateImageOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::super::Mount;
use super::Docker;
use super::translate::status;
use crate::engine::api_number;
use crate::error::Error;

/// Label of the container: the volume's name.
pub(crate) const KEEPER_LABEL: &str = "io.pyfast.keeper";
/// The image of nothing.
const IMAGE: &str = "pyfast-keeper";
const TAG: &str = "1";
/// The first API whose engines spare named volumes.
const SPARING_API: (u32, u32) = (1, 42);
/// The end of a tar archive, and nothing before it.
const EMPTY_TAR: &[u8] = &[0; 1024];

impl Docker {
    pub(super) async fn make_keeper(
        &self,
        mount: &Mount,
        argv: &[String],
    ) -> Result<Option<String>, Error> {
        if self.spares_named_volumes() {
            return Ok(None);
        }
        let name = keeper_name(&mount.volume);
        match self.api.inspect_container(&name, None).await {
            Ok(_) => return Ok(None),
            Err(error) if status(&error) == Some(404) => {}
            Err(error) => return Err(self.failed(format!("look for the container {name}"))(error)),
        }
        self.bring_keeper_image().await?;
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        match self.api.create_container(Some(options), body(mount, argv)).await {
            Ok(_) => Ok(Some(name)),
            // Another process was faster.
            Err(error) if status(&error) == Some(409) => Ok(None),
            Err(error) => Err(self.failed(format!("create the container {name}"))(error)),
        }
    }

    /// Removes what keeps a volume, where there is such a container and it is ours.
    pub(super) async fn remove_keeper(&self, volume: &str) -> Result<(), Error> {
        let name = keeper_name(volume);
        let found = match self.api.inspect_container(&name, None).await {
            Ok(found) => found,
            Err(error) if status(&error) == Some(404) => return Ok(()),
            Err(error) => return Err(self.failed(format!("look for the container {name}"))(error)),
        };
        let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
        if labels.get(KEEPER_LABEL).is_none_or(|kept| kept != volume) {
            return Ok(());
        }
        let removed = self.api.remove_container(&name, None).await;
        removed.map_err(self.failed(format!("remove the container {name}")))
    }

    fn spares_named_volumes(&self) -> bool {
        // Podman's pruning has rules of its own, and a container that was never started stands in its way no more than
        // in anybody's who removes the volume.
        self.podman || api_number(&self.version.api).is_some_and(|api| api >= SPARING_API)
    }

    async fn bring_keeper_image(&self) -> Result<(), Error> {
        if self.api.inspect_image(&format!("{IMAGE}:{TAG}")).await.is_ok() {
            return Ok(());
        }
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(IMAGE).tag(TAG).build();
        let archive = bollard::body_full(Bytes::from_static(EMPTY_TAR));
        let mut said = std::pin::pin!(self.api.create_image(Some(options), Some(archive), None));
        while let Some(answer) = said.next().await {
            answer.map_err(self.failed(format!("import the image {IMAGE}:{TAG}")))?;
        }
        Ok(())
    }
}

fn keeper_name(volume: &str) -> String {
    format!("pyfast-keeper-{volume}")
}

fn body(mount: &Mount, argv: &[String]) -> ContainerCreateBody {
    let mounted = ApiMount {
        target: Some(mount.target.clone()),
        source: Some(mount.volume.clone()),
        typ: Some(MountType::VOLUME),
        read_only: Some(!mount.writable),
        volume_options: Some(MountVolumeOptions {
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..ApiMount::default()
    };
    ContainerCreateBody {
        image: Some(format!("{IMAGE}:{TAG}")),
        cmd: Some(argv.to_vec()),
        labels: Some(HashMap::from([(KEEPER_LABEL.into(), mount.volume.clone())])),
        host_config: Some(HostConfig {
            network_mode: Some("none".into()),
            mounts: Some(vec![mounted]),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    }
}
