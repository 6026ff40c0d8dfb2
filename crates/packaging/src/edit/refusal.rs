//! Why a file of requirements is not edited, as data.

use pep508_rs::PackageName;

/// Why a file is not edited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its text is in an encoding that cannot be written.
    #[error("it is not in an encoding that can be written")]
    Encoding,
    /// It is a script with a header that is none.
    #[error("{0}")]
    Header(String),
    /// It is no TOML.
    #[error("it is no TOML: {0}")]
    Toml(String),
    /// It is a `pyproject.toml` of another tool's form.
    #[error("it has no [project] table")]
    NoProject,
    /// Only a build tells what the project needs.
    #[error("its dependencies are `dynamic`: only a build of the project tells them")]
    Dynamic,
    /// It is no `pyproject.toml`, and so has no groups.
    #[error("it has no group `{0}`: only a pyproject.toml has groups")]
    NoGroups(String),
    /// Several requirements on the project are there, and it is not said which is meant.
    #[error("it asks for `{name}` more than once ({places}): say with a marker which is meant")]
    Several {
        /// The project.
        name: PackageName,
        /// Where.
        places: String,
    },
    /// The form of the file needs a name.
    #[error("`{0}` needs a name: write `name @ {0}`")]
    NoName(String),
}
