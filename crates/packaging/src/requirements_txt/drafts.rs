//! Files that are read as they will be. Owns that what is said of them names the lines that their user sees; must not know
//! what the lines mean, nor who writes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::RequirementSet;
use crate::requirement::Origin;

/// What files will have, by where they really are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Drafts(BTreeMap<PathBuf, Draft>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Draft {
    content: Vec<u8>,
    /// For each of its lines the one of the file as it is; 0 for one that is new.
    lines: Vec<usize>,
}

impl Drafts {
    /// Has a file, which has `before`, read as if it had this content.
    pub fn insert(&mut self, path: &Path, before: &[u8], content: Vec<u8>) {
        let lines = lines(before, &content);
        self.0.insert(real(path), Draft { content, lines });
    }

    /// What a file will have.
    pub fn get(&self, path: &Path) -> Option<&[u8]> {
        self.draft(path).map(|draft| draft.content.as_slice())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn draft(&self, path: &Path) -> Option<&Draft> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&real(path))
    }

    fn place(&self, origin: &mut Origin) {
        if let Some(draft) = self.draft(Path::new(&*origin.file))
            && let Some(line) = origin.line.checked_sub(1).and_then(|line| draft.lines.get(line))
        {
            origin.line = *line;
        }
    }
}

/// The lines of a file that those of its draft are.
fn lines(before: &[u8], content: &[u8]) -> Vec<usize> {
    let split = |bytes| <[u8]>::split(bytes, |byte| *byte == b'\n').collect::<Vec<_>>();
    let (before, content) = (split(before), split(content));
    let mut lines = vec![0; content.len()];
    for change in capture_diff_slices(Algorithm::Myers, &before, &content) {
        let (old, new) = match change {
            DiffOp::Equal { old_index, new_index, len } => {
                (old_index..old_index + len, new_index..new_index + len)
            }
            // What is written anew stands where it was.
            DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                (old_index..old_index + old_len, new_index..new_index + new_len)
            }
            DiffOp::Insert { .. } | DiffOp::Delete { .. } => continue,
        };
        for (old, new) in old.zip(new) {
            lines[new] = old + 1;
        }
    }
    lines
}

/// Where a file really is; also one that is not there yet.
fn real(path: &Path) -> PathBuf {
    let beside = || {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = fs_err::canonicalize(parent.unwrap_or(Path::new("."))).ok()?;
        Some(parent.join(path.file_name()?))
    };
    fs_err::canonicalize(path).ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

impl RequirementSet {
    /// Has what comes from drafts say where it is in the files as they are.
    pub(super) fn place_drafted(&mut self, drafts: &Drafts) {
        if drafts.is_empty() {
            return;
        }
        let asked = self.requirements.iter_mut().chain(&mut self.constraints);
        for one in asked.chain(&mut self.overrides) {
            drafts.place(&mut one.origin);
        }
        for one in &mut self.sources {
            drafts.place(&mut one.origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, content: &str, expected: &[usize]) {
        assert_eq!(
            lines(before.as_bytes(), content.as_bytes()),
            expected,
            "{before:?} {content:?}"
        );
    }

    #[test]
    fn lines_are_those_of_the_file_as_it_is() {
        check("a\nb\n", "a\nb\n", &[1, 2, 3]);
        check("a\nb\n", "a\nnew\nb\n", &[1, 0, 2, 3]);
        check("a\n", "a\nnew\nnewer\n", &[1, 0, 0, 2]);
        check("a==1\nb\n", "a==2\nb\n", &[1, 2, 3]);
        check("a==1\n\nb\n", "a==2\nnew\n\nb\n", &[1, 0, 2, 3, 4]);
        check("a\nb\n", "b\n", &[2, 3]);
        check("", "new\n", &[0, 1]);
    }
}
