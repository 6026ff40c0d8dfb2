//! What a generation consists of: every directory, link and file, written down when it is composed. Does not
//! look at any of them.
//!
//! ```text
//! pyfast generation 1
//! d <path>                                          a directory
//! l <path> <target, a JSON string>                  a link
//! f <sha256> <size> <x or -> <path>                 a file of its own
//! s <wheel> <directory in the wheel> <directory>    files of the store as hard links or copies, which follow:
//!   <name> <name in the wheel, where it is another>  a line each
//! ```
//! Fields are separated by tabs; no path has a control character.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pyfast_packaging::hash::Sha256;
use pyfast_root::Kind;
use pyfast_root::layout::wheel_place;

use crate::link::act::{split, store_target};
use crate::link::{LinkPlan, Step};
use crate::store::manifest::StoredFile;

/// Its file name, beside `env.json`.
pub(super) const FILE: &str = "manifest";
const HEAD: &str = "pyfast generation 1";

/// A part of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A directory.
    Directory,
    /// A symbolic link that leads there.
    Link { target: String },
    /// A file that was written for it.
    File(StoredFile),
    /// A file of the store, as a hard link or a copy.
    Stored { wheel: Sha256, inside: String },
}

impl Part {
    /// What it is on the disk.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Directory => Kind::Directory,
            Self::Link { .. } => Kind::Link,
            Self::File(_) | Self::Stored { .. } => Kind::File,
        }
    }
}

/// All parts, by their paths relative to the generation.
pub(super) type Parts = BTreeMap<String, Part>;

/// The manifest of what `plan` composes.
pub(super) fn write(plan: &LinkPlan) -> String {
    let mut text = format!("{HEAD}\n");
    let mut group = None;
    for step in &plan.steps {
        // Writing to a String cannot fail.
        let _ = match step {
            Step::Directory { path } => writeln!(text, "d\t{path}"),
            Step::Link { path, wheel, inside } => {
                let inside = format!("{}/{inside}", wheel_place(&wheel.to_string()));
                link(&mut text, path, &store_target(path, &inside))
            }
            Step::Symlink { path, target } => link(&mut text, path, target),
            Step::File { path, content, sha256, executable } => {
                let mode = if *executable { "x" } else { "-" };
                writeln!(text, "f\t{sha256}\t{}\t{mode}\t{path}", content.len())
            }
            Step::Real { path, wheel, inside, .. } => {
                let ((to, name), (from, stored)) = (split(path), split(inside));
                if name != stored || group.replace((wheel, from, to)) != Some((wheel, from, to)) {
                    let _ = writeln!(text, "s\t{wheel}\t{from}\t{to}");
                }
                if name == stored {
                    writeln!(text, "\t{name}")
                } else {
                    writeln!(text, "\t{name}\t{stored}")
                }
            }
        };
        if !matches!(step, Step::Real { .. }) {
            group = None;
        }
    }
    text
}

fn link(text: &mut String, path: &str, target: &str) -> std::fmt::Result {
    // A text always has a JSON form.
    writeln!(text, "l\t{path}\t{}", serde_json::to_string(target).unwrap_or_default())
}

/// Reads a manifest; `None` for a text that is none.
pub(super) fn parse(text: &str) -> Option<Parts> {
    let mut lines = text.lines();
    (lines.next()? == HEAD).then_some(())?;
    let mut parts = Parts::new();
    let mut group: Option<(Sha256, &str, &str)> = None;
    for line in lines {
        let (kind, rest) = line.split_once('\t')?;
        let (path, part) = match kind {
            "d" => (rest.to_owned(), Part::Directory),
            "l" => {
                let (path, target) = rest.split_once('\t')?;
                (path.to_owned(), Part::Link { target: serde_json::from_str(target).ok()? })
            }
            "f" => {
                let file = file(rest)?;
                (file.path.clone(), Part::File(file))
            }
            "s" => {
                let mut fields = rest.splitn(3, '\t');
                let wheel = fields.next()?.parse().ok()?;
                group = Some((wheel, fields.next()?, fields.next()?));
                continue;
            }
            "" => {
                let (wheel, from, to) = group?;
                let (name, stored) = rest.split_once('\t').unwrap_or((rest, rest));
                (below(to, name), Part::Stored { wheel, inside: below(from, stored) })
            }
            _ => return None,
        };
        parts.insert(path, part);
    }
    Some(parts)
}

fn file(fields: &str) -> Option<StoredFile> {
    let mut fields = fields.splitn(4, '\t');
    let (sha256, size) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let executable = fields.next()? == "x";
    Some(StoredFile { path: fields.next()?.to_owned(), sha256, size, executable })
}

/// A path in a directory, which may be the topmost.
pub(super) fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::RealMode;

    fn plan(steps: Vec<Step>) -> LinkPlan {
        LinkPlan { id: "0".repeat(20), steps, clashes: Vec::new(), warnings: Vec::new() }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let wheel = Sha256([7; 32]);
        let real = |path: &str, inside: &str| {
            let (path, inside) = (path.to_owned(), inside.to_owned());
            Step::Real { path, wheel, inside, mode: RealMode::Hardlink }
        };
        let steps = vec![
            Step::Directory { path: "lib".into() },
            Step::Symlink { path: "bin/python".into(), target: "/a\tb \"c\"\n".into() },
            Step::Link { path: "lib/a".into(), wheel, inside: "root/a".into() },
            real("lib/b/1", "root/b/1"),
            real("lib/b/2", "root/b/2"),
            real("lib/b/3", "root/b/three"),
            Step::file("bin/run me".into(), b"#!x".to_vec(), true),
            real("top", "data/data/top"),
        ];
        let text = write(&plan(steps));
        let parts = parse(&text).unwrap();
        let stored = |inside: &str| Part::Stored { wheel, inside: inside.to_owned() };
        assert_eq!(parts.len(), 8);
        assert_eq!(parts["bin/python"], Part::Link { target: "/a\tb \"c\"\n".to_owned() });
        assert_eq!(parts["lib/b/2"], stored("root/b/2"));
        assert_eq!(parts["lib/b/3"], stored("root/b/three"));
        assert_eq!(parts["top"], stored("data/data/top"));
        assert!(
            matches!(&parts["lib/a"], Part::Link { target } if target.starts_with("../../../../store/"))
        );
        assert!(
            matches!(&parts["bin/run me"], Part::File(file) if file.executable && file.size == 3)
        );
        assert_eq!(text.matches("\ns\t").count(), 3, "{text}");
        for cut in [
            "",
            "pyfast generation 2\n",
            "pyfast generation 1\n\tx\n",
            "pyfast generation 1\nq\tx\n",
        ] {
            assert_eq!(parse(cut), None, "{cut:?}");
        }
    }
}
