//! Everything that can be seen of a tree without opening what may block, and how two such views differ.

use std::collections::BTreeMap;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// Larger files are known by their size and times.
const LARGE: u64 = 1 << 20;

/// What a path is.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Node {
    kind: &'static str,
    mode: u32,
    owner: (u32, u32),
    /// Of files; a directory's depends on its past.
    size: u64,
    /// A file's digest or a link's target.
    content: String,
    modified: (i64, i64),
    /// Moves with every change of mode or owner too, also with one that was taken back.
    changed: (i64, i64),
}

/// Every path below a folder, and the folder itself.
pub(super) type Tree = BTreeMap<PathBuf, Node>;

/// Looks at `folder` and all below it, without `left_out` and what is below those.
pub(super) fn tree(folder: &Path, left_out: &[PathBuf]) -> Tree {
    let mut found = Tree::new();
    let mut open = vec![folder.to_owned()];
    while let Some(path) = open.pop() {
        if left_out.contains(&path) {
            continue;
        }
        let Ok(node) = look(&path) else { continue };
        if node.kind == "directory"
            && let Ok(entries) = fs_err::read_dir(&path)
        {
            open.extend(entries.flatten().map(|entry| entry.path()));
        }
        found.insert(path, node);
    }
    found
}

/// What one path is.
pub(super) fn look(path: &Path) -> std::io::Result<Node> {
    let metadata = fs_err::symlink_metadata(path)?;
    let kind = metadata.file_type();
    let (name, content) = if kind.is_symlink() {
        ("link", fs_err::read_link(path)?.display().to_string())
    } else if kind.is_dir() {
        ("directory", String::new())
    } else if kind.is_file() {
        ("file", content(path, metadata.len()))
    } else if kind.is_fifo() {
        ("FIFO", String::new())
    } else if kind.is_socket() {
        ("socket", String::new())
    } else {
        ("device", metadata.rdev().to_string())
    };
    Ok(Node {
        kind: name,
        mode: metadata.mode() & 0o7777,
        owner: (metadata.uid(), metadata.gid()),
        size: if kind.is_dir() { 0 } else { metadata.len() },
        content,
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

fn content(path: &Path, size: u64) -> String {
    if size > LARGE {
        return "large".to_owned();
    }
    fs_err::read(path)
        .map_or_else(|_| "unreadable".to_owned(), |bytes| crate::support::wheel::sha256(&bytes))
}

/// What became of the paths, in words; empty where nothing did.
pub(super) fn differences(before: &Tree, after: &Tree) -> Vec<String> {
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    let mut words: Vec<String> = gone.map(|path| format!("{} is gone", path.display())).collect();
    for (path, new) in after {
        let what = match before.get(path) {
            None => vec![format!("a new {} ({:o})", new.kind, new.mode)],
            Some(old) => changes(old, new),
        };
        words.extend(what.iter().map(|what| format!("{}: {what}", path.display())));
    }
    words
}

fn changes(old: &Node, new: &Node) -> Vec<String> {
    let mut words = Vec::new();
    if old.kind != new.kind {
        words.push(format!("a {} became a {}", old.kind, new.kind));
    }
    if old.mode != new.mode {
        words.push(format!("mode {:o} became {:o}", old.mode, new.mode));
    }
    if old.owner != new.owner {
        words.push(format!("owner {:?} became {:?}", old.owner, new.owner));
    }
    if (&old.content, old.size) != (&new.content, new.size) {
        words.push(format!("content or target changed ({} to {} bytes)", old.size, new.size));
    }
    if words.is_empty() && old != new {
        words.push("touched: only its times differ".to_owned());
    }
    words
}
