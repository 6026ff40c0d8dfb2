//! Removing code in a container, from within. Owns what may be removed; must not know why.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Removes files, links and directories, these after what is in them and only where nothing is left there; what is not
/// there is no error. Nothing is removed where a path is not absolute and plain, where a link leads to it, or where
/// another file system is mounted at it.
///
/// # Errors
/// What keeps one from being removed.
pub fn remove(places: &[PathBuf]) -> io::Result<()> {
    let mut places: Vec<&PathBuf> = places.iter().collect();
    places.sort_unstable_by(|one, other| other.cmp(one));
    for place in &places {
        check(place)?;
    }
    for place in places {
        match facts(place)? {
            None => {}
            Some(facts) if facts.is_dir() => match fs_err::remove_dir(place) {
                // Others wrote into it.
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
                outcome => outcome?,
            },
            Some(_) => fs_err::remove_file(place)?,
        }
    }
    Ok(())
}

/// Refuses a place at which something may be that is not what its path says.
fn check(place: &Path) -> io::Result<()> {
    let shown = place.display();
    let plain = place.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    let parent = place.parent().filter(|_| place.is_absolute() && plain);
    let Some(parent) = parent else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{shown}` is no plain path"),
        ));
    };
    let Some(facts) = facts(place)? else { return Ok(()) };
    if fs_err::canonicalize(parent)? != parent {
        let message = format!("a link leads to `{shown}`");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    if facts.dev() != fs_err::metadata(parent)?.dev() {
        let message = format!("something is mounted at `{shown}`");
        return Err(io::Error::new(io::ErrorKind::CrossesDevices, message));
    }
    Ok(())
}

fn facts(path: &Path) -> io::Result<Option<std::fs::Metadata>> {
    match fs_err::symlink_metadata(path) {
        Ok(facts) => Ok(Some(facts)),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory, and its path without links.
    fn directory() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = fs_err::canonicalize(directory.path()).unwrap();
        (directory, path)
    }

    #[test]
    fn files_links_and_directories_go_and_what_links_point_to_stays() {
        let (_directory, path) = directory();
        let at = |name: &str| path.join(name);
        fs_err::create_dir_all(at("gone/deep")).unwrap();
        fs_err::create_dir(at("kept")).unwrap();
        for file in ["gone/deep/a.py", "b.py", "kept/c.py"] {
            fs_err::write(at(file), "").unwrap();
        }
        std::os::unix::fs::symlink(at("kept"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("kept"), at("gone/link")).unwrap();
        let gone = ["gone", "gone/deep", "gone/deep/a.py", "gone/link", "b.py", "link"].map(at);
        remove(&[&gone[..], &[at("never"), at("b.py/there")]].concat()).unwrap();
        let left: Vec<_> = fs_err::read_dir(&path).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(at("kept/c.py").is_file());
    }

    #[test]
    fn what_others_wrote_into_a_directory_stays() {
        let (_directory, path) = directory();
        let at = |name: &str| path.join(name);
        fs_err::create_dir_all(at("gone/deep")).unwrap();
        for file in ["gone/a.py", "gone/deep/b.py", "gone/theirs.py"] {
            fs_err::write(at(file), "").unwrap();
        }
        remove(&["gone", "gone/a.py", "gone/deep", "gone/deep/b.py"].map(at)).unwrap();
        let left = fs_err::read_dir(at("gone")).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["theirs.py"]);
    }

    #[test]
    fn where_a_link_leads_nothing_is_removed() {
        let (_directory, path) = directory();
        let at = |name: &str| path.join(name);
        fs_err::create_dir_all(at("real/deep")).unwrap();
        for file in ["real/deep/a.py", "b.py"] {
            fs_err::write(at(file), "").unwrap();
        }
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        for through in ["link/deep/a.py", "link/deep"] {
            let error = remove(&["b.py", through].map(at)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
        }
        assert!(at("real/deep/a.py").is_file() && at("b.py").is_file());
        remove(&["link/gone.py", "link/gone/x.py"].map(at)).unwrap();
    }

    #[test]
    fn paths_that_are_not_plain_remove_nothing() {
        let (_directory, path) = directory();
        let file = path.join("a.py");
        fs_err::write(&file, "").unwrap();
        for wrong in ["a.py", "/", "", "/tmp/../etc"] {
            let error = remove(&[file.clone(), PathBuf::from(wrong)]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{wrong}");
        }
        assert!(file.is_file());
    }

    #[test]
    fn what_is_mounted_is_left() {
        // `/proc` is another file system wherever this runs.
        let error = remove(&["/proc".into()]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::CrossesDevices, "{error}");
    }
}
