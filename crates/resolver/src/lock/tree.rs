//! Sources of a lock that are no files of an index: archives, directories and repositories that were
//! named directly, as PEP 751 writes them. Knows nothing of the rest of a lock.

use std::path::{Component, Path, PathBuf};

use pep440_rs::Version;
use pep508_rs::PackageName;
use serde::Deserialize;
use toml_edit::{InlineTable, Value};
use url::Url;

use pyfast_index::git::is_commit;
use pyfast_packaging::filename::{DistFilename, SourceFilename};
use pyfast_packaging::requirement_source::check_address;
use pyfast_packaging::safe_url::public_address;
use pyfast_packaging::source_dist::{SourceDist, SourceTree};

/// `[packages.directory]`
#[derive(Deserialize)]
pub(crate) struct DirectoryTable {
    path: PathBuf,
    #[serde(default)]
    editable: bool,
    subdirectory: Option<String>,
}

/// `[packages.vcs]`
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct VcsTable {
    r#type: String,
    url: Option<Url>,
    path: Option<PathBuf>,
    requested_revision: Option<String>,
    commit_id: String,
    subdirectory: Option<String>,
}

impl DirectoryTable {
    /// The directory; `base` is the lock's own.
    pub(crate) fn tree(self, base: &Path) -> Result<SourceDist, String> {
        // The components alone, without `.`: one directory has one name.
        let path = clean(&base.join(self.path));
        let subdirectory = below(self.subdirectory)?;
        Ok(SourceDist {
            name: None,
            version: None,
            tree: SourceTree::Directory(path),
            subdirectory,
            editable: self.editable,
        })
    }
}

impl VcsTable {
    pub(crate) fn tree(self, base: &Path) -> Result<SourceDist, String> {
        if self.r#type != "git" {
            return Err(format!(
                "`{}` is not supported; of version control only git is",
                self.r#type
            ));
        }
        if !is_commit(&self.commit_id) {
            return Err(format!("`{}` is no whole commit id", self.commit_id));
        }
        let url = match (self.url, self.path) {
            (Some(url), _) => Some(url),
            (None, Some(path)) => Url::from_file_path(clean(&base.join(path))).ok(),
            (None, None) => None,
        };
        let url = url.ok_or("its repository has neither URL nor path")?;
        if !matches!(url.scheme(), "http" | "https" | "ssh" | "file" | "git") {
            return Err(format!("the URL scheme `{}` is not supported", url.scheme()));
        }
        check_address(&url)?;
        Ok(SourceDist {
            name: None,
            version: None,
            tree: SourceTree::Repository {
                url,
                commit: self.commit_id.to_ascii_lowercase(),
                requested: self.requested_revision,
            },
            subdirectory: below(self.subdirectory)?,
            editable: false,
        })
    }
}

/// A subdirectory that is below the top.
pub(crate) fn below(subdirectory: Option<String>) -> Result<Option<String>, String> {
    let Some(text) = subdirectory.filter(|text| !text.is_empty()) else { return Ok(None) };
    let inside = Path::new(&text).components().all(|part| matches!(part, Component::Normal(_)));
    if inside { Ok(Some(text)) } else { Err(format!("its subdirectory `{text}` leads outside")) }
}

/// The file name that stands for a source. What has no version before it is built has 0.
pub(crate) fn filename(
    dist: &SourceDist,
    name: &PackageName,
    version: Option<&Version>,
) -> DistFilename {
    named(
        match &dist.tree {
            SourceTree::Archive { filename, .. } => filename.clone(),
            tree => tree.to_string(),
        },
        name,
        version,
    )
}

/// The same of a source's own text.
pub(crate) fn named(text: String, name: &PackageName, version: Option<&Version>) -> DistFilename {
    let known = SourceFilename::of(name, &text).map(|known| known.version);
    let version = version.cloned().or(known).unwrap_or_else(|| Version::new([0]));
    DistFilename::Source(SourceFilename { name: name.clone(), version, text })
}

/// The key and the table of a directory or repository; `None` for an archive.
pub(crate) fn table(dist: &SourceDist, base: &Path) -> Option<(&'static str, InlineTable)> {
    let mut table = InlineTable::new();
    let key = match &dist.tree {
        SourceTree::Archive { .. } => return None,
        SourceTree::Directory(path) => {
            table.insert("path", relative(path, base).into());
            if dist.editable {
                table.insert("editable", true.into());
            }
            "directory"
        }
        SourceTree::Repository { url, commit, requested } => {
            table.insert("type", "git".into());
            table.insert("url", public_address(url).as_str().into());
            if let Some(requested) = requested {
                table.insert("requested-revision", requested.as_str().into());
            }
            table.insert("commit-id", commit.as_str().into());
            "vcs"
        }
    };
    if let Some(below) = &dist.subdirectory {
        table.insert("subdirectory", Value::from(below.as_str()));
    }
    Some((key, table))
}

/// A path as a lock in `base` names it: relative, unless the two have nothing in common.
pub(crate) fn relative(path: &Path, base: &Path) -> String {
    let (path, base) = (clean(path), clean(base));
    let common = path.components().zip(base.components()).take_while(|(a, b)| a == b).count();
    // The root alone is nothing: a lock is not moved across a machine together with all of it.
    if common < 2 {
        return path.display().to_string();
    }
    let up = base.components().skip(common).map(|_| Component::ParentDir);
    let found: PathBuf = up.chain(path.components().skip(common)).collect();
    if found.as_os_str().is_empty() { ".".to_owned() } else { found.display().to_string() }
}

/// A path without `.`, and without `..` as far as names alone tell.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if found.file_name().is_some() => {
                found.pop();
            }
            part => found.push(part),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_lock() {
        let check = |path: &str, base: &str, expected: &str| {
            assert_eq!(relative(Path::new(path), Path::new(base)), expected);
        };
        check("/p/w/a", "/p", "w/a");
        check("/p/./w/../a", "/p/locks", "../a");
        check("/p", "/p", ".");
        check("/q/a", "/p", "/q/a");
        check("/q/a", "/", "/q/a");
    }

    #[test]
    fn what_leads_outside_is_refused() {
        assert!(below(Some("../x".to_owned())).is_err());
        assert!(below(Some("/x".to_owned())).is_err());
        assert_eq!(below(Some("x/y".to_owned())), Ok(Some("x/y".to_owned())));
    }
}
