//! Where everything is: the root directory as this process writes it and as Python will see it.
//! Knows names and the layout's version, not the content of any file.

use std::path::{Path, PathBuf};

use pyfast_resolver::Sha256;

use crate::error::Error;

/// The layout that this program reads and writes.
const VERSION: &str = "pyfast 1";

/// One root, one mount point, one file system.
///
/// ```text
/// <root>/
///   layout                           "pyfast 1": another version of the layout is refused
///   bin/pyfast                       the launcher
///   store/v1/wheels/<aa>/<sha256>/   one unpacked wheel, never changed once admitted
///       root/                        what goes to site-packages
///       data/                        scripts, headers and data of the wheel's .data directory
///       manifest                     a JSON header, then every file with digest and size
///       compiled-<cache tag>         the modules of root/ have been compiled for that Python
///   store/v1/built/                  wheels built from source
///   cache/v1/                        index pages and metadata
///   envs/v1/<id>/                    a generation, never changed once activated
///   projects/<project>/<env>/        current → ../../../envs/v1/<id>, state.json,
///                                    history.jsonl, pylock.toml
///   locks/                           files for flock(2)
///   tmp/                             one locked directory for each working process
/// ```
///
/// Symbolic links inside the root are relative; absolute paths written into files (shebangs,
/// `pyvenv.cfg`) are *seen* paths. Nothing outside the root is ever written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    written: PathBuf,
    seen: PathBuf,
}

impl Layout {
    /// Opens the root at `written`, which Python will see at `seen`, and creates what is missing.
    /// Both paths must be absolute.
    ///
    /// # Errors
    /// If the root has another layout, or cannot be created.
    pub fn open(written: &Path, seen: &Path) -> Result<Self, Error> {
        let layout = Self { written: written.to_owned(), seen: seen.to_owned() };
        let version = written.join("layout");
        match fs_err::read_to_string(&version) {
            Ok(found) if found.trim_end() == VERSION => {}
            Ok(found) => {
                let found = found.trim_end().chars().take(80).collect();
                return Err(Error::LayoutVersion {
                    root: written.to_owned(),
                    found,
                    expected: VERSION,
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs_err::create_dir_all(written).map_err(Error::io("create", written))?;
                crate::disk::replace(&version, format!("{VERSION}\n").as_bytes())?;
            }
            Err(error) => return Err(Error::io("read", &version)(error)),
        }
        for directory in [
            layout.bin(),
            layout.wheels(),
            layout.built(),
            layout.cache(),
            layout.envs(),
            layout.projects(),
            layout.locks(),
            layout.tmp(),
        ] {
            if !directory.is_dir() {
                fs_err::create_dir_all(&directory).map_err(Error::io("create", &directory))?;
            }
        }
        Ok(layout)
    }

    /// The root as this process writes it.
    pub fn written(&self) -> &Path {
        &self.written
    }

    /// The root as Python will see it.
    pub fn seen(&self) -> &Path {
        &self.seen
    }

    /// What Python will call a path inside the root; `None` if it is outside.
    pub fn to_seen(&self, written: &Path) -> Option<PathBuf> {
        written.strip_prefix(&self.written).ok().map(|inside| self.seen.join(inside))
    }

    /// The launcher's directory.
    pub fn bin(&self) -> PathBuf {
        self.written.join("bin")
    }

    /// The directory of all unpacked wheels.
    pub fn wheels(&self) -> PathBuf {
        self.written.join("store/v1/wheels")
    }

    /// The directory of one unpacked wheel.
    pub fn wheel(&self, sha256: &Sha256) -> PathBuf {
        self.written.join(wheel_inside(sha256))
    }

    /// The index of wheels built from source.
    pub fn built(&self) -> PathBuf {
        self.written.join("store/v1/built")
    }

    /// Index pages and metadata.
    pub fn cache(&self) -> PathBuf {
        self.written.join("cache/v1")
    }

    /// The directory of all generations.
    pub fn envs(&self) -> PathBuf {
        self.written.join("envs/v1")
    }

    /// The directory of one generation.
    pub fn env(&self, id: &str) -> PathBuf {
        self.envs().join(id)
    }

    /// The directory of all projects.
    pub fn projects(&self) -> PathBuf {
        self.written.join("projects")
    }

    /// Files for `flock(2)`.
    pub fn locks(&self) -> PathBuf {
        self.written.join("locks")
    }

    /// Working directories of running processes.
    pub fn tmp(&self) -> PathBuf {
        self.written.join("tmp")
    }

    /// The directory of a project's environment.
    pub fn project_env(&self, name: &ProjectEnv) -> PathBuf {
        self.projects().join(&name.project).join(&name.env)
    }

    /// The link to the active generation.
    pub fn current(&self, name: &ProjectEnv) -> PathBuf {
        self.project_env(name).join("current")
    }

    /// What the last sync saw; the caller's file.
    pub fn state(&self, name: &ProjectEnv) -> PathBuf {
        self.project_env(name).join("state.json")
    }

    /// Every activation, one JSON object a line.
    pub fn history(&self, name: &ProjectEnv) -> PathBuf {
        self.project_env(name).join("history.jsonl")
    }

    /// The lock that the active generation was made from.
    pub fn lock_copy(&self, name: &ProjectEnv) -> PathBuf {
        self.project_env(name).join("pylock.toml")
    }
}

/// A wheel's directory relative to the root.
pub(crate) fn wheel_inside(sha256: &Sha256) -> String {
    let digest = sha256.to_string();
    format!("store/v1/wheels/{}/{digest}", &digest[..2])
}

/// An environment of a project, by names that can be directory names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectEnv {
    project: String,
    env: String,
}

impl ProjectEnv {
    /// Names the environment `env` of `project`.
    ///
    /// # Errors
    /// If a name is empty, over 100 bytes, begins with a dot, or has other characters than
    /// letters, digits, `.`, `_` and `-`.
    pub fn new(project: &str, env: &str) -> Result<Self, Error> {
        check_name("a project", project)?;
        check_name("an environment", env)?;
        Ok(Self { project: project.to_owned(), env: env.to_owned() })
    }

    /// The project's name.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The environment's name.
    pub fn env(&self) -> &str {
        &self.env
    }
}

fn check_name(what: &'static str, name: &str) -> Result<(), Error> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = match name {
        "" => "it is empty",
        _ if name.len() > 100 => "it is longer than 100 bytes",
        _ if name.starts_with('.') => "it begins with a dot",
        _ if !name.chars().all(fits) => "only letters, digits, `.`, `_` and `-` are allowed",
        _ => return Ok(()),
    };
    Err(Error::Name { what, name: name.chars().take(120).collect(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_created_and_opened_again() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path(), Path::new("/pyfast")).unwrap();
        assert!(layout.wheels().is_dir() && layout.tmp().is_dir());
        assert_eq!(Layout::open(root.path(), Path::new("/pyfast")).unwrap(), layout);
        let name = ProjectEnv::new("shop", "backend").unwrap();
        let current = layout.to_seen(&layout.current(&name));
        assert_eq!(current, Some(PathBuf::from("/pyfast/projects/shop/backend/current")));
    }

    #[test]
    fn another_layout_is_refused() {
        let root = tempfile::tempdir().unwrap();
        fs_err::write(root.path().join("layout"), "pyfast 2\n").unwrap();
        let error = Layout::open(root.path(), root.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("has the layout `pyfast 2`, this program knows `pyfast 1`")
        );
        assert!(!root.path().join("store").exists());
    }

    #[test]
    fn names_that_would_leave_the_directory_are_refused() {
        for name in ["", ".", "..", "../x", "a/b", "a\0b", ".hidden", "a b"] {
            assert!(ProjectEnv::new(name, "default").is_err(), "{name:?}");
            assert!(ProjectEnv::new("project", name).is_err(), "{name:?}");
        }
        assert!(ProjectEnv::new("Händler-1.0_x", "default").is_ok());
    }
}
