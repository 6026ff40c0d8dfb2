//! How files of the store come into an environment, and what decides that: who may write to it once it is
//! made. Knows no plan and no step.

use std::fmt;
use std::path::Path;

use pyfast_root::shares_blocks;
use serde::{Deserialize, Serialize};

/// How files of the store come into an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkMode {
    /// A directory that one wheel provides whole is one link; what several provide, and what does not work
    /// behind a link, is made of real directories and hard links.
    #[serde(alias = "auto")]
    Tree,
    /// Real directories, and every file a hard link; a copy where the file system refuses.
    #[default]
    Hardlink,
    /// Real directories, and every file a copy.
    Copy,
    /// Real directories, and every file shares its blocks with the store until it is written; a copy where
    /// the file system cannot.
    Clone,
}

impl fmt::Display for LinkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tree => "links to directories",
            Self::Hardlink => "hard links",
            Self::Copy => "copies",
            Self::Clone => "clones",
        })
    }
}

/// Where environments are, which decides who writes to them once they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habitat {
    /// A directory that programs use as it is: its owner, and everything that they run, write to an
    /// environment and look into it. So it is made of real directories and files, which tools replace without
    /// a link in between, and it is one owner's alone.
    Host,
    /// A volume, which services mount read-only. So its environments are made of as few links as there can
    /// be, equal ones are one, and bytecode is compiled ahead, because nobody can cache it later.
    Volume,
}

impl Habitat {
    /// How files come into the environments of a root in this directory, unless the user says otherwise.
    pub fn link_mode(self, root: &Path) -> LinkMode {
        match self {
            Self::Volume => LinkMode::Tree,
            Self::Host if shares_blocks(root) => LinkMode::Clone,
            Self::Host => LinkMode::Hardlink,
        }
    }

    /// Whether bytecode is compiled, unless the user says otherwise.
    pub fn compiles(self) -> bool {
        self == Self::Volume
    }
}
