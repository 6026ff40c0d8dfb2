//! uv's own settings: `uv.toml` or `[tool.uv]` of the project, and those of the user. A project's `uv.toml` stands for its
//! table, as in uv. What they mean for a resolution is read by `pyfast_packaging`.

use std::path::{Path, PathBuf};

use pyfast_packaging::pyproject::Workspace;
use pyfast_packaging::pyproject::uv::UvTable;
use pyfast_packaging::safe_url::shown;
use pyfast_root::{Fingerprint, regular_file};

use crate::error::Error;
use crate::pip::is_true;
use crate::project::is_trusted;
use crate::variables::Variables;

/// The settings of the project in a directory, and those of the user.
pub(crate) fn read(directory: &Path, variables: &Variables) -> Result<Vec<UvTable>, Error> {
    if is_true(variables.get("UV_NO_CONFIG")) {
        return Ok(Vec::new());
    }
    let own = of_project(directory, |_| true)?;
    let shared = match workspace(directory)? {
        Some(workspace) if workspace.directory() != directory => {
            of_project(workspace.directory(), is_trusted)?
        }
        _ => None,
    };
    Ok(own.into_iter().chain(shared).chain(of_user(variables)?).collect())
}

/// The workspace that the project in a directory belongs to: its own, or that of the next project above, where that counts
/// it. Nobody else's file says where packages come from.
///
/// # Errors
/// A file with such a table that cannot be read.
pub(crate) fn workspace(directory: &Path) -> Result<Option<Workspace>, Error> {
    for above in directory.ancestors() {
        let (file, is_own) = (above.join("pyproject.toml"), above == directory);
        let text = match regular_file::read_text(&file) {
            Ok(text) if is_own || is_trusted(&file) => text,
            Err(_) if is_own || !file.exists() => continue,
            // The next project above says it, or nobody.
            _ => return Ok(None),
        };
        // TOML spells a table in many ways.
        let may_count = ["tool", "uv", "workspace"].iter().all(|word| text.contains(word));
        let found =
            if may_count { Workspace::read(&file, &text).map_err(Error::Uv)? } else { None };
        if found.is_some() || !is_own {
            return Ok(found.filter(|workspace| workspace.counts(directory)));
        }
    }
    Ok(None)
}

/// The settings of the project in a directory, of the files that are believed.
fn of_project(
    directory: &Path,
    is_believed: impl Fn(&Path) -> bool,
) -> Result<Option<UvTable>, Error> {
    for name in ["uv.toml", "pyproject.toml"] {
        let file = directory.join(name);
        if is_believed(&file)
            && let Some(table) = table(&file)?
        {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

/// The settings of the user.
fn of_user(variables: &Variables) -> Result<Option<UvTable>, Error> {
    let config = variables.get("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| Some(variables.home()?.join(".config")));
    let own = config.map(|config| config.join("uv/uv.toml"));
    if let Some(named) = variables.get("UV_CONFIG_FILE").map(PathBuf::from) {
        // Who names a file has it read.
        fs_err::metadata(&named).map_err(Error::ReadConfiguration)?;
        return table(&named);
    }
    for file in own.into_iter().chain(["/etc/uv/uv.toml".into()]) {
        if let Some(table) = table(&file)? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

fn table(file: &Path) -> Result<Option<UvTable>, Error> {
    match regular_file::read_text(file) {
        // Most projects say nothing to uv, and reading TOML takes its time.
        Ok(text) if !file.ends_with("pyproject.toml") || text.contains("tool.uv") => {
            UvTable::read(file, &text).map_err(Error::Uv)
        }
        Ok(_) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::ReadConfiguration(error)),
    }
}

/// What is said to uv, without what is secret in it.
pub(crate) fn fingerprint(table: &UvTable) -> String {
    let UvTable {
        file: _,
        indexes,
        find_links,
        no_index,
        index_strategy,
        wishes,
        no_binary,
        only_binary,
        constraints,
        overrides,
        build_constraints,
        excludes,
        unread: _,
    } = table;
    let indexes = indexes
        .iter()
        .map(|index| format!("{:?} {} {:?}", index.name, shown(&index.url), index.role));
    Fingerprint::new("uv", 1)
        .fields("index", indexes)
        .fields("find-links", find_links)
        .field("no-index", no_index)
        .fields("index-strategy", index_strategy)
        .fields("prerelease", &wishes.prerelease)
        .fields("resolution", &wishes.resolution)
        .fields("exclude-newer", &wishes.exclude_newer)
        .fields("no-binary", no_binary)
        .fields("only-binary", only_binary)
        .fields("constraint", constraints)
        .fields("override", overrides)
        .fields("build-constraint", build_constraints)
        .fields("exclude", excludes)
        .finish()
}
