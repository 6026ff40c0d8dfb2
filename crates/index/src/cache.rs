//! The HTTP cache on disk: index pages in their encoded form, metadata excerpts by digest.
//! Freshness is RFC 9111's, judged by `http-cache-semantics`.
//!
//! ```text
//! <cache>/pages-5/<index digest>/<project>    length and checksum of the header, header (JSON), encoded page
//! <cache>/metadata-3/<aa>/<digest>            checksum, excerpt of METADATA; the digest is of wheel digest and URL
//! <cache>/hints-1/<index digest>              projects and their dependencies in earlier resolutions
//! <cache>/sources-1/<aa>/<digest>             source archives, by digest
//! <cache>/git-1/<URL digest>/                 bare clones of git repositories
//! <cache>/texts-2/<URL digest>                requirements files that are named by URL, as pages-5
//! <cache>/partial-1/<digest>                   what has come of a large file, by the digest that all of it must have
//! <cache>/digests-1/<path digest>             what a file of this machine was like, and its digest
//! <cache>/identities-1/<digest of digests>    the SHA-256 of a file that another tool's lock knows by others
//! ```
//! What is not as it was written is not there: pages, texts and metadata carry checksums or digests.
//! A cache that cannot be written is not an error: the next run fetches again. It is for its owner alone
//! (`private`): pages and sources of private indexes lie in it.

mod digests;
mod folders;
mod partial;
pub(crate) mod private;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use http_cache_semantics::{CacheOptions, CachePolicy};
use serde::{Deserialize, Serialize};
use url::Url;

pub use digests::file_digest;
pub use folders::{loose, size};
pub use partial::Partial;

use crate::page::{Listing, Page, StoredPage};
use crate::receiver::{Body, Received, Receiver};
use private::{Private, open, read};
use pyfast_packaging::hash::Sha256;
use pyfast_root::Dir;

const PAGES: &str = "pages-5";
/// Bytes of a page's file that are read at once: header and index of nearly every page.
const HEAD: usize = 48 << 10;
/// Pages of more than [`HEAD`] bytes that stay open at once; others are read whole.
const OPEN: usize = 256;
const METADATA: &str = "metadata-3";
const HINTS: &str = "hints-1";
const SOURCES: &str = "sources-1";
const PARTIAL: &str = "partial-1";
const REPOSITORIES: &str = "git-1";
const TEXTS: &str = "texts-2";

/// Where temporary files are that may be large, and all others: that may be memory.
const TEMPORARY: [&str; 2] = ["/var/tmp", "/tmp"];

/// A cache directory; `None` keeps nothing.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    root: Option<Arc<Private>>,
    /// How many pages were opened so far.
    opened: Arc<AtomicUsize>,
}

/// What is known of a cached page besides its content.
#[derive(Serialize, Deserialize)]
pub struct PageHeader {
    /// The URL after redirects.
    pub url: Url,
    /// Digest of the body as it came, to see that a new answer is the same page.
    pub body: Sha256,
    /// RFC 9111.
    pub policy: CachePolicy,
}

impl Cache {
    /// A cache below `root`, or none.
    pub fn new(root: Option<PathBuf>) -> Self {
        Self { root: root.map(Private::new).map(Arc::new), opened: Arc::default() }
    }

    /// A page that is read as far as it is needed.
    pub fn open_page(
        &self,
        index: &Url,
        project: &str,
        listing: Listing,
    ) -> Option<(PageHeader, Page)> {
        let path = self.page_path(index, project)?;
        let file = open(&path).ok()?;
        let mut head = vec![0; HEAD];
        let count = file.read_at(&mut head, 0).ok()?;
        head.truncate(count);
        if count < HEAD {
            let (header, encoded) = split(&head.into())?;
            return Some((header, Page::decode(&encoded, listing)?));
        }
        if self.opened.fetch_add(1, Ordering::Relaxed) >= OPEN {
            let (header, encoded) = self.page(index, project)?;
            return Some((header, Page::decode(&encoded, listing)?));
        }
        let (header, start) = read_header(&head)?;
        let end = start.checked_add(Page::index_end(head.get(start..)?)?)?;
        if end > head.len() {
            // An index of more than that is a damaged one.
            let rest = u64::try_from(end).ok()?;
            if rest > file.metadata().ok()?.len() {
                return None;
            }
            head.resize(end, 0);
            file.read_exact_at(head.get_mut(count..)?, u64::try_from(count).ok()?).ok()?;
        }
        let page = StoredPage::new(file, u64::try_from(start).ok()?);
        Some((header, Page::open(head.get(start..)?, page, listing)?))
    }

    /// A whole page, still encoded.
    pub fn page(&self, index: &Url, project: &str) -> Option<(PageHeader, Bytes)> {
        let (header, encoded) = split(&read(&self.page_path(index, project)?).ok()?.into())?;
        Page::is_whole(&encoded).then_some((header, encoded))
    }

    /// Keeps a page in its encoded form.
    pub fn store_page(&self, index: &Url, project: &str, header: &PageHeader, page: &[u8]) {
        let Some(path) = self.page_path(index, project) else { return };
        let Some(header) = write_header(header) else { return };
        self.write(&path, &[&header, page]);
    }

    /// A requirements file.
    pub fn text(&self, url: &Url) -> Option<(PageHeader, Bytes)> {
        let (header, text) = split(&read(&self.text_path(url)?).ok()?.into())?;
        (Sha256::of(&text) == header.body).then_some((header, text))
    }

    /// Keeps the text of a URL.
    pub fn store_text(&self, url: &Url, header: &PageHeader, text: &[u8]) {
        let Some(path) = self.text_path(url) else { return };
        let Some(header) = write_header(header) else { return };
        self.write(&path, &[&header, text]);
    }

    fn text_path(&self, url: &Url) -> Option<PathBuf> {
        let digest = Sha256::of(url.as_str().as_bytes()).to_string();
        Some(self.below(TEXTS)?.join(digest))
    }

    /// Forgets the page of a project.
    pub fn remove_page(&self, index: &Url, project: &str) {
        if let Some(path) = self.page_path(index, project) {
            let _ = fs_err::remove_file(path);
        }
    }

    /// Where the metadata of a wheel is kept. What an index says of a digest is only its word, so the
    /// key holds the URL too: no index speaks for another.
    pub fn metadata_key(claimed: Option<&Sha256>, location: &str) -> Sha256 {
        let claimed = claimed.map(ToString::to_string).unwrap_or_default();
        Sha256::of(format!("{claimed} {location}").as_bytes())
    }

    /// Forgets what an index said of a wheel, which the wheel itself did not say.
    pub fn forget_metadata(&self, claimed: &Sha256, url: &Url) {
        let key = Self::metadata_key(Some(claimed), url.as_str());
        if let Some(path) = self.metadata_path(&key) {
            let _ = fs_err::remove_file(path);
        }
    }

    /// The excerpt of METADATA that is kept under a key.
    pub fn metadata(&self, key: &Sha256) -> Option<String> {
        let bytes = read(&self.metadata_path(key)?).ok()?;
        let (checksum, text) = bytes.split_first_chunk()?;
        if u32::from_le_bytes(*checksum) != crc32fast::hash(text) {
            return None;
        }
        Some(str::from_utf8(text).ok()?.to_owned()).filter(|text| !text.is_empty())
    }

    /// Keeps an excerpt of METADATA.
    pub fn store_metadata(&self, key: &Sha256, excerpt: &str) {
        if let Some(path) = self.metadata_path(key) {
            let checksum = crc32fast::hash(excerpt.as_bytes());
            self.write(&path, &[&checksum.to_le_bytes(), excerpt.as_bytes()]);
        }
    }

    /// What is remembered of earlier resolutions over an index.
    pub fn hints(&self, index: &Url) -> Option<Vec<u8>> {
        read(&self.hints_path(index)?).ok()
    }

    /// Remembers it.
    pub fn store_hints(&self, index: &Url, hints: &[u8]) {
        if let Some(path) = self.hints_path(index) {
            self.write(&path, &[hints]);
        }
    }

    /// A source archive; one that is damaged is none.
    pub fn source(&self, digest: &Sha256) -> Option<Body> {
        let file = open(&self.source_path(digest)?).ok()?;
        let size = file.metadata().ok()?.len();
        let Received { body, sha256, .. } = Receiver::onto(file, size).all_before().ok()?;
        (sha256 == *digest).then_some(body)
    }

    /// Keeps a source archive.
    pub fn store_source(&self, digest: &Sha256, body: &Body) {
        if let (Some(root), Some(path)) = (&self.root, self.source_path(digest)) {
            root.write_with(&path, |file| io::copy(&mut body.reader(), file).map(drop));
        }
    }

    /// Whether a source archive is kept; its bytes are not looked at.
    pub fn has_source(&self, digest: &Sha256) -> bool {
        self.source_path(digest)
            .is_some_and(|path| fs_err::symlink_metadata(path).is_ok_and(|found| found.is_file()))
    }

    /// What the caller has remembered under this name in a folder of its own.
    pub fn recall(&self, folder: &str, name: &str) -> Option<Vec<u8>> {
        read(&self.root.as_ref()?.path.join(folder).join(name)).ok()
    }

    /// What has come of a file before, to be gone on with. `None` where nothing has, or another process is at it.
    pub fn begun(&self, expected: &Sha256) -> Option<Partial> {
        Partial::begun(self.root.as_ref()?, PARTIAL, expected).ok()?
    }

    /// A file for what is to come. `None` where nothing can be kept, or another process is at it.
    pub fn begin(&self, expected: &Sha256) -> Option<Partial> {
        Partial::begin(self.root.as_ref()?, PARTIAL, expected).ok()?
    }

    /// A file that has no name, for what is needed for a while. Without a cache, or where it cannot be written, it is
    /// where the machine keeps such files; `None` where that is nowhere.
    pub fn nameless(&self) -> Option<File> {
        let own = self.root.as_ref().and_then(|root| root.nameless().ok());
        let elsewhere = |path: &str| Dir::open_named(Path::new(path))?.nameless();
        own.or_else(|| TEMPORARY.iter().find_map(|path| elsewhere(path).ok()))
    }

    /// Remembers something of the caller's, as private as everything else here.
    pub fn remember(&self, folder: &str, name: &str, content: &[u8]) {
        if let Some(root) = &self.root {
            root.write(&root.path.join(folder).join(name), &[content]);
        }
    }

    /// Where the clone of a repository is kept.
    pub fn repository(&self, url: &Url) -> Option<PathBuf> {
        Some(self.below(REPOSITORIES)?.join(short_digest(url)))
    }

    /// Makes the directory of all clones; where it is there already it may be anybody's.
    ///
    /// # Errors
    /// What the file system fails with.
    pub fn make_repositories(&self) -> io::Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        root.make(&root.path.join(REPOSITORIES))
    }

    fn below(&self, name: &str) -> Option<PathBuf> {
        Some(self.root.as_ref()?.path.join(name))
    }

    fn write(&self, path: &Path, parts: &[&[u8]]) {
        if let Some(root) = &self.root {
            root.write(path, parts);
        }
    }

    fn source_path(&self, digest: &Sha256) -> Option<PathBuf> {
        let digest = digest.to_string();
        Some(self.below(SOURCES)?.join(&digest[..2]).join(digest))
    }

    fn page_path(&self, index: &Url, project: &str) -> Option<PathBuf> {
        Some(self.below(PAGES)?.join(short_digest(index)).join(project))
    }

    fn hints_path(&self, index: &Url) -> Option<PathBuf> {
        Some(self.below(HINTS)?.join(short_digest(index)))
    }

    fn metadata_path(&self, key: &Sha256) -> Option<PathBuf> {
        let digest = key.to_string();
        Some(self.below(METADATA)?.join(&digest[..2]).join(digest))
    }
}

/// Header and encoded page of a whole file.
fn split(file: &Bytes) -> Option<(PageHeader, Bytes)> {
    let (header, end) = read_header(file)?;
    Some((header, file.slice(end..)))
}

/// The header that a file begins with, and where it ends; `None` unless it is as it was written.
fn read_header(file: &[u8]) -> Option<(PageHeader, usize)> {
    let (length, rest) = file.split_first_chunk()?;
    let (checksum, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let header = rest.get(..length)?;
    if crc32fast::hash(header) != u32::from_le_bytes(*checksum) {
        return None;
    }
    Some((serde_json::from_slice(header).ok()?, length.checked_add(8)?))
}

fn write_header(header: &PageHeader) -> Option<Vec<u8>> {
    let header = serde_json::to_vec(header).ok()?;
    let length = u32::try_from(header.len()).ok()?;
    let checksum = crc32fast::hash(&header);
    Some([&length.to_le_bytes()[..], &checksum.to_le_bytes()[..], &header[..]].concat())
}

/// The policy for storing an answer.
pub fn policy(
    request: &http::Request<()>,
    response: &http::Response<()>,
    now: SystemTime,
) -> CachePolicy {
    let options = CacheOptions { shared: false, ..CacheOptions::default() };
    CachePolicy::new_options(request, response, now, options)
}

fn short_digest(index: &Url) -> String {
    Sha256::of(index.as_str().as_bytes()).to_string()[..16].to_owned()
}
