//! What a sync remembers of how a generation looked, so that the next one sees at a glance whether somebody has
//! touched it. Must cost next to nothing: a look at the directories and scripts that a hand or another installer
//! changes, not at every file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use pyfast_packaging::hash::Sha256;
use pyfast_root::layout::env_path;
use pyfast_root::{Dir, Root};
use serde::{Deserialize, Serialize};

use super::Generation;
use super::manifest::{Part, below};
use super::verify::{Written, in_root};
use crate::error::Error;
use crate::link::act::split;
use crate::store::settled::boot_id;

/// How a generation and the wheels that it links into looked.
///
/// A line for the time since the machine was started, then one for each directory, relative to the root, followed by
/// one for each name in it that counts: when its facts were changed, its inode, and the name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stamps(String);

/// The names that count, by the directory that they are in.
type Watched = BTreeMap<String, Vec<String>>;

impl Stamps {
    /// How a generation looks now.
    ///
    /// # Errors
    /// If its manifest cannot be read.
    pub fn take(root: &Root, generation: &Generation) -> Result<Self, Error> {
        let mut text = format!("{}\n", boot());
        for (directory, names) in watched(root, generation)? {
            let open = root.top().find_dir(&directory)?;
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{directory}");
            for name in names {
                let (changed, inode) =
                    open.as_ref().and_then(|open| stamp(open, &name)).unwrap_or_default();
                let _ = writeln!(text, " {changed} {inode} {name}");
            }
        }
        Ok(Self(text))
    }

    /// Whether nothing that counts was touched since; false after the machine was started anew, because what was
    /// written before may be lost then.
    pub fn hold(&self, root: &Root) -> bool {
        let mut lines = self.0.lines();
        lines.next() == Some(&boot())
            && !self.0.is_empty()
            && Changed { root, lines, open: None }.next().is_none()
    }

    /// The wheels of which something was touched since.
    pub(super) fn changed_wheels(&self, root: &Root) -> Vec<Sha256> {
        let mut lines = self.0.lines();
        lines.next();
        let changed = Changed { root, lines, open: None };
        changed
            .filter_map(|directory| directory.split('/').find_map(|name| name.parse().ok()))
            .collect()
    }
}

/// The directories of what is not as its stamp says, one for each stamp.
struct Changed<'a> {
    root: &'a Root,
    lines: std::str::Lines<'a>,
    open: Option<(&'a str, Option<Dir>)>,
}

impl<'a> Iterator for Changed<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let line = self.lines.next()?;
            let Some(stamped) = line.strip_prefix(' ') else {
                self.open = Some((line, self.root.top().find_dir(line).ok().flatten()));
                continue;
            };
            let Some((directory, open)) = &self.open else { return Some("") };
            let mut fields = stamped.splitn(3, ' ');
            let known = (|| Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?)))();
            let name = fields.next().unwrap_or_default();
            let now = open.as_ref().and_then(|open| stamp(open, name));
            if known.is_none() || known != now {
                return Some(directory);
            }
        }
    }
}

/// When the facts of a place were changed, and which it is.
fn stamp(directory: &Dir, name: &str) -> Option<(i128, u64)> {
    let facts = directory.facts(name).ok()??;
    Some((facts.changed_ns, facts.inode))
}

fn boot() -> String {
    boot_id().unwrap_or_default()
}

/// What counts: the directories that installers write into, scripts, and what links in the environment lead to.
fn watched(root: &Root, generation: &Generation) -> Result<Watched, Error> {
    let mut watched = Watched::new();
    let mut watch =
        |directory: String, name: &str| watched.entry(directory).or_default().push(name.to_owned());
    let own = env_path(Path::new(""), &generation.id).to_string_lossy().into_owned();
    let (envs, id) = split(&own);
    watch(envs.to_owned(), id);
    let Written::Parts(parts) = generation.parts(root)? else { return Ok(watched) };
    for (path, part) in &parts {
        let (directory, name) = split(path);
        match part {
            Part::Directory if is_near(directory) && !name.ends_with(".dist-info") => {
                watch(below(&own, directory), name);
            }
            Part::File(_) if matches!(directory, "" | "bin") => watch(below(&own, directory), name),
            Part::Link { target } if !name.ends_with(".dist-info") && !is_compiled(name) => {
                let Some(place) = in_root(path, target) else { continue };
                let place = place.to_string_lossy();
                let (directory, name) = split(&place);
                watch(directory.to_owned(), name);
            }
            _ => {}
        }
    }
    Ok(watched)
}

/// Whether a directory is at most site-packages: what is deeper is many.
fn is_near(directory: &str) -> bool {
    match directory.matches('/').count() {
        0 | 1 => true,
        2 => directory.ends_with("/site-packages"),
        _ => false,
    }
}

/// Whether a file is bytecode by its name, as this crate writes it.
fn is_compiled(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "pyc")
}
