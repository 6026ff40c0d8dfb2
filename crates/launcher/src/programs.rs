//! Programs of the search path. Owns which directories of it count; must not know which programs there are.
//!
//! The system takes an empty part for the working directory, where anybody's programs may lie: a project that was
//! cloned, a directory for all. What is started by its name is therefore looked up here first.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The first program of this name in `path`. Parts that are no absolute path are left out.
pub fn find_program(path: &OsStr, name: &str) -> Option<PathBuf> {
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let directories = std::env::split_paths(path).filter(|directory| directory.is_absolute());
    directories.map(|directory| directory.join(name)).find(|file| is_program(file))
}

/// Whether there is a regular file that somebody may execute.
pub fn is_program(file: &Path) -> bool {
    fs_err::metadata(file)
        .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_parts_and_executable_files_count() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| directory.path().join(name);
        for name in ["plain", "folder/x", "good"] {
            fs_err::create_dir_all(place(name)).unwrap();
        }
        for (name, mode) in [("plain/x", 0o644), ("good/x", 0o755)] {
            fs_err::write(place(name), "#!/bin/sh\n").unwrap();
            fs_err::set_permissions(place(name), std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let path = ["plain", "folder", "good"].map(place);
        let path = std::env::join_paths(path).unwrap();
        assert_eq!(find_program(&path, "x"), Some(place("good/x")));
        assert_eq!(find_program(&path, "absent"), None);
        assert_eq!(find_program(&path, "../good/x"), None);
        assert_eq!(find_program(&path, ""), None);
    }

    #[test]
    fn the_working_directory_is_not_searched() {
        let up = "../".repeat(32);
        for path in [format!("{up}bin"), format!(":{up}bin"), format!("{up}bin:"), String::new()] {
            assert!(Path::new(&format!("{up}bin/sh")).is_file(), "the way leads to a program");
            assert_eq!(find_program(path.as_ref(), "sh"), None, "{path}");
        }
        assert!(find_program(":/bin:".as_ref(), "sh").is_some());
    }
}
