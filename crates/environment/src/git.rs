//! Keeps a file of a project's directory from being committed by accident: a line in the `info/exclude` of its
//! repository, where no rule of the repository covers the file. Runs no git, and writes to no repository but the one
//! that the directory is in, and only where its user owns that.

mod rules;

use std::path::{Component, Path, PathBuf};

use pyfast_root::{Dir, Durability, Kind};

use crate::error::Error;
use rules::Rules;

const GIT: &str = ".git";
const EXCLUDE: &str = "info/exclude";
const IGNORE: &str = ".gitignore";
/// The most of any file of a repository that is read, in bytes.
const LIMIT: u64 = 1 << 20;

/// Keeps the file `name` in a directory out of its repository, and gives the file that says so from now on; `None`
/// where nothing was to do or could be.
///
/// # Errors
/// If the file cannot be read or written.
pub fn keep_out_of_git(directory: &Path, name: &str) -> Result<Option<PathBuf>, Error> {
    let Some(repository) = Repository::around(directory) else { return Ok(None) };
    let Some(path) = repository.path_of(directory, name) else { return Ok(None) };
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let known = repository.common.read(EXCLUDE, LIMIT)?.unwrap_or_default();
    let known = String::from_utf8_lossy(&known).into_owned();
    if repository.rules(&known, &path).covers(&path) {
        return Ok(None);
    }
    let blank = if known.is_empty() || known.ends_with('\n') { "" } else { "\n" };
    repository.write(&format!("{known}{blank}{}\n", rules::exactly(&path)))?;
    Ok(Some(repository.common.path().join(EXCLUDE)))
}

/// A work tree and its repository.
struct Repository {
    /// The work tree's topmost directory, without links.
    top: PathBuf,
    /// What all work trees of the repository share.
    common: Dir,
}

impl Repository {
    /// The repository that a directory is in, if the user of this process owns it.
    fn around(directory: &Path) -> Option<Self> {
        let directory = fs_err::canonicalize(directory).ok()?;
        let tops = directory.ancestors();
        let (top, facts) =
            tops.map(|top| (top, Dir::open_named(top).ok())).find_map(|(top, open)| {
                let facts = open?.facts(GIT).ok()??;
                Some((top, facts))
            })?;
        let common = match facts.kind {
            Kind::Directory => Dir::open_named(top).ok()?.dir(GIT).ok()?,
            Kind::File => elsewhere(top)?,
            _ => return None,
        };
        let own = rustix::process::geteuid().as_raw();
        let head = common.facts("HEAD").ok()??;
        let is_repository = common.has_dir("objects") && common.has_dir("refs");
        (is_repository && facts.owner == own && head.owner == own)
            .then(|| Self { top: top.to_owned(), common })
    }

    /// A file's path from the top, part by part; `None` for one that no rule can name.
    fn path_of(&self, directory: &Path, name: &str) -> Option<Vec<String>> {
        let directory = fs_err::canonicalize(directory).ok()?;
        let parts = directory.strip_prefix(&self.top).ok()?.components().map(|part| match part {
            Component::Normal(part) => part.to_str().map(str::to_owned),
            _ => None,
        });
        let mut parts: Vec<String> = parts.collect::<Option<_>>()?;
        parts.push(name.to_owned());
        (!parts.iter().any(|part| part.contains(['\n', '\r']))).then_some(parts)
    }

    /// What the repository says of a path: its own list, and those of the directories that the path goes through.
    fn rules(&self, exclude: &str, path: &[&str]) -> Rules {
        let mut rules = Rules::default();
        rules.add(0, exclude);
        let mut at = self.top.clone();
        for (depth, part) in path.iter().enumerate() {
            let text = Dir::open_named(&at).ok().and_then(|at| at.read(IGNORE, LIMIT).ok()?);
            rules.add(depth, &String::from_utf8_lossy(&text.unwrap_or_default()));
            at.push(part);
        }
        rules
    }

    fn write(&self, text: &str) -> Result<(), Error> {
        let mode = match self.common.facts(EXCLUDE)? {
            Some(facts) => facts.mode & 0o777,
            None => 0o644,
        };
        if !self.common.has_dir("info") {
            self.common.create_dir("info", 0o755)?;
        }
        Ok(self.common.replace(EXCLUDE, text.as_bytes(), mode, Durability::Eventual)?)
    }
}

/// The repository of a work tree whose `.git` is a file: a second work tree or a submodule. The file may have come with
/// anything, so the repository has to say itself that the work tree is its own.
fn elsewhere(top: &Path) -> Option<Dir> {
    let text = Dir::open_named(top).ok()?.read_text(GIT, LIMIT).ok()??;
    let named = text.strip_prefix("gitdir:")?.trim();
    let place = fs_err::canonicalize(top.join(named)).ok()?;
    let own = Dir::open_named(&place).ok()?;
    if let Some(back) = own.read_text("gitdir", LIMIT).ok()? {
        let back = fs_err::canonicalize(place.join(back.trim())).ok()?;
        let common = own.read_text("commondir", LIMIT).ok()??;
        let common = fs_err::canonicalize(place.join(common.trim())).ok()?;
        return (back == top.join(GIT)).then(|| Dir::open_named(&common).ok())?;
    }
    let config = own.read_text("config", LIMIT).ok()??;
    let tree = config.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "worktree").then(|| place.join(value.trim()))
    });
    (fs_err::canonicalize(tree?).ok()? == top).then_some(own)
}

#[cfg(test)]
mod tests;
