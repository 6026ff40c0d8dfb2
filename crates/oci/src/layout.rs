//! Images as files: a directory that may hold several, and an archive with one, which engines old and new load. Owns
//! their form; must not know where layers come from.
//!
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md>. An archive has Docker's own list
//! (`manifest.json`) besides, as that of Docker 25 has, by which engines before it find the same blobs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::blob::{Blob, Content};
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
/// Where an index has its images.
const MANIFESTS: &str = "manifests";
/// The tag of an image in a layout.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Its whole name, by which containerd and Docker know it.
const FULL_NAME: &str = "io.containerd.image.name";

/// Puts an image into a directory, which is new, empty, or a layout that it joins. Blobs that are there stay where they
/// are whole. Several processes may do so at the same time.
///
/// # Errors
/// As [`check_directory`], [`Error::Altered`], and what the disk refuses.
pub fn write_directory(directory: &Path, image: &Image, name: &ImageName) -> Result<(), Error> {
    fs_err::create_dir_all(directory).map_err(Error::io("create", directory))?;
    let alone = alone(directory);
    check_directory(directory)?;
    // Before everything else: what is cut off between the two is a layout.
    if !directory.join(MARK).is_file() {
        put(&directory.join(MARK), |to| write(to, &mark()))?;
    }
    let blobs = directory.join(BLOBS);
    fs_err::create_dir_all(&blobs).map_err(Error::io("create", &blobs))?;
    if alone.is_some() {
        sweep(&blobs)?;
    }
    for blob in image.blobs() {
        let place = blobs.join(blob.descriptor.digest.hex());
        if !is_there(&place, &blob.descriptor) {
            put(&place, |to| blob.copy_to(to))?;
        }
    }
    // Read only now, and what names everything comes last.
    let index = joined(index(directory)?, &entry(image, name));
    put(&directory.join(INDEX), |to| write(to, &bytes_of(&index)))
}

/// Whether an image may be put into a directory, which need not be there.
///
/// # Errors
/// [`Error::NotALayout`], [`Error::Document`] for an index that nobody can read, and what the disk refuses.
pub fn check_directory(directory: &Path) -> Result<(), Error> {
    let mut entries = match fs_err::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read", directory)(error)),
    };
    let begun = aside(Path::new(MARK));
    let is_other = |entry: io::Result<fs_err::DirEntry>| {
        entry.is_ok_and(|entry| entry.file_name().as_os_str() != begun.as_os_str())
    };
    if entries.any(is_other) && !directory.join(MARK).is_file() {
        return Err(Error::NotALayout { path: directory.to_owned() });
    }
    index(directory).map(|_| ())
}

/// Keeps all others from writing into a layout; `None` on a file system without locks.
fn alone(directory: &Path) -> Option<File> {
    let directory = fs_err::File::open(directory).ok()?.into_file();
    directory.lock().is_ok().then_some(directory)
}

/// Removes what processes that were ended have left of blobs.
fn sweep(blobs: &Path) -> Result<(), Error> {
    for entry in fs_err::read_dir(blobs).map_err(Error::io("read", blobs))? {
        let path = entry.map_err(Error::io("read", blobs))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let digits = name.strip_prefix('.').and_then(|name| name.split_once('.'));
        if digits.is_some_and(|(digits, _)| digits.len() == 64) {
            fs_err::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Whether a file is there that has these bytes.
fn is_there(place: &Path, wanted: &Descriptor) -> bool {
    let facts = fs_err::metadata(place);
    if !facts.is_ok_and(|facts| facts.is_file() && facts.len() == wanted.size) {
        return false;
    }
    fs_err::File::open(place).is_ok_and(|file| {
        let content = Content::File(Arc::new(file.into_file()));
        let blob = Blob { descriptor: wanted.clone(), content };
        blob.copy_to(&mut io::sink()).is_ok()
    })
}

/// The index of a layout with everything that others have written there; that of one that has no images yet where there
/// is none.
fn index(directory: &Path) -> Result<Map<String, Value>, Error> {
    let path = directory.join(INDEX);
    let what = format!("`{}`", path.display());
    let text = match fs_err::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bytes_of(&Index::default()),
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    let mut index: Map<String, Value> = read(&what, &text)?;
    if index.entry(MANIFESTS).or_insert_with(|| json!([])).is_array() {
        return Ok(index);
    }
    Err(Error::Document { what, reason: "its manifests are no list".to_owned() })
}

/// An index in which an image has the place of that of its name.
fn joined(mut index: Map<String, Value>, entry: &Descriptor) -> Map<String, Value> {
    let is_said = |known: &Value, key: &str| {
        let known = known.pointer("/annotations").and_then(|said| said.get(key)?.as_str());
        known.map(|known| entry.annotations.get(key).is_some_and(|it| it == known))
    };
    // Who writes no whole name tells images apart by their tags.
    let is_same = |known: &Value| {
        is_said(known, REF_NAME) == Some(true) && is_said(known, FULL_NAME) != Some(false)
    };
    if let Some(Value::Array(manifests)) = index.get_mut(MANIFESTS) {
        manifests.retain(|known| !is_same(known));
        manifests.push(json!(entry));
    }
    index
}

/// Writes a file aside and lets it appear whole.
fn put(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error> {
    let aside = aside(path);
    let file = begin(&aside).map_err(Error::io("write", &aside))?;
    let mut to = BufWriter::new(&file);
    let written = write(&mut to).and_then(|()| to.flush().map_err(Error::Write));
    let written = written.map_err(|error| match error {
        Error::Write(source) => Error::io("write", path)(source),
        other => other,
    });
    let renamed =
        written.and_then(|()| fs_err::rename(&aside, path).map_err(Error::io("write", path)));
    renamed.inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs_err::remove_file(&aside);
    })
}

/// Opens the file that is written aside: what a process that was ended has left there goes, and one that still writes is
/// waited for.
fn begin(aside: &Path) -> io::Result<File> {
    loop {
        if fs_err::symlink_metadata(aside).is_ok_and(|facts| !facts.is_file()) {
            fs_err::remove_file(aside)?;
        }
        let file = File::options().create(true).truncate(false).write(true).open(aside)?;
        // On a file system without locks nobody is waited for.
        let _ = file.lock();
        // Whoever was waited for has moved it to its place.
        let (ours, facts) = (file.metadata()?, fs_err::symlink_metadata(aside));
        if facts.is_ok_and(|facts| (facts.dev(), facts.ino()) == (ours.dev(), ours.ino())) {
            file.set_len(0)?;
            return Ok(file);
        }
    }
}

fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Puts an image into an archive, which appears whole.
///
/// # Errors
/// [`Error::Altered`], and what the disk refuses.
pub fn write_archive(file: &Path, image: &Image, name: &ImageName) -> Result<(), Error> {
    if let Some(above) = file.parent() {
        fs_err::create_dir_all(above).map_err(Error::io("create", above))?;
    }
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

    use super::*;
    use crate::{Config, Layer, Made, Manifest, Node, Packed, media};

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

    fn written(directory: &Path) -> Index {
        read("it", &fs_err::read(directory.join(INDEX)).unwrap()).unwrap()
    }

    fn named(text: &str) -> ImageName {
        text.parse().unwrap()
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
        let index = written(&place);
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
    fn several_processes_lose_no_image_of_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("layout");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (place, tag) = (&place, format!("a:{number}"));
                let image = image(&tag);
                scope.spawn(move || write_directory(place, &image, &named(&tag)).unwrap());
            }
        });
        assert_eq!(written(&place).manifests.len(), 8);
    }

    #[test]
    fn images_of_one_tag_and_two_names_are_both_there() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["web:1", "worker:1", "web:1"] {
            write_directory(directory.path(), &image(name), &named(name)).unwrap();
        }
        let index = written(directory.path());
        let names = index.manifests.iter().map(|one| &*one.annotations[FULL_NAME]);
        let names: Vec<&str> = names.collect();
        assert_eq!(names, ["docker.io/library/worker:1", "docker.io/library/web:1"]);
    }

    #[test]
    fn what_others_have_written_into_an_index_stays() {
        let directory = tempfile::tempdir().unwrap();
        write_directory(directory.path(), &image("1"), &named("a:1")).unwrap();
        let other = json!({
            "mediaType": media::MANIFEST, "digest": format!("sha512:{}", "0".repeat(128)), "size": 1,
            "artifactType": "x", "urls": ["https://a.example/"],
            "platform": { "os": "windows", "architecture": "amd64", "os.version": "10" },
        });
        let unnamed = json!({ "schemaVersion": 2, "manifests": [other], "artifactType": "y" });
        fs_err::write(directory.path().join(INDEX), unnamed.to_string()).unwrap();
        write_directory(directory.path(), &image("1"), &named("a:1")).unwrap();
        let text = fs_err::read(directory.path().join(INDEX)).unwrap();
        let index: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!((&index["artifactType"], &index["manifests"][0]), (&json!("y"), &other));
        let digests: Vec<Digest> =
            written(directory.path()).manifests.iter().map(|one| one.digest).collect();
        assert_eq!(digests, [image("1").digest()]);
    }

    #[test]
    fn a_blob_that_was_altered_where_it_is_is_written_anew() {
        let directory = tempfile::tempdir().unwrap();
        let image = image("1");
        write_directory(directory.path(), &image, &named("a:1")).unwrap();
        let Descriptor { digest, size, .. } = image.layers[0].descriptor;
        let blob = directory.path().join(BLOBS).join(digest.hex());
        fs_err::write(&blob, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
        write_directory(directory.path(), &image, &named("a:1")).unwrap();
        assert_eq!(Digest::of(&fs_err::read(&blob).unwrap()), digest);
    }

    #[test]
    fn what_ended_processes_left_is_in_nobodys_way_and_goes() {
        let directory = tempfile::tempdir().unwrap();
        let (place, archive) = (directory.path().join("layout"), directory.path().join("a.tar"));
        fs_err::create_dir(&place).unwrap();
        fs_err::write(place.join(".oci-layout.part"), "{").unwrap();
        write_directory(&place, &image("1"), &named("a:1")).unwrap();
        fs_err::write(place.join(BLOBS).join(format!(".{}.part", "0".repeat(64))), "x").unwrap();
        write_directory(&place, &image("1"), &named("a:1")).unwrap();
        fs_err::write(aside(&archive), vec![b'x'; 1 << 20]).unwrap();
        write_archive(&archive, &image("1"), &named("a:1")).unwrap();
        assert!(fs_err::metadata(&archive).unwrap().len() < 1 << 20);
        for folder in [directory.path(), &place, &place.join(BLOBS)] {
            let mut entries = fs_err::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let left = entries.find(|path| path.extension().is_some_and(|end| end == "part"));
            assert_eq!(left, None);
        }
    }

    #[test]
    fn what_the_disk_refuses_is_told_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.tar");
        let full = |_: &mut dyn Write| Err(Error::Write(io::ErrorKind::StorageFull.into()));
        let error = put(&path, full).unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert_eq!(fs_err::read_dir(directory.path()).unwrap().count(), 0);
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
