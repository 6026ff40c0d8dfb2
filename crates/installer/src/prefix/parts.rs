//! Everything in a prefix, as it was when it was sealed. Owns the walk that makes files read-only and hashes them; must
//! not know where they came from.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use pyfast_packaging::hash::Sha256;
use pyfast_root::{Dir, Entry, Kind};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::error::Error;

/// Levels of directories that are looked at; what is deeper is refused.
const DEPTH: usize = 64;
/// So much of a file is read at once.
const BUFFER: usize = 256 << 10;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// A file, by its digest.
    File(Sha256),
    /// The same, that may be run.
    Program(Sha256),
    /// A link, by what it says.
    Link(String),
}

/// Everything, by its path relative to the prefix.
pub type Parts = BTreeMap<String, Part>;

/// What is done on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// Files and directories become read-only.
    Seal,
    /// Nothing.
    Look,
}

/// A file or link.
struct Leaf<'a> {
    directory: &'a Dir,
    name: &'a str,
    kind: Kind,
}

/// Walks a prefix and says what is in it. The top directory itself stays as it is: one that is sealed cannot be moved by
/// everybody.
pub(super) fn parts(prefix: &Dir, walk: Walk) -> Result<Parts, Error> {
    beneath(prefix, "", DEPTH, walk)
}

/// What is in a directory. It is open no longer than it is worked in: a prefix may have more of them than a process may
/// have files.
fn beneath(directory: &Dir, before: &str, depth: usize, walk: Walk) -> Result<Parts, Error> {
    let strange = |path: PathBuf, reason: &str| Error::Damaged { path, reason: reason.to_owned() };
    if depth == 0 {
        let path = directory.path().to_owned();
        return Err(strange(path, "it is deeper than anything that is linked"));
    }
    let part = |entry: &Entry| -> Result<Parts, Error> {
        let place = || directory.path().join(&entry.name);
        let name = entry.name.to_str().ok_or_else(|| strange(place(), "its name is no text"))?;
        let path = format!("{before}{name}");
        if !entry.kind.is_dir() {
            let leaf = Leaf { directory, name, kind: entry.kind };
            return Ok(Parts::from([(path, leaf.part(walk)?)]));
        }
        let below = directory.dir(name)?;
        let parts = beneath(&below, &format!("{path}/"), depth - 1, walk)?;
        if walk == Walk::Seal {
            below.set_mode(0o555)?;
        }
        Ok(parts)
    };
    let joined = |mut one: Parts, mut other: Parts| {
        one.append(&mut other);
        Ok(one)
    };
    directory.entries()?.par_iter().map(part).try_reduce(Parts::new, joined)
}

impl Leaf<'_> {
    fn part(&self, walk: Walk) -> Result<Part, Error> {
        let place = self.directory.path().join(self.name);
        let strange = |reason: String| Error::Damaged { path: place.clone(), reason };
        match self.kind {
            Kind::Link => {
                let target = self.directory.read_link(self.name)?.unwrap_or_default();
                let text = target.to_str().map(str::to_owned);
                text.map(Part::Link).ok_or_else(|| strange("where it leads is no text".to_owned()))
            }
            Kind::File => {
                let opened = self.directory.open(self.name)?;
                let (mut file, facts) = opened.ok_or_else(|| strange("it vanished".to_owned()))?;
                let digest = digest(&mut file).map_err(Error::io("read", &place))?;
                let runs = facts.mode & 0o100 != 0;
                if walk == Walk::Seal {
                    let mode = Permissions::from_mode(if runs { 0o555 } else { 0o444 });
                    file.set_permissions(mode).map_err(Error::io("set the mode of", &place))?;
                }
                Ok(if runs { Part::Program(digest) } else { Part::File(digest) })
            }
            other => Err(strange(format!("it is {other}"))),
        }
    }
}

fn digest(file: &mut File) -> io::Result<Sha256> {
    let mut digest = sha2::Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Sha256(digest.finalize().into())),
            count => digest.update(&buffer[..count]),
        }
    }
}
