//! Makes a root what its template is, with as little as possible: most rounds change a few paths of it.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use super::super::decoy::set_mode;
use super::super::plant::remove;
use super::super::snapshot::{Tree, look};

/// Replaces whatever is not as the template has it. Files and links that are as they were in `clean`, to the last
/// time stamp, are left.
pub(super) fn mend(template: &Path, path: &Path, clean: &Tree) {
    let wanted = fs_err::symlink_metadata(template).unwrap();
    let Ok(there) = fs_err::symlink_metadata(path) else { return copy(template, path) };
    let same = there.uid() == wanted.uid() && there.file_type() == wanted.file_type();
    if !same || (!wanted.is_dir() && look(path).ok().as_ref() != clean.get(path)) {
        remove(path);
        copy(template, path);
    } else if wanted.is_dir() {
        set_mode(path, 0o700);
        for entry in fs_err::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name();
            if fs_err::symlink_metadata(template.join(&name)).is_err() {
                remove(&path.join(&name));
            }
        }
        for entry in fs_err::read_dir(template).unwrap() {
            let name = entry.unwrap().file_name();
            mend(&template.join(&name), &path.join(&name), clean);
        }
        set_mode(path, wanted.mode() & 0o7777);
    }
}

/// A copy with modes; links are copied as they are.
pub(super) fn copy(from: &Path, to: &Path) {
    let metadata = fs_err::symlink_metadata(from).unwrap();
    if metadata.is_symlink() {
        symlink(fs_err::read_link(from).unwrap(), to).unwrap();
    } else if metadata.is_dir() {
        fs_err::create_dir(to).unwrap();
        for entry in fs_err::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
        set_mode(to, metadata.mode() & 0o7777);
    } else {
        // With its mode.
        fs_err::copy(from, to).unwrap();
    }
}
