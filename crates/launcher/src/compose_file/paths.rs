//! Paths in compose files. Owns how they become absolute; must not know which keys hold any.

use std::path::{Component, Path, PathBuf};

/// The path seen from a directory, without `.` and `..`.
pub(crate) fn absolute(base: &Path, path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in base.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Where relative paths start, and `~`.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    pub(super) base: PathBuf,
    pub(super) home: Option<String>,
}

impl Roots {
    /// A path of the host, absolute.
    pub(super) fn host_path(&self, text: &str) -> String {
        let home = self.home.as_deref();
        let path = match (text.strip_prefix('~'), home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                format!("{home}{rest}")
            }
            _ => text.to_owned(),
        };
        absolute(&self.base, Path::new(&path)).display().to_string()
    }

    /// A build context: a path, or a URL as it stands.
    pub(super) fn context(&self, text: &str) -> String {
        let remote = ["git@", "github.com/"].iter().any(|prefix| text.starts_with(prefix));
        if remote || text.contains("://") { text.to_owned() } else { self.host_path(text) }
    }
}
