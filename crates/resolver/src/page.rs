//! A project's page of an index, in the form it is cached in: versions sorted newest first,
//! each with its files still encoded, because a resolution looks at few of them.
//!
//! An encoded page is the length of its index, the index, and the files of each version.
//! The encoding is postcard's; a change of these types needs a new cache folder (`cache::PAGES`).

use std::borrow::Cow;
use std::os::unix::fs::FileExt;
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use pep440_rs::Version;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use pyfast_packaging::filename::archive_stem;
use pyfast_packaging::hash::Sha256;

/// One file of a page, as the index describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct File<'a> {
    /// The file name.
    pub(crate) filename: Cow<'a, str>,
    /// Absolute URL without fragment; for a local file its path.
    pub(crate) url: Cow<'a, str>,
    /// The digest the index gives.
    pub(crate) sha256: Option<Sha256>,
    /// Size in bytes.
    pub(crate) size: Option<u64>,
    /// `Requires-Python` of the index' page.
    pub(crate) requires_python: Option<Cow<'a, str>>,
    /// `Some` where the file is yanked, with the reason (may be empty).
    pub(crate) yanked: Option<Cow<'a, str>>,
    /// ISO 8601 time of the upload.
    pub(crate) upload_time: Option<Cow<'a, str>>,
    /// Whether a metadata file stands beside it (PEP 658).
    pub(crate) core_metadata: bool,
}

/// What stands before the files of a page: each version with the length of its encoded files.
type Index<'a> = Vec<(Cow<'a, str>, u32)>;

/// The `index` of files from `--find-links`.
pub(crate) const FLAT: usize = usize::MAX;
/// The `index` of a wheel named by URL or path.
pub(crate) const DIRECT: usize = usize::MAX - 1;

/// A project's versions on one index.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Newest first; where pages stand one after the other, so in each.
    versions: Arc<[PageVersion]>,
    /// Whether pages of several indexes stand one after the other.
    chained: bool,
}

/// One version of a project with its files.
#[derive(Debug, Clone)]
pub(crate) struct PageVersion {
    /// The version.
    pub(crate) version: Version,
    /// Files of this version, encoded, each piece with the number of its index; several pieces where
    /// pages were merged, the first preferred.
    files: Vec<(usize, Piece)>,
    /// Which index it came from first, counted in the order of preference.
    pub(crate) index: usize,
}

/// Encoded files of one version: in memory, or still in the cache.
#[derive(Debug, Clone)]
enum Piece {
    Memory(Bytes),
    Stored { page: Arc<StoredPage>, offset: u64, length: u32 },
}

/// A cached page that is read version by version. The open file stays the same page even when the
/// cache replaces it.
#[derive(Debug)]
pub(crate) struct StoredPage {
    file: std::fs::File,
    /// Where the encoded page begins in the file.
    start: u64,
}

impl StoredPage {
    /// An encoded page that begins at `start` in a file.
    pub(crate) fn new(file: std::fs::File, start: u64) -> Self {
        Self { file, start }
    }

    fn read(&self, offset: u64, length: u32) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
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
            Self::Stored { page, offset, length } => {
                page.read(*offset, *length).map(|bytes| decode(&bytes)).unwrap_or_default()
            }
        }
    }
}

impl PageVersion {
    /// Decodes the files of this version, each with the number of the index that has it.
    pub(crate) fn files(&self) -> Vec<(usize, File<'static>)> {
        let pieces = self.files.iter();
        pieces
            .flat_map(|(index, piece)| piece.files().into_iter().map(|file| (*index, file)))
            .collect()
    }
}

impl File<'_> {
    /// The same file without borrowing.
    pub(crate) fn into_owned(self) -> File<'static> {
        let owned = |text: Option<Cow<'_, str>>| text.map(|text| text.into_owned().into());
        File {
            filename: self.filename.into_owned().into(),
            url: self.url.into_owned().into(),
            requires_python: owned(self.requires_python),
            yanked: owned(self.yanked),
            upload_time: owned(self.upload_time),
            sha256: self.sha256,
            size: self.size,
            core_metadata: self.core_metadata,
        }
    }
}

impl Page {
    /// Groups the files of a page by version; files whose names give no version are dropped
    /// (rules 6, 16 and 17). `project` is the normalised name.
    pub(crate) fn encode(project: &str, files: Vec<File<'_>>) -> Vec<u8> {
        let mut groups: FxHashMap<String, usize> = FxHashMap::default();
        let mut versions: Vec<(Version, Vec<File<'_>>)> = Vec::new();
        for file in files {
            let Some(text) = version_of(project, &file.filename) else { continue };
            let group = if let Some(&group) = groups.get(text.as_ref()) {
                group
            } else {
                let Ok(version) = Version::from_str(&text) else { continue };
                // Other spellings of a version (1.0, 1.0.0) are the same version.
                let group = versions.iter().rposition(|known| known.0 == version);
                let group = group.unwrap_or_else(|| {
                    versions.push((version, Vec::new()));
                    versions.len() - 1
                });
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
            let Ok(length) = u32::try_from(files.len()) else { continue };
            index.push((version.to_string().into(), length));
            encoded.extend(files);
        }
        let index = postcard::to_stdvec(&index).unwrap_or_default();
        let length = u32::try_from(index.len()).unwrap_or_default();
        [&length.to_le_bytes()[..], &index, &encoded].concat()
    }

    /// Reads an encoded page; `None` if it is damaged.
    pub(crate) fn decode(encoded: &Bytes, number: usize) -> Option<Self> {
        let index = encoded.get(4..Self::index_end(encoded)?)?;
        Self::from_index(index, number, |offset, length| {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            (end <= encoded.len()).then(|| Piece::Memory(encoded.slice(start..end)))
        })
    }

    /// Reads the index of a page that stays in its file. `head` is the page's beginning, at least up to
    /// [`Self::index_end`].
    pub(crate) fn open(head: &[u8], page: StoredPage, number: usize) -> Option<Self> {
        let page = Arc::new(page);
        let index = head.get(4..Self::index_end(head)?)?;
        Self::from_index(index, number, |offset, length| {
            Some(Piece::Stored { page: Arc::clone(&page), offset, length })
        })
    }

    /// Where the index of an encoded page ends, from its first four bytes.
    pub(crate) fn index_end(head: &[u8]) -> Option<usize> {
        let length = u32::from_le_bytes(head.get(..4)?.try_into().ok()?);
        usize::try_from(length).ok()?.checked_add(4)
    }

    fn from_index(
        index: &[u8],
        number: usize,
        piece: impl Fn(u64, u32) -> Option<Piece>,
    ) -> Option<Self> {
        let entries: Index<'_> = postcard::from_bytes(index).ok()?;
        let mut versions = Vec::with_capacity(entries.len());
        let mut offset = u64::try_from(index.len()).ok()? + 4;
        for (version, length) in entries {
            let version = Version::from_str(&version).ok()?;
            versions.push(PageVersion {
                version,
                files: vec![(number, piece(offset, length)?)],
                index: number,
            });
            offset += u64::from(length);
        }
        Some(Self { versions: versions.into(), chained: false })
    }

    /// A page without versions.
    pub(crate) fn empty() -> Self {
        Self { versions: Vec::new().into(), chained: false }
    }

    /// The versions in the order of preference.
    pub(crate) fn versions(&self) -> &[PageVersion] {
        &self.versions
    }

    /// The versions of each page that stands for itself, in the order of preference.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &[PageVersion]> {
        self.versions.chunk_by(|a, b| !self.chained || a.index == b.index)
    }

    /// Joins pages: each version once, its files in the order of `pages`.
    pub(crate) fn merge(mut pages: Vec<Self>) -> Self {
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
                first.files.append(&mut later.files);
            }
            same
        });
        Self { versions: versions.into(), chained: false }
    }

    /// Puts pages one after the other: a later page's versions are only looked at when no earlier
    /// one's fits.
    pub(crate) fn chain(pages: &[Self]) -> Self {
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
            sha256: None,
            size: None,
            requires_python: None,
            yanked: None,
            upload_time: None,
            core_metadata: false,
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
        let page = Page::decode(&encoded.into(), 0).expect("a page");
        let seen: Vec<(String, Vec<String>)> = page
            .versions()
            .iter()
            .map(|version| {
                let files = version.files();
                let files = files.iter().map(|(_, file)| file.filename.to_string()).collect();
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

    #[test]
    fn damaged_pages_are_not_read() {
        let encoded = Page::encode("a", vec![file("a-1-py3-none-any.whl")]);
        assert!(Page::decode(&Bytes::from(encoded[..encoded.len() / 2].to_vec()), 0).is_none());
        assert!(Page::decode(&Bytes::new(), 0).is_none());
    }

    #[test]
    fn merged_pages_keep_the_first_pages_files_first() {
        let page = |names: &[&str], index| {
            let files = names.iter().map(|name| file(name)).collect();
            Page::decode(&Page::encode("a", files).into(), index).expect("a page")
        };
        let flat = page(&["a-1-py3-none-any.whl"], 0);
        let index = page(&["a-1-py2-none-any.whl", "a-2-py3-none-any.whl"], 1);
        let merged = Page::merge(vec![flat.clone(), index.clone()]);
        let first = merged.versions()[1].files();
        let first: Vec<(usize, &str)> =
            first.iter().map(|(index, file)| (*index, file.filename.as_ref())).collect();
        assert_eq!(first, [(0, "a-1-py3-none-any.whl"), (1, "a-1-py2-none-any.whl")]);
        let chained = Page::chain(&[flat, index]);
        assert_eq!(chained.versions()[0].version.to_string(), "1");
    }
}
