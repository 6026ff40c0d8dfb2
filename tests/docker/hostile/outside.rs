//! Something of the host beside a volume: files that only root may read, and directories that look like a root's.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::world::text;

const SECRET: &str = "root:$6$SECRET-MARKER-51ce09";

/// Paths with what is seen of them: kind and mode, size, content or target, times.
type Seen = BTreeMap<PathBuf, String>;

pub(crate) struct Outside {
    folder: tempfile::TempDir,
    before: Seen,
}

impl Outside {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, mode, content) in [
            ("shadow", 0o600, SECRET),
            ("private/key", 0o600, SECRET),
            ("private/.ssh/id", 0o600, SECRET),
            ("data/f", 0o644, "f\n"),
            ("1-0-0123456789abcdef/f", 0o600, SECRET),
        ] {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(&path, content).unwrap();
            fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        }
        let private = folder.path().join("private");
        fs_err::set_permissions(private, PermissionsExt::from_mode(0o700)).unwrap();
        let before = seen(folder.path());
        Self { folder, before }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Nothing of it changed, and nothing of it was told or is in the volume.
    #[track_caller]
    pub(crate) fn check(&self, what: &str, output: &Output, volume: &Path) {
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        let after = seen(self.path());
        let changed: Vec<String> = self
            .before
            .keys()
            .chain(after.keys().filter(|path| !self.before.contains_key(*path)))
            .filter(|path| self.before.get(*path) != after.get(*path))
            .map(|path| {
                format!("{}: {:?} -> {:?}", path.display(), self.before.get(path), after.get(path))
            })
            .collect();
        assert!(changed.is_empty(), "{what} changes the host: {changed:#?}\n{said}");
        assert!(!said.contains(&SECRET[..12]), "{what} tells a secret: {said}");
        let copied = seen(volume);
        let copy = copied.iter().find(|(_, seen)| seen.contains(SECRET));
        assert_eq!(copy, None, "{what} copies a secret into the volume: {said}");
    }
}

/// Links are not followed, and what may block is not opened.
fn seen(folder: &Path) -> Seen {
    let mut found = Seen::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(metadata) = fs_err::symlink_metadata(&path) else { continue };
        let content = if metadata.is_dir() {
            open.extend(fs_err::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else if metadata.is_symlink() {
            fs_err::read_link(&path).unwrap().display().to_string()
        } else if metadata.is_file() && metadata.len() < 1 << 16 {
            text(&fs_err::read(&path).unwrap())
        } else {
            metadata.len().to_string()
        };
        let times = (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime_nsec());
        let owner = (metadata.uid(), metadata.gid());
        found.insert(path, format!("{:o} {owner:?} {times:?} {content}", metadata.mode()));
    }
    found
}
