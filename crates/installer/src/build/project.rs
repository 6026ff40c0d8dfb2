//! The project that is built: where it is, what its `pyproject.toml` says, and what its own sources say of what it needs
//! for that. Knows nothing of how that is brought.

use std::io::ErrorKind;
use std::path::PathBuf;

use pyfast_packaging::pyproject::BuildProject;
use pyfast_packaging::source_dist::SourceTree;

use super::workshop::BuildRun;

/// A project that is to be built.
pub(super) struct Project {
    /// The directory that it is in.
    pub(super) directory: PathBuf,
    /// Where it was unpacked, if it was fetched.
    unpacked: Option<PathBuf>,
    /// The text of its `pyproject.toml`; empty where it has none.
    pub(super) text: String,
}

impl Project {
    /// Reads that of a source, whose files are below `top`.
    ///
    /// # Errors
    /// In words what is wrong with it.
    pub(super) fn read(
        tree: &SourceTree,
        directory: PathBuf,
        top: PathBuf,
    ) -> Result<Self, String> {
        let unpacked = match tree {
            SourceTree::Directory(_) => None,
            SourceTree::Archive { .. } | SourceTree::Repository { .. } => Some(top),
        };
        let text = match fs_err::read_to_string(directory.join("pyproject.toml")) {
            Ok(text) => text,
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.to_string()),
            Err(_) if directory.join("setup.py").is_file() => String::new(),
            Err(_) => return Err("it has neither pyproject.toml nor setup.py".to_owned()),
        };
        Ok(Self { directory, unpacked, text })
    }

    /// Requirements of its build, each from where its sources say: an index may have a stranger's package of the same
    /// name, whose code would run.
    ///
    /// # Errors
    /// Why a place cannot be used.
    pub(super) fn requirements(
        &self,
        run: &BuildRun,
        requires: &[String],
    ) -> Result<Vec<String>, String> {
        let Self { directory, unpacked, text } = self;
        if run.options.shared.is_some() || !text.contains("uv") {
            return Ok(requires.to_vec());
        }
        let project = BuildProject { directory, text, unpacked: unpacked.as_deref() };
        let placed = project.requirements(requires, &|name| run.tools.sources.pinned_where(name));
        placed.map_err(|error| error.to_string())
    }
}
