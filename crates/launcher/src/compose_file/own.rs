//! The override files that this program makes: they are known by their first line, or by their place, and are no part
//! of what a project says. Owns both; must not know what the files say.

use std::path::{Path, PathBuf};

/// First line of every override file made here, by which it is known again.
pub(crate) const OVERRIDE_MARK: &str = "# Made by `pyfast up`. Changes are overwritten.";
/// Directory for what belongs to a project and to nobody's version control.
pub const PRIVATE: &str = ".pyfast";
/// The override's name in it.
const APART: &str = "compose.override.yml";

/// Where the override of a project is that has another one, or files that Compose does not find by itself.
pub fn override_apart(directory: &Path) -> PathBuf {
    directory.join(PRIVATE).join(APART)
}

/// Whether a text is one that was made here.
pub fn is_ours(text: &str) -> bool {
    text.lines().next() == Some(OVERRIDE_MARK)
}

/// Whether this program made a file, or will make it: a fresh clone has no private directory yet, and what names the
/// file there came with it.
pub(super) fn is_own(file: &Path) -> bool {
    match pyfast_root::regular_file::read_text(file) {
        Ok(text) => is_ours(&text),
        Err(_) => file.ends_with(Path::new(PRIVATE).join(APART)),
    }
}
