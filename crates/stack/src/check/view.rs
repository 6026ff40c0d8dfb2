//! The files of a service as its processes would see them: what its image copies, what is mounted over that, and its
//! environment. Paths are the container's. Owns which file of this machine each is; must not know what is in them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::made::is_ignored;
use pyfast_checker::{Disk, Files, Listed};
use pyfast_root::regular_file;
use serde::{Deserialize, Serialize};

/// Where the modules of the environment are, whatever the container calls it.
pub(super) const PACKAGES: &str = "/.pyfast-packages";

/// Something that is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mounted {
    /// Where.
    pub(super) at: PathBuf,
    /// The file or directory of this machine; `None` where it is none.
    pub(super) from: Option<PathBuf>,
    /// Whether it is known to be a file.
    pub(super) is_file: bool,
}

/// The modules of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Packages {
    /// In a directory that this process can read.
    Directory(PathBuf),
    /// By the names of their files alone.
    Names(BTreeSet<PathBuf>),
}

/// The files of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct View {
    /// Files of this machine, by their places.
    pub(super) files: BTreeMap<PathBuf, PathBuf>,
    /// What lies over them.
    pub(super) mounts: Vec<Mounted>,
    /// The environment; `None` where it is not known.
    pub(super) packages: Option<Packages>,
}

impl View {
    /// The file of this machine that is at a place.
    pub(super) fn on_host(&self, path: &Path) -> Option<PathBuf> {
        if let Ok(below) = path.strip_prefix(PACKAGES) {
            return match &self.packages {
                Some(Packages::Directory(directory)) => Some(directory.join(below)),
                _ => None,
            };
        }
        match self.mount(path) {
            Some(mounted) => {
                let below = path.strip_prefix(&mounted.at).unwrap_or(path);
                let from = mounted.from.as_ref()?;
                // A file is mounted as itself.
                Some(if below.as_os_str().is_empty() { from.clone() } else { from.join(below) })
            }
            None => self.files.get(path).cloned(),
        }
    }

    /// The innermost mount that a place is in.
    fn mount(&self, path: &Path) -> Option<&Mounted> {
        let over = self.mounts.iter().filter(|mounted| path.starts_with(&mounted.at));
        over.max_by_key(|mounted| mounted.at.components().count())
    }

    /// Whether nobody knows here what is in a directory that is mounted; `None` for one that is not.
    pub(super) fn is_dark(&self, directory: &Path) -> Option<bool> {
        self.mount(directory).map(|mounted| mounted.from.is_none() && !mounted.is_file)
    }

    /// Directories of this machine from which an image has what is in a directory.
    pub(super) fn copied_from(&self, directory: &Path) -> Vec<PathBuf> {
        let files = self.files.range(directory.to_owned()..);
        let mut found: Vec<PathBuf> = Vec::new();
        for (place, host) in files.take_while(|(place, _)| place.starts_with(directory)) {
            let below = place.strip_prefix(directory).unwrap_or(place).components();
            let mut from = host.as_path();
            let same = below.rev().all(|part| {
                let same = from.file_name() == Some(part.as_os_str());
                from = from.parent().unwrap_or(from);
                same
            });
            if same && !found.iter().any(|known| known == from) {
                found.push(from.to_owned());
            }
        }
        found
    }

    /// Places below a directory, of which the first names are what it has.
    fn below<'v>(
        directory: &'v Path,
        paths: impl Iterator<Item = &'v PathBuf> + 'v,
    ) -> impl Iterator<Item = Listed> + 'v {
        paths.filter_map(move |path| {
            let mut parts = path.strip_prefix(directory).ok()?.components();
            let name = parts.next()?.as_os_str().to_str()?.to_owned();
            Some(Listed { name, is_directory: parts.next().is_some() })
        })
    }
}

impl Files for View {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let host = self.on_host(path).ok_or(io::ErrorKind::NotFound)?;
        regular_file::read(&host)
    }

    fn list(&self, directory: &Path) -> Vec<Listed> {
        if self.is_dark(directory) == Some(true) {
            // A package of which nothing can be read: it may have any module.
            return vec![Listed { name: "__init__.pyc".to_owned(), is_directory: false }];
        }
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        let mut add = |listed: Listed| {
            let known = found.entry(listed.name).or_default();
            *known |= listed.is_directory;
        };
        if let (Ok(below), Some(Packages::Names(names))) =
            (directory.strip_prefix(PACKAGES), &self.packages)
        {
            Self::below(
                below,
                names.range(below.to_owned()..).take_while(|one| one.starts_with(below)),
            )
            .for_each(&mut add);
        } else if directory.starts_with(PACKAGES) || self.mount(directory).is_some() {
            let host = self.on_host(directory);
            host.iter().flat_map(|host| Disk.list(host)).for_each(&mut add);
        } else {
            let files = self.files.range(directory.to_owned()..).map(|(path, _)| path);
            Self::below(directory, files.take_while(|path| path.starts_with(directory)))
                .for_each(&mut add);
        }
        let inner = self.mounts.iter().filter(|mounted| mounted.at != directory);
        for mounted in inner {
            let is_file =
                mounted.is_file || mounted.from.as_ref().is_some_and(|from| from.is_file());
            for mut listed in Self::below(directory, std::iter::once(&mounted.at)) {
                listed.is_directory |= !is_file;
                add(listed);
            }
        }
        found.into_iter().map(|(name, is_directory)| Listed { name, is_directory }).collect()
    }

    fn left_out(&self, path: &Path) -> Option<PathBuf> {
        let (directory, name) = (path.parent()?, path.file_name()?);
        if self.mount(path).is_some() {
            return None;
        }
        let copied = self.copied_from(directory).into_iter().map(|host| host.join(name));
        // A directory without sources is no package that somebody forgot.
        let is_source = |name: &str| Path::new(name).extension().is_some_and(|end| end == "py");
        let has_sources = |host: &Path| Disk.list(host).iter().any(|one| is_source(&one.name));
        copied.into_iter().find(|host| {
            host.to_str().is_some_and(is_source) && host.is_file() || has_sources(host)
        })
    }

    fn is_made(&self, path: &Path) -> bool {
        let Some(directory) = path.parent() else { return false };
        let name = path.strip_prefix(directory).unwrap_or(path);
        let on_host = self.on_host(directory).map(|host| vec![host]);
        let hosts = on_host.unwrap_or_else(|| self.copied_from(directory));
        hosts.iter().any(|host| is_ignored(&host.join(name)))
    }

    fn origin(&self, path: &Path) -> Option<PathBuf> {
        self.on_host(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(view: &View, directory: &str) -> Vec<String> {
        let mark = |one: Listed| if one.is_directory { format!("{}/", one.name) } else { one.name };
        view.list(Path::new(directory)).into_iter().map(mark).collect()
    }

    #[test]
    fn a_container_sees_what_lies_over_what_its_image_has() {
        let place = tempfile::tempdir().unwrap();
        for name in ["image/main.py", "image/pkg/a.py", "own/b.py", "one.py"] {
            let path = place.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, name).unwrap();
        }
        let host = |name: &str| place.path().join(name);
        let mounted = |at: &str, from: Option<&str>| Mounted {
            at: at.into(),
            from: from.map(host),
            is_file: false,
        };
        let view = View {
            files: BTreeMap::from([
                ("/app/main.py".into(), host("image/main.py")),
                ("/app/pkg/a.py".into(), host("image/pkg/a.py")),
            ]),
            mounts: vec![
                mounted("/app/pkg", Some("own")),
                mounted("/app/data", None),
                mounted("/app/one.py", Some("one.py")),
            ],
            packages: Some(Packages::Names(["six.py", "x/__init__.py"].map(PathBuf::from).into())),
        };
        assert_eq!(names(&view, "/app"), ["data/", "main.py", "one.py", "pkg/"]);
        assert_eq!(names(&view, "/app/pkg"), ["b.py"], "the image's own are hidden");
        assert_eq!(names(&view, "/app/data"), ["__init__.pyc"], "nobody knows");
        assert_eq!(names(&view, "/"), ["app/"]);
        assert_eq!(names(&view, PACKAGES), ["six.py", "x/"]);
        assert_eq!(names(&view, &format!("{PACKAGES}/x")), ["__init__.py"]);
        let read = |path: &str| view.read(Path::new(path)).ok().map(|text| text.len());
        assert_eq!(read("/app/pkg/b.py"), Some("own/b.py".len()));
        assert_eq!(read("/app/pkg/a.py"), None);
        assert_eq!(read("/app/one.py"), Some("one.py".len()));
        let dark = |path: &str| view.is_dark(Path::new(path));
        assert_eq!(
            [dark("/app/data/x"), dark("/app/pkg"), dark("/app")],
            [Some(true), Some(false), None]
        );
    }
}
