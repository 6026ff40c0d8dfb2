//! Where a command runs: its folder, its variables, and what its search path begins with. Paths are the service's own.

use std::collections::BTreeMap;
use std::path::Path;

/// Stands in words for what is not known of them: no word of a command line can have it.
pub(super) const UNKNOWN: char = '\0';

/// Where something is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Start {
    /// The working directory, below the one that the service starts in unless it begins with `/`; empty is that one.
    pub directory: String,
    /// Variables that the command line sets. A value that is not known is there, with a NUL in it.
    pub variables: BTreeMap<String, String>,
    /// The directories that the search path begins with, before those of `PYTHONPATH`, as [`Self::directory`] is written.
    pub first: Vec<String>,
    /// Whether `PYTHONPATH` does not count (`-E`, `-I`).
    pub ignores_variables: bool,
}

impl Start {
    /// Changes the working directory.
    pub(super) fn enter(&mut self, folder: &str) {
        self.directory = self.path(folder);
    }

    /// A path as it is meant here.
    pub(super) fn path(&self, path: &str) -> String {
        let joined = if path.starts_with('/') || self.directory.is_empty() {
            path.to_owned()
        } else {
            format!("{}/{path}", self.directory)
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in joined.split('/').filter(|part| !matches!(*part, "" | ".")) {
            match (part, parts.last()) {
                ("..", Some(last)) if *last != ".." => drop(parts.pop()),
                ("..", _) if joined.starts_with('/') => {}
                (part, _) => parts.push(part),
            }
        }
        let path = parts.join("/");
        if joined.starts_with('/') { format!("/{path}") } else { path }
    }

    /// The same with a directory that comes before all others.
    #[must_use]
    pub(super) fn with_first(mut self, directory: &str) -> Self {
        let directory = self.path(directory);
        self.first.insert(0, directory);
        self
    }
}

/// The folder of a path; empty is the working directory's own.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| if folder.is_empty() { "/" } else { folder })
}

/// Whether a path is one of a source.
pub(super) fn is_source(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "py")
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
