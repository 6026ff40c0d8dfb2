//! What a comparison needs from outside, found by who calls it: programs, an index, the session's variables. Finds
//! nothing itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the scenario of containers needs from outside.
pub struct Containers<'a> {
    /// The Docker client.
    pub docker: Option<PathBuf>,
    /// The user's Compose.
    pub compose: Option<Compose>,
    /// The directory of the project that is measured as a whole, where one is.
    pub project: Option<PathBuf>,
    /// Reads the compose files of a directory, with these variables.
    pub read_project: &'a ReadProject,
}

/// Reads the compose files of a directory, with these variables; an error in words.
pub type ReadProject = dyn Fn(&Path, &BTreeMap<String, String>) -> Result<ComposeFiles, String>;

/// A Compose and how it is called.
#[derive(Clone, Debug)]
pub struct Compose {
    /// The program.
    pub program: PathBuf,
    /// Whether it is the Docker client, whose first argument is then `compose`.
    pub is_plugin: bool,
}

/// What Compose knows of a project.
#[derive(Clone, Debug)]
pub struct ComposeFiles {
    /// Name of the project.
    pub name: String,
    /// Its compose files.
    pub files: Vec<PathBuf>,
    /// How many services it starts.
    pub services: usize,
}

/// What a comparison needs from outside.
pub struct Context<'a> {
    /// The index; `None` leaves each tool its own default.
    pub index_url: Option<String>,
    /// The interpreter that environments are made for.
    pub python: Option<PathBuf>,
    /// The uv to compare with.
    pub uv: Option<PathBuf>,
    /// What the scenario of containers needs besides.
    pub containers: Containers<'a>,
    /// The pyfast that is measured and that measures.
    pub pyfast: PathBuf,
    /// The command line that asked for it, as it may be shown.
    pub command: String,
    /// The session's environment variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Where the result goes.
    pub output: &'a mut dyn Write,
    /// Where a line for each run goes.
    pub progress: &'a mut dyn Write,
}
