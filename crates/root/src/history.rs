//! Every activation of an environment: one JSON object a line, the newest last.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dir::Dir;
use crate::error::Error;
use crate::moves::Durability;
use crate::name::ProjectEnv;
use crate::random::is_random_name;
use crate::root::Root;

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
    /// What was done; what was noted before this was is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
}

/// What made a generation current: the command that did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// `sync`.
    #[default]
    Sync,
    /// `add`.
    Add,
    /// `remove`.
    Remove,
    /// `run`, which syncs first.
    Run,
    /// `up`.
    Up,
    /// `rollback`.
    Rollback,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

impl Cause {
    /// The word that the history has for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Run => "run",
            Self::Up => "up",
            Self::Rollback => "rollback",
            Self::Other => "other",
        }
    }
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

impl Root {
    /// Takes back the activation that was added last, because it did not happen.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn take_back(&self, name: &ProjectEnv, activation: &Activation) -> Result<(), Error> {
        let directory = self.make_project_env(name)?;
        let path = directory.path().join(FILE);
        let text = directory.read(FILE, LIMIT)?.unwrap_or_default();
        let end = text.strip_suffix(b"\n").unwrap_or(&text);
        let begin = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        if serde_json::from_slice::<Activation>(&end[begin..]).ok().as_ref() != Some(activation) {
            return Ok(());
        }
        // What is shorter fits on a full disk, too.
        let Some((file, facts)) = directory.open_append(Path::new(FILE))? else { return Ok(()) };
        if facts.links > 1 {
            // Another name's content is not ours to change.
            return Ok(());
        }
        file.set_len(begin as u64).map_err(Error::io("write", &path))
    }

    /// Forgets the oldest activations, of which none is of a generation that `is_there`, and what killed or failed
    /// writes have left beside the history. The caller holds the environment's lock.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn tidy_history(
        &self,
        name: &ProjectEnv,
        is_there: &dyn Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let Some(directory) = self.project_env(name)? else { return Ok(()) };
        for entry in directory.entries()? {
            let left = entry.name.to_str().and_then(|name| name.strip_prefix(".new-"));
            if !entry.kind.is_dir() && left.is_some_and(is_random_name) {
                directory.remove_file(&entry.name)?;
            }
        }
        let history = self.history(name)?;
        let first = history.iter().position(|activation| is_there(&activation.id));
        let Some(first) = first.filter(|first| *first > 0) else { return Ok(()) };
        let mut text = Vec::new();
        for activation in &history[first..] {
            // Two texts and a number always have a JSON form.
            text.extend(serde_json::to_vec(activation).unwrap_or_default());
            text.push(b'\n');
        }
        directory.replace(FILE, &text, 0o644, Durability::Synced)
    }
}

/// Appends one line in one write, so that a reader never sees half of it unless the disk is full.
fn append(directory: &Dir, line: &[u8]) -> Result<(), Error> {
    let path = directory.path().join(FILE);
    let failed = |error: std::io::Error| Error::io("write", &path)(error);
    let Some((mut file, facts)) = directory.open_append(Path::new(FILE))? else {
        return directory.replace(FILE, line, 0o644, Durability::Eventual);
    };
    if facts.links > 1 {
        // Another name's content is not ours to change.
        let known = directory.read(FILE, LIMIT)?.unwrap_or_default();
        return directory.replace(FILE, &[&known, line].concat(), 0o644, Durability::Eventual);
    }
    let mut last = [b'\n'];
    if facts.size > 0 {
        file.seek(SeekFrom::End(-1)).map_err(failed)?;
        file.read_exact(&mut last).map_err(failed)?;
    }
    // After a line that was cut short, the new one begins on its own.
    let cut = if last == *b"\n" { &b""[..] } else { b"\n" };
    file.write_all(&[cut, line].concat()).map_err(|error| {
        // A full disk may have taken a part; the first error is the one to report.
        let _ = file.set_len(facts.size);
        failed(error)
    })
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
        let activation = |id: &str| Activation {
            id: id.to_owned(),
            at: 7,
            previous: Some("x".to_owned()),
            cause: None,
        };
        root.remember(&name, &activation("one")).unwrap();
        let file = root.project_env_path(&name).join(FILE);
        let text = fs_err::read_to_string(&file).unwrap() + "{\"id\":\"tw";
        fs_err::write(&file, text).unwrap();
        root.remember(&name, &activation("three")).unwrap();
        let ids: Vec<String> = root.history(&name).unwrap().into_iter().map(|a| a.id).collect();
        assert_eq!(ids, ["one", "three"]);
    }

    #[test]
    fn causes_are_words_and_what_was_noted_without_one_stays_readable() {
        let read = |text: &str| serde_json::from_str::<Activation>(text).unwrap();
        assert_eq!(read(r#"{"id":"a","at":7}"#).cause, None);
        assert_eq!(read(r#"{"id":"a","at":7,"cause":"up"}"#).cause, Some(Cause::Up));
        let later = read(r#"{"id":"a","at":7,"cause":"transplant"}"#);
        assert_eq!(later.cause, Some(Cause::Other), "a later version's history is read");
        for cause in
            [Cause::Sync, Cause::Add, Cause::Remove, Cause::Run, Cause::Up, Cause::Rollback]
        {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.word());
        }
    }

    #[test]
    fn what_did_not_happen_is_taken_back_and_what_is_gone_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(directory.path(), directory.path()).unwrap();
        let name = ProjectEnv::new("shop", "default").unwrap();
        let activation =
            |id: &str| Activation { id: id.to_owned(), at: 7, previous: None, cause: None };
        let all = ["one", "two", "three", "two"].map(activation);
        for one in &all {
            root.remember(&name, one).unwrap();
        }
        root.take_back(&name, &activation("three")).unwrap();
        assert_eq!(root.history(&name).unwrap(), all, "another one is last");
        root.take_back(&name, &activation("two")).unwrap();
        assert_eq!(root.history(&name).unwrap(), all[..3]);
        let place = root.project_env_path(&name);
        let left = place.join(format!(".new-{}", "0".repeat(32)));
        fs_err::write(&left, "").unwrap();
        fs_err::write(place.join(".new-thesis"), "").unwrap();
        root.tidy_history(&name, &|id| id == "two").unwrap();
        assert_eq!(
            root.history(&name).unwrap(),
            all[1..3],
            "what comes after one that is there stays"
        );
        assert!(!left.exists() && place.join(".new-thesis").exists());
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
        let activation = Activation { id: "one".to_owned(), at: 7, previous: None, cause: None };
        root.remember(&name, &activation).unwrap();
        assert_eq!(fs_err::read_to_string(&other).unwrap(), "mine\n");
        assert_eq!(root.history(&name).unwrap(), [activation]);
    }
}
