//! What the mirror keeps: pages, files and metadata, fetched from upstream once. Knows nothing of HTTP answers.
//!
//! ```text
//! <directory>/<digest of the index's URL>/
//!   pages/<project>.json            the upstream's page with absolute URLs
//!   files/<project>/<filename>      a file whose sha256 was checked
//!   files/<project>/<filename>.metadata
//! ```

use std::collections::HashMap;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Error;
use super::page::{Origin, Page, hex, is_wheel};
use super::upstream::Upstream;
use crate::corpus::Made;
use crate::files;

/// Pages, files and metadata.
#[derive(Debug)]
pub(crate) struct Shelf {
    directory: PathBuf,
    upstream: Upstream,
    pages: Mutex<HashMap<String, Arc<Page>>>,
    /// One lock for each thing that is being fetched, so that it is fetched once.
    fetches: Mutex<HashMap<PathBuf, Arc<tokio::sync::Mutex<()>>>>,
}

impl Shelf {
    /// Opens what is kept of this upstream below `directory`.
    pub(crate) fn open(directory: &Path, upstream: Upstream) -> Result<Self, Error> {
        let digest = hex(&Sha256::digest(upstream.index().as_str().as_bytes()));
        let directory = directory.join(&digest[..16]);
        for part in ["pages", "files"] {
            let made = fs_err::create_dir_all(directory.join(part));
            made.map_err(|source| Error::Start { act: "make the mirror's directory", source })?;
        }
        Ok(Self { directory, upstream, pages: Mutex::default(), fetches: Mutex::default() })
    }

    /// Takes a distribution in that lies in a directory, as the one file of its project, whatever upstream has.
    pub(crate) fn take_in(&self, made: &Made, directory: &Path) -> Result<(), Error> {
        let Made { project, filename, sha256, size } = made;
        let folder = self.directory.join("files").join(project);
        let moved = || {
            fs_err::create_dir_all(&folder)?;
            files::relocate(&directory.join(filename), &folder.join(filename))
        };
        moved().map_err(Error::Keep)?;
        // Nobody asks there: the file is here.
        let url = self.upstream.index().join(filename);
        let url = url.map_err(|source| Error::Index { index: filename.clone(), source })?;
        let page = serde_json::json!({
            "meta": { "api-version": "1.0" },
            "name": project,
            "files": [{ "filename": filename, "url": url, "hashes": { "sha256": sha256 }, "size": size }],
        });
        let path = self.directory.join("pages").join(format!("{project}.json"));
        keep(&path, page.to_string().as_bytes())
    }

    /// The page of a project, by its normalised name; `None` when the upstream has none.
    pub(crate) async fn page(&self, project: &str) -> Result<Option<Arc<Page>>, Error> {
        if let Some(page) = self.known_page(project) {
            return Ok(Some(page));
        }
        let path = self.directory.join("pages").join(format!("{project}.json"));
        let lock = self.lock(&path);
        let _turn = lock.lock().await;
        if let Some(page) = self.known_page(project) {
            return Ok(Some(page));
        }
        let kept =
            fs_err::read(&path).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let upstream = if let Some(kept) = kept {
            kept
        } else {
            let Some(fetched) = self.upstream.page(project).await? else { return Ok(None) };
            keep(&path, fetched.to_string().as_bytes())?;
            fetched
        };
        let folder = self.directory.join("files").join(project);
        let known = |filename: &str| {
            let metadata = fs_err::read(folder.join(format!("{filename}.metadata"))).ok()?;
            Some(hex(&Sha256::digest(&metadata)))
        };
        let page = Arc::new(Page::new(project, &upstream, known));
        self.pages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(project.to_owned(), Arc::clone(&page));
        Ok(Some(page))
    }

    /// Where a file is kept, fetched if need be; `None` when the project has no such file.
    pub(crate) async fn file(
        &self,
        project: &str,
        filename: &str,
    ) -> Result<Option<PathBuf>, Error> {
        let Some(page) = self.page(project).await? else { return Ok(None) };
        let Some(origin) = page.files.get(filename) else { return Ok(None) };
        self.fetched(project, filename, origin).await.map(Some)
    }

    /// Where the metadata of a wheel is kept, taken from upstream or out of the wheel; `None` when there is no such wheel.
    pub(crate) async fn metadata(
        &self,
        project: &str,
        filename: &str,
    ) -> Result<Option<PathBuf>, Error> {
        let Some(page) = self.page(project).await? else { return Ok(None) };
        let Some(origin) = page.files.get(filename).filter(|_| is_wheel(filename)) else {
            return Ok(None);
        };
        let path = self.directory.join("files").join(project).join(format!("{filename}.metadata"));
        let lock = self.lock(&path);
        let _turn = lock.lock().await;
        if path.exists() {
            return Ok(Some(path));
        }
        if origin.has_metadata {
            let mut url = origin.url.clone();
            url.set_path(&format!("{}.metadata", url.path()));
            let bytes = self.upstream.file(&url).await?;
            check(&format!("{filename}.metadata"), &bytes, origin.metadata_sha256.as_deref())?;
            keep(&path, &bytes)?;
        } else {
            let wheel = self.fetched(project, filename, origin).await?;
            let metadata = metadata_of(&wheel)
                .ok_or_else(|| Error::Wheel { filename: filename.to_owned() })?;
            keep(&path, &metadata)?;
        }
        Ok(Some(path))
    }

    async fn fetched(
        &self,
        project: &str,
        filename: &str,
        origin: &Origin,
    ) -> Result<PathBuf, Error> {
        let path = self.directory.join("files").join(project).join(filename);
        let lock = self.lock(&path);
        let _turn = lock.lock().await;
        if !path.exists() {
            let bytes = self.upstream.file(&origin.url).await?;
            check(filename, &bytes, origin.sha256.as_deref())?;
            keep(&path, &bytes)?;
        }
        Ok(path)
    }

    fn known_page(&self, project: &str) -> Option<Arc<Page>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(project).cloned()
    }

    fn lock(&self, path: &Path) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(fetches.entry(path.to_path_buf()).or_default())
    }
}

fn check(filename: &str, bytes: &[u8], expected: Option<&str>) -> Result<(), Error> {
    let found = hex(&Sha256::digest(bytes));
    match expected {
        Some(expected) if expected != found => {
            Err(Error::Hash { filename: filename.to_owned(), expected: expected.to_owned(), found })
        }
        _ => Ok(()),
    }
}

/// Writes a file so that it is there whole or not at all.
fn keep(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    let write = || {
        fs_err::create_dir_all(folder)?;
        let mut new = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut new, bytes)?;
        new.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(Error::Keep)
}

/// The METADATA of a wheel: `<name>-<version>.dist-info/METADATA` at its top level.
fn metadata_of(wheel: &Path) -> Option<Vec<u8>> {
    let file = fs_err::File::open(wheel).ok()?;
    read_metadata(file.into_parts().0)
}

fn read_metadata(wheel: impl Read + Seek) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(wheel).ok()?;
    let name = archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned).find(
        |name| {
            name.split_once('/')
                .is_some_and(|(folder, rest)| folder.ends_with(".dist-info") && rest == "METADATA")
        },
    )?;
    let mut metadata = Vec::new();
    archive.by_name(&name).ok()?.read_to_end(&mut metadata).ok()?;
    Some(metadata)
}
