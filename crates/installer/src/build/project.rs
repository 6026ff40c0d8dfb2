//! The project that is built: where it is, and what its own sources say of what it needs for that. Knows nothing of how
//! that is brought.

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
}

impl Project {
    /// That of a source, whose files are below `top`.
    pub(super) fn of(tree: &SourceTree, directory: PathBuf, top: PathBuf) -> Self {
        let unpacked = match tree {
            SourceTree::Directory(_) => None,
            SourceTree::Archive { .. } | SourceTree::Repository { .. } => Some(top),
        };
        Self { directory, unpacked }
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
        let Self { directory, unpacked } = self;
        let text = fs_err::read_to_string(directory.join("pyproject.toml")).unwrap_or_default();
        if run.options.shared.is_some() || !text.contains("uv") {
            return Ok(requires.to_vec());
        }
        let project = BuildProject { directory, text: &text, unpacked: unpacked.as_deref() };
        let placed = project.requirements(requires, &|name| run.tools.sources.pinned_where(name));
        placed.map_err(|error| error.to_string())
    }
}
