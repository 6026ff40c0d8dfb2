//! The files of a build's context, as far as `.dockerignore` lets them in. Owns the walk; must not know what is made
//! of them.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::ignore::{Ignore, Matched};
use crate::error::Error;

/// Something in a context.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its path below the context, parts joined by `/`.
    pub(crate) name: String,
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) kind: Kind,
    /// What the file system says of it.
    pub(crate) metadata: std::fs::Metadata,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link, and where it points.
    Link(PathBuf),
}

impl Entry {
    /// Whether somebody may execute it.
    pub(crate) fn executable(&self) -> bool {
        self.metadata.permissions().mode() & 0o111 != 0
    }
}

/// Everything in a context that is not left out, each directory before what is in it, by name. Sockets and devices
/// cannot be sent and are no part of it.
pub(crate) fn walk(directory: &Path, ignore: &Ignore) -> Result<Vec<Entry>, Error> {
    let mut walk = Walk { ignore, found: Vec::new(), unread: None };
    walk.directory(directory, &mut Vec::new(), &ignore.root())
        .map_err(Error::io("read a build's context"))?;
    Ok(walk.found)
}

/// What of a directory can be read, and the paths that cannot, with why.
pub(crate) fn walk_readable(
    directory: &Path,
    ignore: &Ignore,
) -> (Vec<Entry>, BTreeMap<PathBuf, String>) {
    let mut walk = Walk { ignore, found: Vec::new(), unread: Some(BTreeMap::new()) };
    let mut unread = BTreeMap::new();
    if let Err(error) = walk.directory(directory, &mut Vec::new(), &ignore.root()) {
        unread.insert(directory.to_owned(), error.to_string());
    }
    unread.extend(walk.unread.unwrap_or_default());
    (walk.found, unread)
}

struct Walk<'a> {
    ignore: &'a Ignore,
    found: Vec<Entry>,
    /// What could not be read, where that does not end the walk.
    unread: Option<BTreeMap<PathBuf, String>>,
}

impl Walk<'_> {
    fn directory(
        &mut self,
        path: &Path,
        parts: &mut Vec<String>,
        matched: &Matched,
    ) -> std::io::Result<()> {
        let mut children: Vec<_> = fs_err::read_dir(path)?.collect::<Result<_, _>>()?;
        children.sort_by_key(fs_err::DirEntry::file_name);
        for child in children {
            // Patterns are text, so a name that is none is matched as it would be shown.
            parts.push(child.file_name().to_string_lossy().into_owned());
            let outcome = self.child(&child, parts, matched);
            parts.pop();
            match (outcome, &mut self.unread) {
                (Err(error), Some(_)) if error.kind() == std::io::ErrorKind::NotFound => {}
                (Err(error), Some(unread)) => {
                    unread.insert(child.path(), error.to_string());
                }
                (outcome, _) => outcome?,
            }
        }
        Ok(())
    }

    fn child(
        &mut self,
        child: &fs_err::DirEntry,
        parts: &mut Vec<String>,
        matched: &Matched,
    ) -> std::io::Result<()> {
        let path = child.path();
        let (ignored, matched) = {
            let names: Vec<&str> = parts.iter().map(String::as_str).collect();
            let (ignored, matched) = self.ignore.check(&names, matched);
            if ignored && !self.ignore.may_keep_below(&names) {
                return Ok(());
            }
            (ignored, matched)
        };
        let metadata = child.metadata()?;
        let kind = if metadata.is_dir() {
            Kind::Directory
        } else if metadata.is_symlink() {
            Kind::Link(fs_err::read_link(&path)?)
        } else if metadata.is_file() {
            Kind::File
        } else {
            return Ok(());
        };
        let descend = kind == Kind::Directory;
        if !ignored {
            self.found.push(Entry { name: parts.join("/"), path: path.clone(), kind, metadata });
        }
        if descend { self.directory(&path, parts, &matched) } else { Ok(()) }
    }
}
