//! What of a source directory shapes its build, as digests. Runs nothing.
//!
//! Left out is what builds and tools write beside the sources: byte code, virtual environments, roots of
//! this program, locks (`pylock.toml`, `pylock.NAME.toml`), and `build` and `dist` at the top unless they are packages. Of `.git` only what names the current
//! commit and its tags counts, because versions are computed from it.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pyfast_packaging::hash::Sha256;
use pyfast_packaging::source_dist::PROJECT_FILES;
use pyfast_root::Stamp;
use sha2::Digest as _;

use crate::error::Error;

/// Directories that no build reads, wherever they are.
const IGNORED: [&str; 11] = [
    ".hg",
    ".svn",
    ".venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".eggs",
    "__pycache__",
    "node_modules",
];
/// Directories at the top that builds write, unless they are packages.
const WRITTEN: [&str; 4] = ["build", "dist", "target", "venv"];
/// Of `.git`: what names the current commit, and tags.
const COMMIT: [&str; 3] = ["HEAD", "packed-refs", "refs"];

/// Changes when the content, name or mode of a file below `directory` does.
///
/// # Errors
/// What cannot be read.
pub fn tree_digest(directory: &Path) -> Result<Sha256, Error> {
    let mut hasher = sha2::Sha256::new();
    for file in files(directory, &counts)? {
        let path = directory.join(&file);
        let metadata = fs_err::symlink_metadata(&path).map_err(Error::io("read", &path))?;
        let (kind, content) = if metadata.is_symlink() {
            let target = fs_err::read_link(&path).map_err(Error::io("read", &path))?;
            ("link", Sha256::of(target.as_os_str().as_encoded_bytes()))
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            let content = fs_err::read(&path).map_err(Error::io("read", &path))?;
            (if executable { "program" } else { "file" }, Sha256::of(&content))
        };
        hasher.update(format!("{kind} {content} {}\n", file.display()));
    }
    Ok(Sha256(hasher.finalize().into()))
}

/// The names and stamps of the files below `directory`, and when the newest of them changed in
/// nanoseconds since the epoch: nearly always as good as [`tree_digest`], and much faster.
///
/// # Errors
/// What cannot be read.
pub fn tree_listing(directory: &Path) -> Result<(String, i64), Error> {
    let (mut listing, mut newest) = (String::new(), 0);
    for file in files(directory, &counts)? {
        let path = directory.join(&file);
        let facts = fs_err::symlink_metadata(&path).map_err(Error::io("read", &path))?;
        let stamp = Stamp::of(&facts);
        newest = newest.max(stamp.changed_ns());
        // Writing to a String cannot fail.
        let _ = writeln!(listing, "{} {stamp}", file.display());
    }
    Ok((listing, newest))
}

/// Changes when a file that describes the project does.
pub(super) fn description_digest(project: &Path) -> Sha256 {
    let mut hasher = sha2::Sha256::new();
    for name in PROJECT_FILES {
        let content = fs_err::read(project.join(name)).unwrap_or_default();
        hasher.update(format!("{name} {}\n", Sha256::of(&content)));
    }
    Sha256(hasher.finalize().into())
}

/// The files of a source without its repository, relative to `directory` and sorted; of one that is
/// built in place also without what no build reads.
pub(super) fn all_files(directory: &Path, built_in_place: bool) -> Result<Vec<PathBuf>, Error> {
    files(directory, &|top, path, is_directory| {
        path.file_name().is_none_or(|name| name != ".git")
            && (!built_in_place || counts(top, path, is_directory))
    })
}

/// Whether a path below a directory counts; the last argument says whether it is a directory itself.
type Counts<'a> = dyn Fn(&Path, &Path, bool) -> bool + 'a;

/// The files that count, relative to `directory` and sorted.
fn files(directory: &Path, counts: &Counts<'_>) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(below) = open.pop() {
        let next = directory.join(&below);
        for entry in fs_err::read_dir(&next).map_err(Error::io("read", &next))? {
            let entry = entry.map_err(Error::io("read", &next))?;
            let path = below.join(entry.file_name());
            let kind = entry.file_type().map_err(Error::io("read", &next))?;
            if !counts(directory, &path, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() || kind.is_symlink() {
                found.push(path);
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn counts(top: &Path, path: &Path, directory: bool) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.starts_with(".git") && path.components().count() > 1 {
        return path
            .components()
            .nth(1)
            .is_some_and(|part| COMMIT.iter().any(|known| part.as_os_str() == *known));
    }
    if IGNORED.contains(&&*name) {
        return false;
    }
    let at_top = path.components().count() == 1;
    if !directory {
        return !(name.ends_with(".pyc") || at_top && is_lock(&name));
    }
    let written =
        at_top && WRITTEN.contains(&&*name) && !top.join(path).join("__init__.py").is_file();
    let made = ["pyvenv.cfg", "layout"].iter().any(|file| {
        let known = fs_err::read_to_string(top.join(path).join(file));
        known.is_ok_and(|text| *file == "pyvenv.cfg" || text.starts_with("pyfast "))
    });
    !written && !made && !name.ends_with(".egg-info")
}

/// `pylock.toml` or `pylock.NAME.toml` (PEP 751).
fn is_lock(name: &str) -> bool {
    let inner = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
    inner.is_some_and(|inner| inner.is_empty() || inner.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, name: &str, text: &str) {
        let path = directory.join(name);
        fs_err::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs_err::write(path, text).expect("written");
    }

    #[test]
    fn what_a_build_reads_changes_the_digest_and_what_it_writes_does_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let top = directory.path();
        write(top, "pyproject.toml", "x");
        let digest = || (tree_digest(top).expect("read"), tree_listing(top).expect("listed").0);
        let mut last = digest();
        for ignored in [
            "build/lib/a.py",
            "a.egg-info/PKG-INFO",
            "src/__pycache__/a.pyc",
            ".git/index",
            ".venv/bin/python",
            "other/pyvenv.cfg",
            "other/bin/python",
            "pylock.toml",
            "pylock.dev.toml",
        ] {
            write(top, ignored, "x");
            assert_eq!(digest(), last, "{ignored}");
        }
        write(top, "place/layout", "pyfast 1\n");
        assert_eq!(digest(), last, "a root");
        for read in
            ["src/a.py", "src/build/x.py", ".git/HEAD", ".git/refs/tags/v1", "build/__init__.py"]
        {
            write(top, read, "x");
            assert_ne!(digest(), last, "{read}");
            last = digest();
        }
        let before = tree_digest(top).expect("read");
        write(top, "src/a.py", "y");
        assert_ne!(tree_digest(top).expect("read"), before, "the same size");
    }

    #[test]
    fn a_description_is_what_tools_read_first() {
        let directory = tempfile::tempdir().expect("a directory");
        write(directory.path(), "setup.py", "x");
        let before = description_digest(directory.path());
        write(directory.path(), "a.py", "x");
        assert_eq!(description_digest(directory.path()), before);
        write(directory.path(), "setup.cfg", "x");
        assert_ne!(description_digest(directory.path()), before);
    }
}
