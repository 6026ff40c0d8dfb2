//! Which files a reading looked for, whatever came of it. Owns the list, which several readers add to.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Files that were looked for, there or not.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen(Rc<RefCell<BTreeSet<PathBuf>>>);

impl Seen {
    pub(super) fn note(&self, file: &Path) {
        self.0.borrow_mut().insert(file.to_owned());
    }

    pub(super) fn files(&self) -> BTreeSet<PathBuf> {
        self.0.borrow().clone()
    }
}
