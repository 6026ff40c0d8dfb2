//! Which generations still wait for their bytecode: a file for each, which stands until somebody has compiled and linked
//! all of it. Must not know how that is done.

use crate::dir::Dir;
use crate::error::Error;
use crate::layout::UNCOMPILED;
use crate::moves::Durability;
use crate::name::is_generation_id;
use crate::root::Root;

impl Root {
    /// Notes that a generation waits for its bytecode.
    ///
    /// # Errors
    /// If something else is in the place of the notes, or the disk refuses.
    pub fn await_bytecode(&self, id: &str) -> Result<(), Error> {
        let notes = self.top().ensure_dir(UNCOMPILED)?;
        notes.replace(id, b"", 0o444, Durability::Synced)?;
        notes.sync()
    }

    /// Whether a generation waits for its bytecode.
    pub fn awaits_bytecode(&self, id: &str) -> bool {
        self.top().has_file(format!("{UNCOMPILED}/{id}"))
    }

    /// Every generation that waits for its bytecode, sorted.
    ///
    /// # Errors
    /// If something else is in the place of the notes.
    pub fn awaiting_bytecode(&self) -> Result<Vec<String>, Error> {
        let Some(notes) = self.notes()? else { return Ok(Vec::new()) };
        let entries = notes.entries()?.into_iter();
        let names = entries.filter_map(|entry| entry.name.into_string().ok());
        let mut ids: Vec<String> = names.filter(|name| is_generation_id(name)).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Notes that a generation has its bytecode, or needs none any more.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn has_bytecode(&self, id: &str) -> Result<(), Error> {
        match self.notes()? {
            Some(notes) => notes.remove_file(id).map(drop),
            None => Ok(()),
        }
    }

    fn notes(&self) -> Result<Option<Dir>, Error> {
        self.top().find_dir(UNCOMPILED)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_generation_waits_until_it_is_said_that_it_has_its_bytecode() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::create(directory.path(), Path::new("/pyfast")).unwrap();
        let [one, other] = ["a", "b"].map(|digit| digit.repeat(20));
        assert_eq!(root.awaiting_bytecode().unwrap(), Vec::<String>::new());
        root.has_bytecode(&one).unwrap();
        for id in [&other, &one, &one] {
            root.await_bytecode(id).unwrap();
        }
        assert_eq!(root.awaiting_bytecode().unwrap(), [one.clone(), other.clone()]);
        root.has_bytecode(&one).unwrap();
        assert!(!root.awaits_bytecode(&one) && root.awaits_bytecode(&other));
    }
}
