//! Every activation of an environment: one JSON object a line, the newest last.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dir::Dir;
use crate::error::Error;
use crate::layout::Root;
use crate::moves::Durability;
use crate::name::ProjectEnv;

const FILE: &str = "history.jsonl";
/// The most that is read of it, in bytes: some hundred thousand activations.
const LIMIT: u64 = 64 << 20;

/// One activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// The generation that became current.
    pub id: String,
    /// When, in milliseconds since 1970.
    pub at: u64,
    /// The generation before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

impl Root {
    /// Every activation of an environment, oldest first.
    ///
    /// # Errors
    /// If the history is there and cannot be read.
    pub fn history(&self, name: &ProjectEnv) -> Result<Vec<Activation>, Error> {
        let Some(directory) = self.project_env(name)? else { return Ok(Vec::new()) };
        let text = directory.read(FILE, LIMIT)?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        // A line that a full disk cut short is no activation.
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    /// Adds an activation.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn remember(&self, name: &ProjectEnv, activation: &Activation) -> Result<(), Error> {
        let directory = self.make_project_env(name)?;
        let path = directory.path().join(FILE);
        let mut line = serde_json::to_vec(activation)
            .map_err(|error| Error::io("write", &path)(std::io::Error::from(error)))?;
        line.push(b'\n');
        append(&directory, &line)
    }
}

/// Appends one line in one write, so that a reader never sees half of it unless the disk is full.
fn append(directory: &Dir, line: &[u8]) -> Result<(), Error> {
    let path = directory.path().join(FILE);
    let failed = |error: std::io::Error| Error::io("write", &path)(error);
    let Some((mut file, facts)) = directory.open_append(Path::new(FILE))? else {
        return directory.replace(FILE, line, (0o644, Durability::Eventual));
    };
    if facts.links > 1 {
        // Another name's content is not ours to change.
        let known = directory.read(FILE, LIMIT)?.unwrap_or_default();
        return directory.replace(FILE, &[&known, line].concat(), (0o644, Durability::Eventual));
    }
    let mut last = [b'\n'];
    if facts.size > 0 {
        file.seek(SeekFrom::End(-1)).map_err(failed)?;
        file.read_exact(&mut last).map_err(failed)?;
    }
    // After a line that was cut short, the new one begins on its own.
    let cut = if last == *b"\n" { &b""[..] } else { b"\n" };
    file.write_all(&[cut, line].concat()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_read_as_they_were_written_whatever_was_cut_short() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(directory.path(), directory.path()).unwrap();
        let name = ProjectEnv::new("shop", "default").unwrap();
        assert_eq!(root.history(&name).unwrap(), []);
        let activation =
            |id: &str| Activation { id: id.to_owned(), at: 7, previous: Some("x".to_owned()) };
        root.remember(&name, &activation("one")).unwrap();
        let file = root.project_env_path(&name).join(FILE);
        let text = fs_err::read_to_string(&file).unwrap() + "{\"id\":\"tw";
        fs_err::write(&file, text).unwrap();
        root.remember(&name, &activation("three")).unwrap();
        let ids: Vec<String> = root.history(&name).unwrap().into_iter().map(|a| a.id).collect();
        assert_eq!(ids, ["one", "three"]);
    }

    #[test]
    fn another_name_of_the_file_keeps_its_content() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(&directory.path().join("root"), directory.path()).unwrap();
        let name = ProjectEnv::new("shop", "default").unwrap();
        let other = directory.path().join("other");
        fs_err::write(&other, "mine\n").unwrap();
        root.make_project_env(&name).unwrap();
        fs_err::hard_link(&other, root.project_env_path(&name).join(FILE)).unwrap();
        let activation = Activation { id: "one".to_owned(), at: 7, previous: None };
        root.remember(&name, &activation).unwrap();
        assert_eq!(fs_err::read_to_string(&other).unwrap(), "mine\n");
        assert_eq!(root.history(&name).unwrap(), [activation]);
    }
}
