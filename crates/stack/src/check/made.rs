//! Files that are not there because something makes them: git ignores what is made. Must not know who asks.

use std::io;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::Gitignore;
use pyfast_checker::{Disk, Files, Listed};

/// Whether a `.gitignore` of the project names a path, be it there or not.
pub(super) fn is_ignored(path: &Path) -> bool {
    for directory in path.ancestors().skip(1) {
        let rules = directory.join(".gitignore");
        if rules.is_file() {
            match Gitignore::new(rules).0.matched_path_or_any_parents(path, false) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        if directory.join(".git").exists() {
            break;
        }
    }
    false
}

/// The files of this machine, as those of a project.
pub(super) struct Sources;

impl Files for Sources {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(path)
    }

    fn list(&self, directory: &Path) -> Vec<Listed> {
        Disk.list(directory)
    }

    fn is_made(&self, path: &Path) -> bool {
        is_ignored(path)
    }

    fn origin(&self, path: &Path) -> Option<PathBuf> {
        Disk.origin(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_ignores_is_made_up_to_the_repository() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write(".gitignore", "*.py\n");
        write("own/.git/HEAD", "");
        write("own/.gitignore", "*_pb2.py\n!kept_pb2.py\nmade/\n");
        write("own/pkg/__init__.py", "");
        let is = |name: &str| is_ignored(&place.path().join("own").join(name));
        assert!(is("pkg/a_pb2.py") && is("made/x.py"));
        assert!(!is("pkg/kept_pb2.py") && !is("pkg/other.py"));
    }
}
