//! The context of an image's build: its directory, its Dockerfile, and what of it counts. Owns the reading of both, once
//! for what is compared and for what is sent; must not know engines, nor whether anything is built.

mod ignore;
mod walk;

use std::path::{Component, Path, PathBuf};

pub(crate) use self::ignore::Ignore;
pub(crate) use self::ignore::matches;
pub(crate) use self::walk::{Entry, Kind, walk, walk_readable};
use crate::compose_file::Build;
use crate::error::Error;

/// Whether a context is fetched by the engine (a URL) and not sent.
pub fn is_remote(context: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@", "github.com/"]
        .iter()
        .any(|prefix| context.starts_with(prefix))
}

/// A local context with its Dockerfile.
pub(crate) struct BuildContext {
    /// The context's directory.
    pub(crate) directory: PathBuf,
    /// The Dockerfile's text.
    pub(crate) dockerfile: String,
    /// The Dockerfile's path; `None` when its text stands in the compose file.
    pub(crate) path: Option<PathBuf>,
    /// What is left out.
    pub(crate) ignore: Ignore,
}

impl BuildContext {
    pub(crate) fn open(build: &Build) -> Result<Self, Error> {
        let directory = PathBuf::from(&build.context);
        if !directory.is_dir() {
            return Err(Error::ContextMissing { path: directory });
        }
        let path = directory.join(build.dockerfile.as_deref().unwrap_or("Dockerfile"));
        let (dockerfile, path) = match &build.dockerfile_inline {
            Some(text) => (text.clone(), None),
            None => match pyfast_root::regular_file::read_text(&path) {
                Ok(text) => (text, Some(path)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(Error::DockerfileMissing { path });
                }
                Err(source) => return Err(Error::Io { act: "read a Dockerfile", source }),
            },
        };
        let ignore = ignore_file(&directory, path.as_deref())?;
        Ok(Self { directory, dockerfile, path, ignore })
    }

    /// Paths below the context that do not count for its digest: the Dockerfile, which has one of its own, and what
    /// the caller names.
    pub(crate) fn left_out(&self, named: &[PathBuf]) -> Vec<Vec<String>> {
        let below = named.iter().chain(&self.path).filter_map(|path| {
            let inside = path.strip_prefix(&self.directory).ok()?;
            let parts = inside.components().filter_map(|part| match part {
                Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
                _ => None,
            });
            Some(parts.collect::<Vec<_>>())
        });
        below.filter(|parts| !parts.is_empty()).collect()
    }
}

/// A Dockerfile's own file of rules.
pub(crate) fn own_rules(dockerfile: &Path) -> PathBuf {
    let mut name = dockerfile.as_os_str().to_owned();
    name.push(".dockerignore");
    PathBuf::from(name)
}

/// A Dockerfile's own file of rules goes before the context's.
fn ignore_file(directory: &Path, dockerfile: Option<&Path>) -> Result<Ignore, Error> {
    let own = dockerfile.map(own_rules);
    for path in own.into_iter().chain([directory.join(".dockerignore")]) {
        match pyfast_root::regular_file::read_text(&path) {
            Ok(text) => return Ok(Ignore::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Io { act: "read a .dockerignore", source }),
        }
    }
    Ok(Ignore::default())
}
