//! Images as files: a directory that may hold several, and an archive with one, which engines old and new load. Owns
//! their form; must not know where layers come from.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>. An archive has Docker's own list
//! (`manifest.json`) besides, as that of Docker 25 has, by which engines before it find the same blobs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::blob::Blob;
use crate::digest::Digest;
use crate::error::Error;
use crate::image::Image;
use crate::manifest::{Descriptor, Index, bytes_of, read};
use crate::name::ImageName;

/// The file that says that a directory is a layout.
pub(crate) const MARK: &str = "oci-layout";
pub(crate) const INDEX: &str = "index.json";
pub(crate) const BLOBS: &str = "blobs/sha256";
/// Docker's list.
pub(crate) const DOCKER: &str = "manifest.json";
/// The tag of an image in a layout.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Its whole name, by which containerd and Docker know it.
const FULL_NAME: &str = "io.containerd.image.name";

/// Puts an image into a directory, which is new, empty, or a layout that it joins. Blobs that are there stay.
///
/// # Errors
/// [`Error::NotALayout`], [`Error::Altered`], [`Error::Document`] for an index that nobody can read, and what the disk
/// refuses.
pub fn write_directory(directory: &Path, image: &Image, name: &ImageName) -> Result<(), Error> {
    let blobs = directory.join(BLOBS);
    let mut index = if let Some(index) = begun(directory)? {
        index
    } else {
        fs_err::create_dir_all(&blobs).map_err(Error::io("create", &blobs))?;
        put(&directory.join(MARK), |to| write(to, &mark()))?;
        Index::default()
    };
    for blob in image.blobs() {
        let place = blobs.join(blob.descriptor.digest.hex());
        let there = fs_err::metadata(&place).is_ok_and(|facts| facts.len() == blob.descriptor.size);
        if !there {
            put(&place, |to| blob.copy_to(to))?;
        }
    }
    let entry = entry(image, name);
    let same =
        |known: &Descriptor| known.annotations.get(REF_NAME) == entry.annotations.get(REF_NAME);
    index.manifests.retain(|known| !same(known));
    index.manifests.push(entry);
    // What names everything comes last.
    put(&directory.join(INDEX), |to| write(to, &bytes_of(&index)))
}

/// The index of a directory that is a layout; `None` for one that is new or empty.
fn begun(directory: &Path) -> Result<Option<Index>, Error> {
    let entries = match fs_err::read_dir(directory) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(Error::io("read", directory)(error)),
    };
    if !entries {
        return Ok(None);
    }
    if !directory.join(MARK).is_file() {
        return Err(Error::NotALayout { path: directory.to_owned() });
    }
    let path = directory.join(INDEX);
    match fs_err::read(&path) {
        Ok(text) => read(&format!("`{}`", path.display()), &text).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", &path)(error)),
    }
}

/// Writes a file aside and lets it appear whole.
fn put(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error> {
    let aside = aside(path);
    let made = File::create(&aside).map_err(Error::io("write", &aside)).and_then(|file| {
        let mut file = BufWriter::new(file);
        write(&mut file)?;
        file.flush().map_err(Error::io("write", &aside))
    });
    let renamed =
        made.and_then(|()| fs_err::rename(&aside, path).map_err(Error::io("write", path)));
    renamed.inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs_err::remove_file(&aside);
    })
}

fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

/// Puts an image into an archive, which appears whole.
///
/// # Errors
/// [`Error::Altered`], and what the disk refuses.
pub fn write_archive(file: &Path, image: &Image, name: &ImageName) -> Result<(), Error> {
    put(file, |to| archive(to, image, name, &|_| true))
}

/// Writes the archive of an image to whoever reads it; without the layers that are not `wanted`, which only an engine
/// that has them can do without.
///
/// # Errors
/// As [`write_archive`].
pub fn archive(
    to: &mut dyn Write,
    image: &Image,
    name: &ImageName,
    wanted: &dyn Fn(&Digest) -> bool,
) -> Result<(), Error> {
    let place = |blob: &Blob| format!("{BLOBS}/{}", blob.descriptor.digest.hex());
    let docker = json!([{
        "Config": place(&image.config),
        "Layers": image.layers.iter().map(place).collect::<Vec<_>>(),
        "RepoTags": [name.familiar()],
    }]);
    let index = Index { manifests: vec![entry(image, name)], ..Index::default() };
    let texts = [(MARK, mark()), (INDEX, bytes_of(&index)), (DOCKER, bytes_of(&docker))];
    for (name, text) in texts {
        header(name, text.len() as u64, to)?;
        write(to, &text)?;
        fill(text.len() as u64, to)?;
    }
    let mut written = std::collections::BTreeSet::new();
    for blob in image.blobs() {
        let Descriptor { digest, size, .. } = blob.descriptor;
        // An image may have a layer twice.
        if !wanted(&digest) || !written.insert(digest) {
            continue;
        }
        header(&place(blob), size, to)?;
        blob.copy_to(to)?;
        fill(size, to)?;
    }
    write(to, &[0; 1024])
}

fn header(name: &str, size: u64, to: &mut dyn Write) -> Result<(), Error> {
    let mut header = tar::Header::new_gnu();
    header.set_path(name).map_err(Error::Write)?;
    header.set_mode(0o644);
    header.set_size(size);
    header.set_mtime(1);
    header.set_cksum();
    write(to, header.as_bytes())
}

fn fill(size: u64, to: &mut dyn Write) -> Result<(), Error> {
    let rest = usize::try_from(size % 512).unwrap_or_default();
    if rest == 0 { Ok(()) } else { write(to, &[0; 512][rest..]) }
}

fn write(to: &mut dyn Write, bytes: &[u8]) -> Result<(), Error> {
    to.write_all(bytes).map_err(Error::Write)
}

fn mark() -> Vec<u8> {
    bytes_of(&json!({ "imageLayoutVersion": "1.0.0" }))
}

/// What the index of a layout says of an image.
fn entry(image: &Image, name: &ImageName) -> Descriptor {
    let mut entry = image.manifest.descriptor.clone();
    entry.annotations.insert(REF_NAME.to_owned(), name.tag().to_owned());
    entry.annotations.insert(FULL_NAME.to_owned(), name.full());
    entry
}

impl Image {
    /// Every blob of it.
    fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config, &self.manifest])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::{Config, Content, Layer, Made, Manifest, Node, Packed};

    fn image(text: &str) -> Image {
        let mut layer = Layer::default();
        layer.put("a", Node::text(text, false)).unwrap();
        let mut bytes = Vec::new();
        let Packed { descriptor, diff_id, .. } = layer.pack(&mut bytes).unwrap();
        let blob = Blob { descriptor, content: Content::Memory(bytes) };
        let made = Made { blob, diff_id, created_by: "a test".to_owned() };
        let config =
            Config { architecture: "amd64".into(), os: "linux".into(), ..Config::default() };
        Image::new(config, Vec::new(), vec![made], BTreeMap::new())
    }

    fn index(directory: &Path) -> Index {
        read("it", &fs_err::read(directory.join(INDEX)).unwrap()).unwrap()
    }

    #[test]
    fn a_directory_takes_several_images_each_once() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("new/layout");
        let name = |text: &str| text.parse::<ImageName>().unwrap();
        let (one, two) = (image("1"), image("2"));
        for (image, tag) in [(&one, "a:1"), (&two, "a:2"), (&one, "a:1"), (&two, "a:1")] {
            write_directory(&place, image, &name(tag)).unwrap();
        }
        let index = index(&place);
        let digests: Vec<_> = index.manifests.iter().map(|one| one.digest).collect();
        assert_eq!(digests, [two.digest(), two.digest()]);
        assert_eq!(index.manifests[1].annotations[FULL_NAME], "docker.io/library/a:1");
        assert_eq!(index.manifests[0].platform.as_ref().unwrap().architecture, "amd64");
        assert_eq!(fs_err::read_dir(place.join(BLOBS)).unwrap().count(), 6);
        for entry in fs_err::read_dir(place.join(BLOBS)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert_eq!(Digest::of(&fs_err::read(&path).unwrap()).hex(), name);
        }
        let text = fs_err::read(place.join(BLOBS).join(two.digest().hex())).unwrap();
        let manifest: Manifest = read("it", &text).unwrap();
        let config = fs_err::read(place.join(BLOBS).join(manifest.config.digest.hex())).unwrap();
        assert_eq!(Config::read(&config).unwrap().rootfs.diff_ids.len(), manifest.layers.len());
    }

    #[test]
    fn somebodys_directory_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("mine"), "x").unwrap();
        let error = write_directory(directory.path(), &image("1"), &"a".parse().unwrap());
        assert!(matches!(error, Err(Error::NotALayout { .. })));
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn bytes_that_are_others_reach_no_layout() {
        let directory = tempfile::tempdir().unwrap();
        let mut image = image("1");
        let other = directory.path().join("other");
        fs_err::write(&other, "other").unwrap();
        let file = Arc::new(fs_err::File::open(&other).unwrap().into_file());
        image.layers[0].content = Content::File(file);
        let (place, archive) = (directory.path().join("layout"), directory.path().join("a.tar"));
        let name = "a".parse().unwrap();
        for failed in
            [write_directory(&place, &image, &name), write_archive(&archive, &image, &name)]
        {
            assert!(matches!(failed, Err(Error::Altered { .. })), "{failed:?}");
        }
        assert_eq!(fs_err::read_dir(place.join(BLOBS)).unwrap().count(), 0);
        assert!(!archive.exists() && !place.join(INDEX).exists());
    }

    #[test]
    fn an_archive_has_both_lists_and_each_blob_once() {
        let directory = tempfile::tempdir().unwrap();
        let (path, mut image) = (directory.path().join("a.tar"), image("1"));
        image.layers.push(image.layers[0].clone());
        write_archive(&path, &image, &"team/a:1".parse().unwrap()).unwrap();
        let bytes = fs_err::read(&path).unwrap();
        let mut archive = tar::Archive::new(&*bytes);
        let mut names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().display().to_string())
            .collect();
        let blobs = names.split_off(3);
        assert_eq!(names, [MARK, INDEX, DOCKER]);
        assert_eq!(blobs.len(), 3);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(r#""RepoTags":["team/a:1"]"#));
    }
}
