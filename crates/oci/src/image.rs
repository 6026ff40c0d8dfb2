//! An image: a configuration and layers joined by a manifest. Owns that they fit together.

use crate::base::Base;
use crate::blob::{Blob, Content};
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
    /// The digests that they have unpacked.
    pub diff_ids: Vec<Digest>,
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
        let (platform, diff_ids) = (config.platform(), config.rootfs.diff_ids.clone());
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
        Self { manifest, config, layers: below, diff_ids }
    }

    /// Whether the bytes of some layers are elsewhere.
    pub fn is_partial(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.content, Content::Absent))
    }

    /// The image with the bytes of what it is put upon.
    #[must_use]
    pub fn completed(mut self, base: &Base) -> Self {
        for (layer, here) in self.layers.iter_mut().zip(&base.layers) {
            if layer.descriptor.digest == here.descriptor.digest {
                layer.content = here.content.clone();
            }
        }
        self
    }

    /// By what it is known for ever.
    pub fn digest(&self) -> Digest {
        self.manifest.descriptor.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RootFs;
    use crate::layout;

    fn layer(text: &str) -> Blob {
        Blob::of(media::LAYER, text.as_bytes().to_vec())
    }

    /// An image of a layer upon a base.
    fn upon(base: &Base) -> Image {
        let blob = layer("ours");
        let diff_id = blob.descriptor.digest;
        let made = Made { blob, diff_id, created_by: "us".to_owned() };
        Image::new(base.config.clone(), base.layers.clone(), vec![made], Texts::default())
    }

    #[test]
    fn a_base_whose_layers_are_elsewhere_gives_the_same_image() {
        let layers = vec![layer("one"), layer("two")];
        let diff_ids = layers.iter().map(|layer| layer.descriptor.digest).collect();
        let rootfs = RootFs { diff_ids, kind: "layers".to_owned() };
        let base = Base { config: Config { rootfs, ..Config::default() }, layers, digest: None };
        let known = Base::of_record(&base.record()).unwrap();
        let (whole, partial) = (upon(&base), upon(&known));
        assert_eq!(whole.digest(), partial.digest());
        assert!(partial.is_partial() && !whole.is_partial());
        let name = "a:1".parse().unwrap();
        let archive = |image: &Image, wanted: &dyn Fn(&Digest) -> bool| {
            let mut bytes = Vec::new();
            layout::archive(&mut bytes, image, &name, wanted).map(|()| bytes)
        };
        let below: Vec<Digest> = base.layers.iter().map(|layer| layer.descriptor.digest).collect();
        let ours = |digest: &Digest| !below.contains(digest);
        assert_eq!(archive(&partial, &ours).unwrap(), archive(&whole, &ours).unwrap());
        assert!(archive(&partial, &|_| true).is_err(), "what is not here is not written");
        let completed = partial.completed(&base);
        assert_eq!(archive(&completed, &|_| true).unwrap(), archive(&whole, &|_| true).unwrap());
        // Of another image nothing is taken.
        let other = Base { layers: vec![layer("other"), layer("two")], ..base.clone() };
        assert!(upon(&known).completed(&other).is_partial());
        assert!(Base::of_record(b"{}").is_err());
    }
}
