//! An image: a configuration and layers joined by a manifest. Owns that they fit together.

use crate::blob::Blob;
use crate::config::{Config, History};
use crate::digest::Digest;
use crate::manifest::{Manifest, Texts, bytes_of, media};

/// An image that can be written.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its manifest.
    pub manifest: Blob,
    /// Its configuration.
    pub config: Blob,
    /// Its layers, the lowest first.
    pub layers: Vec<Blob>,
}

/// A layer that was made, and what is said of it.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its bytes.
    pub blob: Blob,
    /// The digest that it has unpacked.
    pub diff_id: Digest,
    /// By what it was made.
    pub created_by: String,
}

impl Image {
    /// Puts layers upon those that a configuration has (`below`), and says so in it.
    pub fn new(
        mut config: Config,
        mut below: Vec<Blob>,
        made: Vec<Made>,
        annotations: Texts,
    ) -> Self {
        for Made { blob, diff_id, created_by } in made {
            config.rootfs.diff_ids.push(diff_id);
            let (created_by, created) = (Some(created_by), config.created.clone());
            config.history.push(History { created_by, created, ..History::default() });
            below.push(blob);
        }
        let platform = config.platform();
        let config = Blob::of(media::CONFIG, bytes_of(&config));
        let manifest = Manifest {
            annotations,
            config: config.descriptor.clone(),
            layers: below.iter().map(|layer| layer.descriptor.clone()).collect(),
            media_type: media::MANIFEST.to_owned(),
            schema_version: 2,
        };
        let mut manifest = Blob::of(media::MANIFEST, bytes_of(&manifest));
        manifest.descriptor.platform = Some(platform);
        Self { manifest, config, layers: below }
    }

    /// By what it is known for ever.
    pub fn digest(&self) -> Digest {
        self.manifest.descriptor.digest
    }
}
