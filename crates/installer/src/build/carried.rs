//! Sources packed for a build on another machine, which has neither their directory nor `git`: an
//! archive each, named by what it holds. Both sides are here: who packs, and who finds.
//!
//! ```text
//! <name>            the packed source
//! <name>.settings   the settings of its own build (JSON)
//! ```

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use pyfast_index::cache::Cache;
use pyfast_index::client::Client;
use pyfast_index::git::check_out;
use pyfast_index::source_archive::fetch_source;
use pyfast_packaging::hash::{Digest, Sha256};
use pyfast_packaging::requirement_line::BuildSettings;
use pyfast_packaging::source_dist::{SourceDist, SourceTree};
use pyfast_root::random_name;
use tokio::runtime::Handle;

use super::tree_digest::all_files;
use crate::error::Error;

/// The directory of everything in a packed tree.
const TOP: &str = "source";

/// A source in one file.
#[derive(Debug, Clone)]
pub struct CarriedSource {
    /// The file name under which whoever builds looks for it.
    pub name: String,
    /// The archive.
    pub bytes: Bytes,
}

/// What packing reads with.
pub struct CarryTools<'a> {
    /// Fetches.
    pub client: &'a Client,
    /// Source archives and clones.
    pub cache: &'a Cache,
    /// Where fetching runs.
    pub runtime: &'a Handle,
    /// A directory of the caller's, where repositories are checked out for a while.
    pub scratch: &'a Path,
}

/// Packs a source: an archive as it is, a directory without what no build reads, and the files of a
/// commit without the repository. Equal files give equal bytes.
///
/// # Errors
/// What fetching and reading fail with.
pub fn carry(source: &SourceDist, tools: &CarryTools<'_>) -> Result<CarriedSource, Error> {
    let bytes = match &source.tree {
        SourceTree::Archive { filename, location, sha256 } => {
            let (client, cache) = (tools.client, tools.cache);
            let expected = Digest::Sha256(*sha256);
            let fetch = fetch_source(client, cache, filename, location, Some(&expected));
            let body = tools.runtime.block_on(fetch).map_err(Error::Fetch)?.body;
            body.into_bytes().map_err(Error::io("read", Path::new(filename)))?
        }
        SourceTree::Directory(path) => pack(path, true)?,
        SourceTree::Repository { url, commit, .. } => {
            let unique = random_name().map_err(Error::io("create", tools.scratch))?;
            let place = tools.scratch.join(unique);
            fs_err::create_dir_all(tools.scratch).map_err(Error::io("create", tools.scratch))?;
            let checked_out = check_out(tools.client, tools.cache, url, commit, &place);
            let packed = checked_out.map_err(Error::Fetch).and_then(|()| pack(&place, false));
            match fs_err::remove_dir_all(&place) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("remove", &place)(error));
                }
                _ => {}
            }
            packed?
        }
    };
    Ok(CarriedSource { name: name(&source.tree), bytes })
}

/// The file name of a packed source.
pub(super) fn name(tree: &SourceTree) -> String {
    match tree {
        SourceTree::Archive { sha256, .. } => sha256.to_string(),
        tree => Sha256::of(tree.to_string().as_bytes()).to_string(),
    }
}

/// Where a source that was carried here is; `None` for one that was not.
pub(super) fn found(carried: Option<&Path>, tree: &SourceTree) -> Option<PathBuf> {
    carried.map(|carried| carried.join(name(tree))).filter(|path| path.is_file())
}

/// The file name of the settings of one source's own build, beside a packed source of this name.
pub fn carried_settings(source: &str) -> String {
    format!("{source}.settings")
}

/// The settings of one source's own build, which lie beside it as `<name>.settings` (JSON).
pub(super) fn settings(carried: Option<&Path>, tree: &SourceTree) -> BuildSettings {
    let file = carried_settings(&name(tree));
    let path = carried.map(|carried| carried.join(file));
    let text = path.and_then(|path| fs_err::read(path).ok());
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// The name that says the format of what was carried.
pub(super) fn format(tree: &SourceTree) -> &str {
    match tree {
        SourceTree::Archive { filename, .. } => filename,
        _ => "source.tar",
    }
}

fn pack(directory: &Path, built_in_place: bool) -> Result<Bytes, Error> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in all_files(directory, built_in_place)? {
        let path = directory.join(&file);
        append(&mut archive, directory, &file).map_err(Error::io("pack", &path))?;
    }
    let bytes = archive.into_inner().map_err(Error::io("pack", directory))?;
    Ok(bytes.into())
}

fn append(archive: &mut tar::Builder<Vec<u8>>, directory: &Path, file: &Path) -> io::Result<()> {
    let (path, inside) = (directory.join(file), Path::new(TOP).join(file));
    let mut header = tar::Header::new_gnu();
    header.set_mtime(1);
    if fs_err::symlink_metadata(&path)?.is_symlink() {
        let target = fs_err::read_link(&path)?;
        if stays_inside(directory, &path, &target) {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_mode(0o777);
            header.set_size(0);
            return archive.append_link(&mut header, inside, target);
        }
        // The other machine does not have what it points to.
        if !path.is_file() {
            return Ok(());
        }
    }
    let content = fs_err::read(&path)?;
    let executable = is_executable(&path)?;
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_size(content.len() as u64);
    archive.append_data(&mut header, inside, &content[..])
}

fn stays_inside(directory: &Path, link: &Path, target: &Path) -> bool {
    let resolved = |path: &Path| fs_err::canonicalize(path).ok();
    target.is_relative()
        && resolved(link).zip(resolved(directory)).is_some_and(|(to, top)| to.starts_with(top))
}

fn is_executable(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs_err::metadata(path)?.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pyfast_index::source_archive::{Member, walk_source};

    fn write(directory: &Path, name: &str, text: &str) {
        let path = directory.join(name);
        fs_err::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs_err::write(path, text).expect("written");
    }

    fn names(bytes: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        let body = pyfast_index::Body::Memory(bytes::Bytes::copy_from_slice(bytes));
        walk_source("source.tar", &body, &mut |path, member| {
            let link = if matches!(member, Member::Link { .. }) { "@" } else { "" };
            names.push(format!("{path}{link}"));
            Ok(true)
        })
        .expect("an archive that the audit accepts");
        names
    }

    #[test]
    fn a_directory_is_packed_without_environments_and_with_equal_bytes() {
        use std::os::unix::fs::symlink;
        let (directory, outside) = (tempfile::tempdir().expect("one"), tempfile::tempdir());
        let (top, outside) = (directory.path(), outside.expect("another"));
        write(outside.path(), "shared.txt", "x");
        let long = format!("{}/{}/a.py", "d".repeat(90), "e".repeat(90));
        for name in ["pyproject.toml", &long, ".git/HEAD", ".venv/pyvenv.cfg", "a.egg-info/x"] {
            write(top, name, "x");
        }
        symlink("pyproject.toml", top.join("inside")).expect("a link");
        symlink(outside.path().join("shared.txt"), top.join("outside")).expect("a link");
        symlink("/nowhere", top.join("dangling")).expect("a link");
        let packed = pack(top, true).expect("packed");
        assert_eq!(names(&packed), [&long, "outside", "pyproject.toml", "inside@"]);
        assert_eq!(pack(top, true).expect("packed"), packed);
    }

    #[test]
    fn the_files_of_a_commit_are_packed_whatever_their_names() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["build/x.py", "a.egg-info/x", ".git/HEAD", "sub/.git"] {
            write(directory.path(), name, "x");
        }
        let packed = pack(directory.path(), false).expect("packed");
        assert_eq!(names(&packed), ["a.egg-info/x", "build/x.py"]);
    }
}
