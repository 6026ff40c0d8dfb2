//! Modules of the standard library that find a file of the project in another one's place. Must not know what is in them.

use std::path::{Path, PathBuf};

use super::failing::{Kind, Raised};
use super::{Frame, Simulation, Unseen, messages};
use crate::advice::uses_of;
use crate::finding::Rule;
use crate::search::{Found, Whose};
use crate::steps;

/// Modules that whatever runs before the program (`.pth` files, a virtual environment's own) may have imported already.
const BEFORE: [&str; 18] = [
    "_collections_abc",
    "_weakrefset",
    "collections",
    "contextlib",
    "copyreg",
    "enum",
    "functools",
    "heapq",
    "keyword",
    "linecache",
    "operator",
    "re",
    "reprlib",
    "threading",
    "traceback",
    "types",
    "warnings",
    "weakref",
];

/// What a module of the standard library asks a file of the project for.
struct Asked {
    /// The module that asks.
    by: String,
    /// The module in whose place the file stands.
    module: &'static str,
    /// What it wants.
    wanted: String,
}

impl Simulation<'_> {
    /// A module of the standard library is imported, with all that it imports itself.
    pub(super) fn load_standard(
        &mut self,
        name: &str,
        at: u32,
        frame: &Frame,
    ) -> Result<(), Raised> {
        // Whatever starts an application for somebody has imported the most of it before.
        let is_direct = self.service.entries.iter().all(|entry| entry.is_first);
        if !is_direct
            || !self.is_certain()
            || self.unseen != Unseen::Nothing
            || !self.standard.insert(name.to_owned())
        {
            return Ok(());
        }
        let Some(asked) = self.asked_by(name) else { return Ok(()) };
        let mut draft = self.draft(frame, at, Rule::ShadowedModule, asked.module);
        draft.message = format!(
            "{}, and `{}` asks it for `{}`",
            messages::shadow(self, asked.module),
            asked.by,
            asked.wanted
        );
        draft.hint = Some(format!("give {}.py another name", asked.module));
        self.fail(Kind::Import, draft)
    }

    /// Looks at what was not imported before.
    fn asked_by(&mut self, name: &str) -> Option<Asked> {
        let mut due = vec![name.to_owned()];
        while let Some(by) = due.pop() {
            for used in uses_of(&by) {
                let top = used.module.split('.').next().unwrap_or_default();
                let Some(path) = self.own_file(top) else {
                    let is_new = self.standard.insert(used.module.to_owned());
                    due.extend(is_new.then(|| used.module.to_owned()));
                    continue;
                };
                let wanted = self.lacks(&path, &used.names);
                let wanted = wanted.filter(|_| used.module == top && !BEFORE.contains(&top));
                if let Some(wanted) = wanted {
                    return Some(Asked { by, module: used.module, wanted });
                }
            }
        }
        None
    }

    /// The file of the project that stands in the place of a module.
    fn own_file(&self, module: &str) -> Option<PathBuf> {
        match self.search.top(module) {
            Found::Source { path, directories: None, whose: Whose::Project } => Some(path),
            _ => None,
        }
    }

    /// The first of these names that a file certainly does not have.
    fn lacks(&self, path: &Path, names: &[&str]) -> Option<String> {
        let read = self.library.read(path, self.service.python)?;
        let outline = read.outline.as_ref().filter(|outline| !outline.is_open)?;
        let mut bound = steps::bound(&outline.body);
        bound.extend(outline.globals.iter().cloned());
        let mut has_all = bound.contains("__getattr__");
        steps::each_step(outline, &mut |step| {
            has_all |= matches!(step, crate::outline::Step::From(from) if from.names.is_empty());
        });
        let missing = names.iter().find(|name| !bound.contains(**name) && !self.sets(name));
        missing.filter(|_| !has_all).map(|name| (*name).to_owned())
    }

    /// The file that stands in the place of a module.
    pub(super) fn file_of(&self, module: &str) -> Option<PathBuf> {
        match self.search.top(module) {
            Found::Source { path, .. } => Some(path),
            _ => None,
        }
    }
}
