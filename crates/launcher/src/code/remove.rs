//! Removing code in a container, from within. Owns what may be removed; must not know why.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

/// Removes files, links and whole directories; what is not there is no error. Nothing is removed where a path is not
/// absolute and plain, or another file system is mounted in one of the directories.
///
/// # Errors
/// What keeps one from being removed.
pub fn remove(places: &[PathBuf]) -> io::Result<()> {
    for place in places {
        let plain = place.components().skip(1).all(|part| matches!(part, Component::Normal(_)));
        if !place.is_absolute() || !plain || place.components().count() < 2 {
            let message = format!("`{}` is no plain path", place.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if let Some(facts) = facts(place)? {
            let parent = place.parent().unwrap_or(Path::new("/"));
            let device = fs_err::metadata(parent)?.dev();
            same_device(place, &facts, device)?;
        }
    }
    for place in places {
        match facts(place)? {
            None => {}
            Some(facts) if facts.is_dir() => fs_err::remove_dir_all(place)?,
            Some(_) => fs_err::remove_file(place)?,
        }
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

fn same_device(path: &Path, facts: &std::fs::Metadata, device: u64) -> io::Result<()> {
    if facts.dev() != device {
        let message = format!("something is mounted at `{}`", path.display());
        return Err(io::Error::new(io::ErrorKind::CrossesDevices, message));
    }
    if facts.is_dir() {
        for entry in fs_err::read_dir(path)? {
            let entry = entry?;
            same_device(&entry.path(), &entry.metadata()?, device)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_links_and_directories_go_and_what_links_point_to_stays() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs_err::create_dir_all(at("gone/deep")).unwrap();
        fs_err::create_dir(at("kept")).unwrap();
        for file in ["gone/deep/a.py", "b.py", "kept/c.py"] {
            fs_err::write(at(file), "").unwrap();
        }
        std::os::unix::fs::symlink(at("kept"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("kept"), at("gone/link")).unwrap();
        remove(&[at("gone"), at("b.py"), at("link"), at("never"), at("b.py/there")]).unwrap();
        let left: Vec<_> = fs_err::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert!(at("kept/c.py").is_file());
    }

    #[test]
    fn paths_that_are_not_plain_remove_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.py");
        fs_err::write(&file, "").unwrap();
        for path in ["a.py", "/", "", "/tmp/../etc"] {
            let error = remove(&[file.clone(), path.into()]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
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
