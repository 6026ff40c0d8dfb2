//! Where environments are: in a directory that `pyfast` writes itself, or where only others can. Owns what a test has to
//! do otherwise because of that; must not know what is tested.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A place for the environments of one world.
pub(crate) trait Place: Send + Sync {
    /// How the command line is told of the place and of the interpreter that is installed for.
    fn flags(&self, root: &Path, python: &str) -> Vec<String>;

    /// A program of an environment, named by its path on this machine, to be started where it belongs.
    fn program(&self, path: &Path) -> Command;

    /// The path on this machine of what has another one there.
    fn here(&self, path: &Path) -> PathBuf;

    /// A second place of the same kind with its root, where it takes more than another directory for the root.
    fn another(&self) -> Option<(Arc<dyn Place>, PathBuf)>;

    /// Whether equal environments of two projects are one: where nobody writes to them, they are.
    fn shared(&self) -> bool;

    /// How often something is done whose number is not what matters: `times`, or less where each takes long.
    fn times(&self, times: u32) -> u32;
}

/// The root is a directory, and programs of its environments are started from it.
pub(crate) struct Directory;

impl Place for Directory {
    fn flags(&self, root: &Path, python: &str) -> Vec<String> {
        let root = root.to_str().expect("the root's path is text");
        ["--root", root, "--python", python].map(str::to_owned).into()
    }

    fn program(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command
    }

    fn here(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn another(&self) -> Option<(Arc<dyn Place>, PathBuf)> {
        None
    }

    fn shared(&self) -> bool {
        false
    }

    fn times(&self, times: u32) -> u32 {
        times
    }
}
