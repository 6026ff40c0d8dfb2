//! What a stored wheel's manifest lists, read where it is asked for: an environment needs the names in some
//! directories, and the digests of next to none. Knows the form of a row from `manifest`, and decides nothing.

use std::path::PathBuf;

use super::manifest::{Manifest, StoredFile, parse_row, path_of, read_text};
use crate::error::Error;

use pyfast_root::Dir;

/// The rows of a manifest, sorted by path.
#[derive(Debug)]
pub(crate) struct Listing {
    /// Where the manifest is.
    place: PathBuf,
    text: String,
    /// Where the first row begins.
    begin: usize,
}

/// A name in a directory of a wheel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Child<'a> {
    pub(crate) name: &'a str,
    /// Relative to the wheel's directory in the store.
    pub(crate) inside: &'a str,
    pub(crate) directory: bool,
}

/// A row, and where the next one begins.
struct Row<'a> {
    text: &'a str,
    path: &'a str,
    next: usize,
}

impl Listing {
    /// Reads the rows of the manifest in a wheel's directory, of which this is the header.
    pub(crate) fn read(manifest: &Manifest, wheel: &Dir) -> Result<Self, Error> {
        let (place, text) = read_text(wheel)?;
        let begin = text.find('\n').map_or(text.len(), |end| end + 1);
        let rows = text[begin..].matches('\n').count() as u64;
        let listing = Self { place, text, begin };
        if rows != manifest.files || !listing.text.ends_with('\n') {
            let reason = format!("it lists {rows} of {} files", manifest.files);
            return Err(listing.damaged(reason));
        }
        Ok(listing)
    }

    /// What a directory holds, sorted by path.
    pub(crate) fn children(&self, directory: &str) -> Result<Vec<Child<'_>>, Error> {
        let prefix = format!("{directory}/");
        let mut found = Vec::new();
        let mut at = self.first_from(self.begin, &prefix)?;
        while let Some(row) = self.row(at)? {
            let Some(rest) = row.path.strip_prefix(&prefix) else { break };
            let Some((name, _)) = rest.split_once('/') else {
                found.push(Child { name: rest, inside: row.path, directory: false });
                at = row.next;
                continue;
            };
            let inside = &row.path[..prefix.len() + name.len()];
            found.push(Child { name, inside, directory: true });
            at = self.first_from(row.next, &format!("{inside}{AFTER_SLASH}"))?;
        }
        Ok(found)
    }

    /// Whether there is anything in a directory.
    pub(crate) fn has(&self, directory: &str) -> Result<bool, Error> {
        let prefix = format!("{directory}/");
        let first = self.row(self.first_from(self.begin, &prefix)?)?;
        Ok(first.is_some_and(|row| row.path.starts_with(&prefix)))
    }

    /// A file; `None` if there is none of this path.
    pub(crate) fn file(&self, path: &str) -> Result<Option<StoredFile>, Error> {
        match self.row(self.first_from(self.begin, path)?)? {
            Some(row) if row.path == path => self.parsed(row.text).map(Some),
            _ => Ok(None),
        }
    }

    /// Every file in a directory, sorted by path.
    pub(crate) fn below(&self, directory: &str) -> Result<Vec<StoredFile>, Error> {
        let prefix = format!("{directory}/");
        let mut found = Vec::new();
        let mut at = self.first_from(self.begin, &prefix)?;
        while let Some(row) = self.row(at)?.filter(|row| row.path.starts_with(&prefix)) {
            found.push(self.parsed(row.text)?);
            at = row.next;
        }
        Ok(found)
    }

    /// Where the first row begins, of those from `begin` on, whose path is not less than this.
    fn first_from(&self, begin: usize, path: &str) -> Result<usize, Error> {
        let (mut low, mut high) = (begin, self.text.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let before = self.text.as_bytes()[low..middle].iter().rposition(|byte| *byte == b'\n');
            let at = before.map_or(low, |before| low + before + 1);
            match self.row(at)? {
                Some(row) if row.path < path => low = row.next,
                _ => high = at,
            }
        }
        Ok(low)
    }

    /// The row that begins there; `None` at the end.
    fn row(&self, begin: usize) -> Result<Option<Row<'_>>, Error> {
        let rest = &self.text[begin..];
        let Some((text, _)) = rest.split_once('\n') else { return Ok(None) };
        let path = path_of(text).ok_or_else(|| self.unread(text))?;
        Ok(Some(Row { text, path, next: begin + text.len() + 1 }))
    }

    fn parsed(&self, row: &str) -> Result<StoredFile, Error> {
        parse_row(row).ok_or_else(|| self.unread(row))
    }

    fn unread(&self, row: &str) -> Error {
        self.damaged(format!("`{}` does not describe a file", row.escape_debug()))
    }

    fn damaged(&self, reason: String) -> Error {
        Error::Damaged { path: self.place.clone(), reason }
    }
}

/// What sorts directly after a slash.
const AFTER_SLASH: char = '0';

#[cfg(test)]
mod tests {
    use pyfast_packaging::hash::Sha256;

    use super::*;
    use crate::store::manifest::FILE;

    fn manifest(files: u64) -> Manifest {
        Manifest {
            name: "a".into(),
            version: "1".into(),
            filename: "a-1-py3-none-any.whl".into(),
            dist_info: "a-1.dist-info".into(),
            files,
            ..Manifest::default()
        }
    }

    fn listing(paths: &[&str]) -> (tempfile::TempDir, Manifest, Result<Listing, Error>) {
        let mut files: Vec<StoredFile> = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let (sha256, size) = (Sha256([u8::try_from(number).unwrap(); 32]), number as u64);
            files.push(StoredFile { path: (*path).into(), sha256, size, executable: false });
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let manifest = manifest(files.len() as u64);
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join(FILE), manifest.to_text(&files)).unwrap();
        let listing = Listing::read(&manifest, &Dir::open_named(directory.path()).unwrap());
        (directory, manifest, listing)
    }

    #[test]
    fn directories_and_files_are_found_by_name() {
        let paths = [
            "root/a/x.py",
            "root/a/b/c/deep.py",
            "root/a/b.py",
            "root/a-1.dist-info/RECORD",
            "root/a.py",
            "root/ä/é.py",
            "root/a/b-c/x.py",
            "data/data/share/a",
            "root/a/bb/x y.py",
        ];
        let (_directory, _, listing) = listing(&paths);
        let listing = listing.unwrap();
        let names = |directory: &str| {
            let children = listing.children(directory).unwrap().into_iter();
            let slash = |child: &Child<'_>| if child.directory { "/" } else { "" };
            children.map(|child| format!("{}{}", child.name, slash(&child))).collect::<Vec<_>>()
        };
        assert_eq!(names("root"), ["a-1.dist-info/", "a.py", "a/", "ä/"]);
        assert_eq!(names("root/a"), ["b-c/", "b.py", "b/", "bb/", "x.py"]);
        assert_eq!(names("root/a/b/c"), ["deep.py"]);
        assert_eq!(names("root/a/bb"), ["x y.py"]);
        assert!(names("root/a/nothing").is_empty() && names("root/a.py").is_empty());
        assert_eq!(listing.children("root/a").unwrap()[2].inside, "root/a/b");
        assert!(listing.has("data/data").unwrap() && !listing.has("data/dat").unwrap());
        for (number, path) in paths.iter().enumerate() {
            let file = listing.file(path).unwrap().unwrap();
            assert_eq!((file.path.as_str(), file.size), (*path, number as u64));
        }
        assert_eq!(listing.file("root/a").unwrap(), None);
        assert_eq!(listing.file("zzz").unwrap(), None);
        assert_eq!(listing.below("root/a/b").unwrap().len(), 1);
        assert_eq!(listing.below("root/a").unwrap().len(), 5);
    }

    #[test]
    fn a_manifest_that_is_cut_or_garbled_is_damaged() {
        let (directory, manifest, listing) = listing(&["root/a.py", "root/b.py"]);
        listing.unwrap();
        let open = Dir::open_named(directory.path()).unwrap();
        let place = directory.path().join(FILE);
        let text = fs_err::read_to_string(&place).unwrap();
        for cut in [text.len() - 1, text.len() - 10, text.find('\n').unwrap() + 1, 3] {
            fs_err::write(&place, &text[..cut]).unwrap();
            let error = Listing::read(&manifest, &open).unwrap_err();
            assert!(matches!(error, Error::Damaged { .. }), "{cut}: {error}");
        }
        fs_err::write(&place, text.replace("0444", "0644")).unwrap();
        let garbled = Listing::read(&manifest, &open).unwrap();
        assert!(garbled.file("root/a.py").is_err());
        fs_err::write(&place, text.replace(" 0444 ", "")).unwrap();
        assert!(Listing::read(&manifest, &open).unwrap().children("root").is_err());
    }
}
