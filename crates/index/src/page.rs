//! A project's page of an index, in the form it is cached in: versions sorted newest first,
//! each with its files still encoded, because a resolution looks at few of them.
//!
//! An encoded page is the length of its index, the index' checksum, the index, and the files of each
//! version, whose checksums the index has: a page is read years after it was written, from a disk that may
//! have lost some of it, and what is left must not pass for what an index said.
//! The encoding is postcard's; a change of these types needs a new cache folder (`cache::PAGES`).

use std::borrow::Cow;
use std::os::unix::fs::FileExt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use pep440_rs::Version;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use pyfast_packaging::dist_file::FileFacts;
use pyfast_packaging::filename::archive_stem;
use pyfast_packaging::hash::{OtherDigest, Sha256};

/// One file of a page, as the index describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct File<'a> {
    /// The file name.
    pub filename: Cow<'a, str>,
    /// Absolute URL without fragment; for a local file its path.
    pub url: Cow<'a, str>,
    /// The digest the index gives.
    pub sha256: Option<Sha256>,
    /// The best digest it gives, where that is of another kind.
    pub other: Option<OtherDigest>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// `Requires-Python` of the index' page.
    pub requires_python: Option<Cow<'a, str>>,
    /// `Some` where the file is yanked, with the reason (may be empty).
    pub yanked: Option<Cow<'a, str>>,
    /// ISO 8601 time of the upload.
    pub upload_time: Option<Cow<'a, str>>,
    /// Whether a metadata file stands beside it (PEP 658).
    pub core_metadata: bool,
}

/// What stands before the files of a page: each version with the extent of its encoded files.
type Index<'a> = Vec<(Cow<'a, str>, Extent)>;

/// The length of some encoded bytes, and their CRC-32.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Extent {
    length: u32,
    checksum: u32,
}

impl Extent {
    fn of(bytes: &[u8]) -> Option<Self> {
        let length = u32::try_from(bytes.len()).ok()?;
        Some(Self { length, checksum: crc32fast::hash(bytes) })
    }

    fn fits(self, bytes: &[u8]) -> bool {
        crc32fast::hash(bytes) == self.checksum
    }
}

/// What stands before the index: its length and its checksum.
const HEAD: usize = 8;

/// What lists a file. In the order of preference where several list files of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listing {
    /// The index at this position among the indexes.
    Index(usize),
    /// Nothing: it was named by URL or path.
    Direct,
    /// A page or directory of `--find-links`.
    FindLinks,
}

/// A file with what lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// What lists it.
    pub listing: Listing,
    /// The file.
    pub file: File<'static>,
}

/// A project's versions on one index.
#[derive(Debug, Clone)]
pub struct Page {
    /// Newest first; where pages stand one after the other, so in each.
    versions: Arc<[PageVersion]>,
    /// Whether pages of several indexes stand one after the other.
    chained: bool,
}

/// One version of a project with its files.
#[derive(Debug, Clone)]
pub struct PageVersion {
    /// The version.
    pub version: Version,
    /// Its files, still encoded.
    pub pieces: Pieces,
    /// What listed it first.
    pub listing: Listing,
}

/// Files of one version, encoded, each piece with what lists it; several pieces where pages were
/// merged, the first preferred.
#[derive(Debug, Clone)]
pub struct Pieces(Vec<(Listing, Piece)>);

/// Encoded files of one version: in memory, or still in the cache.
#[derive(Debug, Clone)]
enum Piece {
    Memory(Bytes),
    Stored { page: Arc<StoredPage>, offset: u64, extent: Extent },
}

/// A cached page that is read version by version. The open file stays the same page even when the
/// cache replaces it.
#[derive(Debug)]
pub struct StoredPage {
    file: std::fs::File,
    /// Where the encoded page begins in the file.
    start: u64,
    /// Whether a part was asked for that is not as it was written.
    damaged: AtomicBool,
}

impl StoredPage {
    /// An encoded page that begins at `start` in a file.
    pub fn new(file: std::fs::File, start: u64) -> Self {
        Self { file, start, damaged: AtomicBool::new(false) }
    }

    /// Whether a part was asked for that is not as it was written: whatever was made of this page has to be
    /// made anew, of another one.
    pub fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::Acquire)
    }

    /// A part; nothing where it is not as it was written, which is remembered.
    fn read(&self, offset: u64, extent: Extent) -> Vec<u8> {
        let part = self.try_read(offset, extent).filter(|bytes| extent.fits(bytes));
        part.unwrap_or_else(|| {
            self.damaged.store(true, Ordering::Release);
            Vec::new()
        })
    }

    fn try_read(&self, offset: u64, extent: Extent) -> Option<Vec<u8>> {
        // A damaged length must not ask for memory that the file has no bytes for.
        let end = self.start.checked_add(offset)?.checked_add(u64::from(extent.length))?;
        if end > self.file.metadata().ok()?.len() {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(extent.length).ok()?];
        self.file.read_exact_at(&mut bytes, self.start + offset).ok()?;
        Some(bytes)
    }
}

impl Piece {
    fn files(&self) -> Vec<File<'static>> {
        let decode = |bytes: &[u8]| -> Vec<File<'static>> {
            let files: Vec<File<'_>> = postcard::from_bytes(bytes).unwrap_or_default();
            files.into_iter().map(File::into_owned).collect()
        };
        match self {
            Self::Memory(bytes) => decode(bytes),
            Self::Stored { page, offset, extent } => decode(&page.read(*offset, *extent)),
        }
    }
}

impl PageVersion {
    /// Decodes the files of this version, each with what lists it.
    pub fn files(&self) -> Vec<ListedFile> {
        let pieces = self.pieces.0.iter();
        pieces
            .flat_map(|&(listing, ref piece)| {
                piece.files().into_iter().map(move |file| ListedFile { listing, file })
            })
            .collect()
    }
}

impl File<'_> {
    /// What a lock repeats of it.
    pub fn facts(&self) -> FileFacts {
        FileFacts {
            size: self.size,
            upload_time: self.upload_time.as_ref().map(ToString::to_string),
        }
    }

    /// The same file without borrowing.
    pub fn into_owned(self) -> File<'static> {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| text.into_owned().into());
        File {
            filename: self.filename.into_owned().into(),
            url: self.url.into_owned().into(),
            requires_python: owned(self.requires_python),
            yanked: owned(self.yanked),
            upload_time: owned(self.upload_time),
            sha256: self.sha256,
            other: self.other,
            size: self.size,
            core_metadata: self.core_metadata,
        }
    }
}

impl Page {
    /// Groups the files of a page by version; files whose names give no version are dropped
    /// (rules 6, 16 and 17). `project` is the normalised name.
    pub fn encode(project: &str, files: Vec<File<'_>>) -> Vec<u8> {
        let mut groups: FxHashMap<String, usize> = FxHashMap::default();
        let mut by_version: FxHashMap<Version, usize> = FxHashMap::default();
        let mut versions: Vec<(Version, Vec<File<'_>>)> = Vec::new();
        for file in files {
            let Some(text) = version_of(project, &file.filename) else { continue };
            let group = if let Some(&group) = groups.get(text.as_ref()) {
                group
            } else {
                let Ok(version) = Version::from_str(&text) else { continue };
                // Other spellings of a version (1.0, 1.0.0) are the same version.
                let group = *by_version.entry(version.clone()).or_insert(versions.len());
                if group == versions.len() {
                    versions.push((version, Vec::new()));
                }
                groups.insert(text.into_owned(), group);
                group
            };
            versions[group].1.push(file);
        }
        versions.sort_by(|a, b| b.0.cmp(&a.0));
        let mut index = Index::with_capacity(versions.len());
        let mut encoded = Vec::new();
        for (version, mut files) in versions {
            // Of several sources the first is taken: the one in today's format.
            let age = |file: &File<'_>| archive_stem(&file.filename).map_or(0, |(_, age)| age);
            files.sort_by(|a, b| (age(a), &a.filename).cmp(&(age(b), &b.filename)));
            let files = postcard::to_stdvec(&files).unwrap_or_default();
            let Some(extent) = Extent::of(&files) else { continue };
            index.push((version.to_string().into(), extent));
            encoded.extend(files);
        }
        let index = postcard::to_stdvec(&index).unwrap_or_default();
        let extent = Extent::of(&index).unwrap_or(Extent { length: 0, checksum: 0 });
        let head = [extent.length.to_le_bytes(), extent.checksum.to_le_bytes()].concat();
        [&head[..], &index, &encoded].concat()
    }

    /// Whether an encoded page is as it was written.
    pub fn is_whole(encoded: &[u8]) -> bool {
        let check = || {
            let index = Self::index(encoded)?;
            let mut rest = encoded.get(Self::index_end(encoded)?..)?;
            for (_, extent) in postcard::from_bytes::<Index<'_>>(index).ok()? {
                let (files, after) = rest.split_at_checked(usize::try_from(extent.length).ok()?)?;
                rest = extent.fits(files).then_some(after)?;
            }
            rest.is_empty().then_some(())
        };
        check().is_some()
    }

    /// Reads an encoded page; `None` if it is damaged.
    pub fn decode(encoded: &Bytes, listing: Listing) -> Option<Self> {
        let index = Self::index(encoded)?;
        Self::from_index(index, listing, |offset, extent| {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(extent.length).ok()?)?;
            let files = encoded.get(start..end).filter(|files| extent.fits(files))?;
            Some(Piece::Memory(encoded.slice_ref(files)))
        })
    }

    /// Reads the index of a page that stays in its file. `head` is the page's beginning, at least up to
    /// [`Self::index_end`].
    pub fn open(head: &[u8], page: StoredPage, listing: Listing) -> Option<Self> {
        let page = Arc::new(page);
        let index = Self::index(head)?;
        Self::from_index(index, listing, |offset, extent| {
            Some(Piece::Stored { page: Arc::clone(&page), offset, extent })
        })
    }

    /// The index of an encoded page, if it is as it was written.
    fn index(encoded: &[u8]) -> Option<&[u8]> {
        let checksum = u32::from_le_bytes(encoded.get(4..HEAD)?.try_into().ok()?);
        let index = encoded.get(HEAD..Self::index_end(encoded)?)?;
        (crc32fast::hash(index) == checksum).then_some(index)
    }

    /// Where the index of an encoded page ends, from its first four bytes.
    pub fn index_end(head: &[u8]) -> Option<usize> {
        let length = u32::from_le_bytes(head.get(..4)?.try_into().ok()?);
        usize::try_from(length).ok()?.checked_add(HEAD)
    }

    fn from_index(
        index: &[u8],
        listing: Listing,
        piece: impl Fn(u64, Extent) -> Option<Piece>,
    ) -> Option<Self> {
        let entries: Index<'_> = postcard::from_bytes(index).ok()?;
        let mut versions = Vec::with_capacity(entries.len());
        let mut offset = u64::try_from(index.len().checked_add(HEAD)?).ok()?;
        for (version, extent) in entries {
            let version = Version::from_str(&version).ok()?;
            versions.push(PageVersion {
                version,
                pieces: Pieces(vec![(listing, piece(offset, extent)?)]),
                listing,
            });
            offset += u64::from(extent.length);
        }
        Some(Self { versions: versions.into(), chained: false })
    }

    /// The file that the page is read from as far as it is needed, where it is.
    pub fn stored(&self) -> Option<&Arc<StoredPage>> {
        match self.versions.first()?.pieces.0.first()? {
            (_, Piece::Stored { page, .. }) => Some(page),
            (_, Piece::Memory(_)) => None,
        }
    }

    /// A page without versions.
    pub fn empty() -> Self {
        Self { versions: Vec::new().into(), chained: false }
    }

    /// The versions in the order of preference.
    pub fn versions(&self) -> &[PageVersion] {
        &self.versions
    }

    /// The versions of each page that stands for itself, in the order of preference.
    pub fn pages(&self) -> impl Iterator<Item = &[PageVersion]> {
        self.versions.chunk_by(|a, b| !self.chained || a.listing == b.listing)
    }

    /// Joins pages: each version once, its files in the order of `pages`.
    pub fn merge(mut pages: Vec<Self>) -> Self {
        if pages.len() == 1
            && let Some(only) = pages.pop()
        {
            return only;
        }
        let all = pages.iter().flat_map(|page| page.versions.iter().cloned());
        let mut versions: Vec<PageVersion> = all.collect();
        // The sort is stable: of equal versions those of the earlier page come first.
        versions.sort_by(|a, b| b.version.cmp(&a.version));
        versions.dedup_by(|later, first| {
            let same = later.version == first.version;
            if same {
                first.pieces.0.append(&mut later.pieces.0);
            }
            same
        });
        Self { versions: versions.into(), chained: false }
    }

    /// Puts pages one after the other: a later page's versions are only looked at when no earlier
    /// one's fits.
    pub fn chain(pages: &[Self]) -> Self {
        let versions = pages.iter().flat_map(|page| page.versions.iter().cloned()).collect();
        Self { versions, chained: true }
    }
}

/// The version in a file name of `project`; `None` for files that are neither wheel nor source
/// distribution of it.
fn version_of<'a>(project: &str, filename: &'a str) -> Option<Cow<'a, str>> {
    if let Some(stem) = filename.strip_suffix(".whl") {
        let mut parts = stem.split('-');
        let name = parts.next()?;
        let version = parts.next()?;
        if !same_project(project, name) || !matches!(parts.count(), 3 | 4) {
            return None;
        }
        return Some(if version.contains('_') {
            version.replace('_', "-").into()
        } else {
            version.into()
        });
    }
    let (stem, _) = archive_stem(filename)?;
    // A project's name may itself contain dashes: try each dash that a version could follow.
    let mut dashes = stem.match_indices('-').map(|(index, _)| index);
    let dash = dashes.find(|&dash| same_project(project, &stem[..dash]))?;
    Some(stem[dash + 1..].into())
}

/// Compares names after normalisation without allocating.
fn same_project(project: &str, name: &str) -> bool {
    let mut expected = project.bytes();
    let mut separator = false;
    for byte in name.bytes() {
        if matches!(byte, b'-' | b'_' | b'.') {
            separator = true;
            continue;
        }
        if std::mem::take(&mut separator) && expected.next() != Some(b'-') {
            return false;
        }
        if expected.next() != Some(byte.to_ascii_lowercase()) {
            return false;
        }
    }
    !separator && expected.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(filename: &str) -> File<'_> {
        File {
            filename: filename.into(),
            url: format!("https://h/{filename}").into(),
            ..File::default()
        }
    }

    #[test]
    fn files_are_grouped_by_version_newest_first() {
        let names = [
            "a_b-1.0-py3-none-any.whl",
            "a_b-1.0.tar.bz2",
            "A.b-1.0.0.tar.gz",
            "a-b-2.0rc1.zip",
            "a_b-2.0-1-py3-none-any.whl",
            "other-3.0-py3-none-any.whl",
            "a_b-x.y-py3-none-any.whl",
            "a_b-1.0.exe",
        ];
        let encoded = Page::encode("a-b", names.iter().map(|name| file(name)).collect());
        let page = Page::decode(&encoded.into(), Listing::Index(0)).expect("a page");
        let seen: Vec<(String, Vec<String>)> = page
            .versions()
            .iter()
            .map(|version| {
                let files = version.files();
                let files = files.iter().map(|one| one.file.filename.to_string()).collect();
                (version.version.to_string(), files)
            })
            .collect();
        let expected = [
            ("2.0", vec!["a_b-2.0-1-py3-none-any.whl"]),
            ("2.0rc1", vec!["a-b-2.0rc1.zip"]),
            ("1.0", vec!["A.b-1.0.0.tar.gz", "a_b-1.0-py3-none-any.whl", "a_b-1.0.tar.bz2"]),
        ];
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(version, files)| {
                ((*version).to_owned(), files.iter().map(|file| (*file).to_owned()).collect())
            })
            .collect();
        assert_eq!(seen, expected);
    }

    fn two_versions() -> Vec<u8> {
        Page::encode("a", vec![file("a-1-py3-none-any.whl"), file("a-2-py3-none-any.whl")])
    }

    /// Every way to lose the end of a page or to change one of its bytes.
    fn damages(encoded: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let cut = (0..encoded.len()).map(|length| encoded[..length].to_vec());
        let changed = (0..encoded.len()).flat_map(|place| {
            [1, 0x80, 0xff].map(|bits| {
                let mut changed = encoded.to_vec();
                changed[place] ^= bits;
                changed
            })
        });
        cut.chain(changed)
    }

    #[test]
    fn damaged_pages_are_not_read() {
        let encoded = two_versions();
        assert!(Page::is_whole(&encoded));
        for damaged in damages(&encoded) {
            assert!(!Page::is_whole(&damaged));
            assert!(Page::decode(&damaged.into(), Listing::Index(0)).is_none());
        }
    }

    #[test]
    fn damaged_pages_that_are_read_part_by_part_are_noticed() {
        let encoded = two_versions();
        let files =
            |page: &Page| page.versions().iter().map(PageVersion::files).collect::<Vec<_>>();
        let open = |encoded: &[u8]| {
            let mut stored = tempfile::tempfile().expect("a file");
            std::io::Write::write_all(&mut stored, encoded).expect("written");
            Page::open(encoded, StoredPage::new(stored, 0), Listing::Index(0))
        };
        let is_damaged = |page: &Page| page.stored().expect("it is read from a file").is_damaged();
        let whole = open(&encoded).expect("a page");
        let right = files(&whole);
        assert!(!is_damaged(&whole));
        for damaged in damages(&encoded) {
            // A page is dropped at once, or when what is read of it is not right.
            let Some(page) = open(&damaged) else { continue };
            let wrong = files(&page) != right;
            assert!(wrong, "no damage goes unread here");
            assert!(is_damaged(&page));
        }
    }

    #[test]
    fn many_versions_take_no_time_that_grows_with_their_square() {
        let names: Vec<String> = (0..50_000).map(|n| format!("a-{n}-py3-none-any.whl")).collect();
        // Of this thread alone: what else the machine does counts for nothing.
        let worked = || rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime).tv_sec;
        let started = worked();
        let encoded = Page::encode("a", names.iter().map(|name| file(name)).collect());
        let page = Page::decode(&encoded.into(), Listing::Index(0)).expect("a page");
        assert_eq!(page.versions().len(), 50_000);
        assert!(worked() - started < 20, "took {} s", worked() - started);
    }

    #[test]
    fn merged_pages_keep_the_first_pages_files_first() {
        let page = |names: &[&str], number| {
            let files = names.iter().map(|name| file(name)).collect();
            Page::decode(&Page::encode("a", files).into(), Listing::Index(number)).expect("a page")
        };
        let flat = page(&["a-1-py3-none-any.whl"], 0);
        let index = page(&["a-1-py2-none-any.whl", "a-2-py3-none-any.whl"], 1);
        let merged = Page::merge(vec![flat.clone(), index.clone()]);
        let first = merged.versions()[1].files();
        let first: Vec<(Listing, &str)> =
            first.iter().map(|one| (one.listing, one.file.filename.as_ref())).collect();
        let (one, two) = (Listing::Index(0), Listing::Index(1));
        assert_eq!(first, [(one, "a-1-py3-none-any.whl"), (two, "a-1-py2-none-any.whl")]);
        let chained = Page::chain(&[flat, index]);
        assert_eq!(chained.versions()[0].version.to_string(), "1");
    }
}
