//! Images that others are put upon, read from where they are: a layout, or an archive of an engine. Owns which image of
//! several is meant, and that what is read becomes what is written; must not know how an archive came here.

mod archive;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::blob::{Blob, Content};
use crate::config::Config;
use crate::digest::Digest;
use crate::error::Error;
use crate::layout::{BLOBS, INDEX, MARK, REF_NAME};
use crate::manifest::{Descriptor, Index, Manifest, Platform, bytes_of, media, read};

/// The most that a document has, in bytes.
const LIMIT: u64 = 4 << 20;
/// What builders put beside an image to say how it was made.
const ATTESTATION: &str = "vnd.docker.reference.type";
/// How many lists may be in one another.
const DEPTH: usize = 4;

/// An image that another one is put upon.
#[derive(Debug, Clone)]
pub struct Base {
    /// Its configuration.
    pub config: Config,
    /// Its layers, the lowest first.
    pub layers: Vec<Blob>,
    /// The digest of its manifest; `None` where it has none, as in an engine's archive.
    pub digest: Option<Digest>,
}

impl Base {
    /// Reads an image of a layout: that of a tag, else the only one; of several platforms that which is wanted.
    ///
    /// # Errors
    /// [`Error::NoSuchImage`], [`Error::Document`], [`Error::Altered`].
    pub fn of_layout(
        directory: &Path,
        tag: Option<&str>,
        wanted: &Platform,
    ) -> Result<Self, Error> {
        if !directory.join(MARK).is_file() {
            return Err(Error::NotALayout { path: directory.to_owned() });
        }
        let path = directory.join(INDEX);
        let text = fs_err::read(&path).map_err(Error::io("read", &path))?;
        let mut index: Index = read(&format!("`{}`", path.display()), &text)?;
        if let Some(tag) = tag {
            index.manifests.retain(|one| one.annotations.get(REF_NAME).is_some_and(|it| it == tag));
        }
        let blob = |descriptor: &Descriptor| {
            let path = directory.join(BLOBS).join(descriptor.digest.hex());
            let file = fs_err::File::open(&path).map_err(Error::io("read", &path))?;
            let content = Content::File(Arc::new(file.into_file()));
            Ok(Blob { descriptor: descriptor.clone(), content })
        };
        let manifest = chosen(index, wanted, &blob, DEPTH)?;
        Self::of_manifest(&manifest, &blob)
    }

    /// Reads an image from an archive of an engine, which has one.
    ///
    /// # Errors
    /// As [`Base::of_layout`].
    pub fn of_archive(path: &Path) -> Result<Self, Error> {
        let file = fs_err::File::open(path).map_err(Error::io("read", path))?;
        Self::of_open_archive(file.into_file())
    }

    /// The same of one that is open.
    ///
    /// # Errors
    /// As [`Base::of_layout`].
    pub fn of_open_archive(file: File) -> Result<Self, Error> {
        archive::read_archive(Arc::new(file))
    }

    /// What is to be known of it where its bytes are had from elsewhere.
    pub fn record(&self) -> Vec<u8> {
        let layers = self.layers.iter().map(|layer| layer.descriptor.clone()).collect();
        bytes_of(&Record { config: self.config.clone(), layers, digest: self.digest })
    }

    /// Reads a record: an image of which everything is known, and whose layers are elsewhere.
    ///
    /// # Errors
    /// [`Error::Document`].
    pub fn of_record(text: &[u8]) -> Result<Self, Error> {
        let Record { config, layers, digest } = read("the record of an image", text)?;
        let absent = |descriptor| Blob { descriptor, content: Content::Absent };
        Self { config, layers: layers.into_iter().map(absent).collect(), digest }.checked()
    }

    /// The image of a manifest.
    fn of_manifest(
        manifest: &Descriptor,
        blob: &dyn Fn(&Descriptor) -> Result<Blob, Error>,
    ) -> Result<Self, Error> {
        let text = blob(manifest)?.text(LIMIT)?;
        let read: Manifest = read_manifest(&text)?;
        let config = Config::read(&blob(&read.config)?.text(LIMIT)?)?;
        let layers = read.layers.into_iter().map(|layer| blob(&converted(layer)));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let base = Self { config, layers, digest: Some(manifest.digest) };
        base.checked()
    }

    /// That a configuration says as much of layers as there are.
    fn checked(self) -> Result<Self, Error> {
        let (said, there) = (self.config.rootfs.diff_ids.len(), self.layers.len());
        if said == there {
            return Ok(self);
        }
        let reason = format!("it says that there are {said} layers, and there are {there}");
        Err(Error::Document { what: "the configuration of an image".to_owned(), reason })
    }
}

/// What is known of an image.
#[derive(Serialize, Deserialize)]
struct Record {
    config: Config,
    layers: Vec<Descriptor>,
    digest: Option<Digest>,
}

/// Reads a manifest of the forms that have layers by their digests.
fn read_manifest(text: &[u8]) -> Result<Manifest, Error> {
    let what = "the manifest of an image";
    let form: Form = read(what, text)?;
    if form.schema_version != 2 {
        let reason =
            format!("it is of version {}, whose layers have no digests", form.schema_version);
        return Err(Error::Document { what: what.to_owned(), reason });
    }
    read(what, text)
}

/// What of a manifest says which form it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    schema_version: u32,
}

/// A layer as a manifest of OCI names it: the bytes are the same.
fn converted(mut layer: Descriptor) -> Descriptor {
    let (foreign, rest) =
        match layer.media_type.strip_prefix("application/vnd.docker.image.rootfs.") {
            Some(rest) => match rest.strip_prefix("foreign.") {
                Some(rest) => (true, rest),
                None => (false, rest),
            },
            None => return layer,
        };
    layer.media_type = match (foreign, rest) {
        (false, "diff.tar") => media::LAYER.to_owned(),
        (false, "diff.tar.gzip") => media::LAYER_GZIP.to_owned(),
        (true, "diff.tar.gzip") => {
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip".to_owned()
        }
        _ => layer.media_type,
    };
    layer
}

/// The manifest that is meant of an index.
fn chosen(
    index: Index,
    wanted: &Platform,
    blob: &dyn Fn(&Descriptor) -> Result<Blob, Error>,
    depth: usize,
) -> Result<Descriptor, Error> {
    let is_image = |one: &Descriptor| {
        !one.annotations.contains_key(ATTESTATION)
            && one.platform.as_ref().is_none_or(|platform| platform.architecture != "unknown")
    };
    let all: Vec<Descriptor> = index.manifests.into_iter().filter(is_image).collect();
    let fits = |one: &&Descriptor| {
        let platform = one.platform.as_ref();
        platform.is_none_or(|platform| {
            platform.os == wanted.os && platform.architecture == wanted.architecture
        })
    };
    let missing = || Error::NoSuchImage {
        wanted: format!("{}/{}", wanted.os, wanted.architecture),
        count: all.len(),
    };
    let mut fitting = all.iter().filter(fits);
    let found = fitting.next().ok_or_else(missing)?;
    if !matches!(&*found.media_type, media::INDEX | media::DOCKER_LIST) {
        // Several that differ in nothing that was asked for: whoever names none of them means none.
        return if fitting.next().is_none() { Ok(found.clone()) } else { Err(missing()) };
    }
    if depth == 0 {
        return Err(missing());
    }
    let index: Index = read("a list of images", &blob(found)?.text(LIMIT)?)?;
    chosen(index, wanted, blob, depth - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_whose_layers_have_no_digests_is_refused() {
        let old = br#"{"schemaVersion": 1, "fsLayers": [{"blobSum": "sha256:0"}]}"#;
        let error = read_manifest(old).unwrap_err();
        assert!(error.to_string().contains("version 1"), "{error}");
        assert!(read_manifest(b"{}").is_err() && read_manifest(b"\xff").is_err());
    }

    #[test]
    fn layers_are_named_as_manifests_of_oci_name_them() {
        let check = |kind: &str, expected: &str| {
            let layer = Descriptor::new(kind, Digest::of(b""), 0);
            assert_eq!(converted(layer).media_type, expected);
        };
        let docker = "application/vnd.docker.image.rootfs.";
        check(&format!("{docker}diff.tar.gzip"), media::LAYER_GZIP);
        check(&format!("{docker}diff.tar"), media::LAYER);
        let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
        check(&format!("{docker}foreign.diff.tar.gzip"), foreign);
        for same in [media::LAYER_GZIP, "application/vnd.oci.image.layer.v1.tar+zstd"] {
            check(same, same);
        }
    }

    #[test]
    fn lists_that_hold_themselves_end() {
        let nested = Descriptor::new(media::INDEX, Digest::of(b"x"), 0);
        let index = || Index { manifests: vec![nested.clone()], ..Index::default() };
        let bytes = crate::manifest::bytes_of(&index());
        let blob = |_: &Descriptor| Ok(Blob::of(media::INDEX, bytes.clone()));
        let (os, architecture) = ("linux".to_owned(), "amd64".to_owned());
        let wanted = Platform { architecture, os, variant: None };
        let error = chosen(index(), &wanted, &blob, DEPTH).unwrap_err();
        assert!(matches!(error, Error::NoSuchImage { .. }), "{error}");
    }
}
