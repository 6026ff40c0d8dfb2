//! Unpacks an audited source archive into a directory of its own. Knows nothing of what is in it.

use std::io::{self, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pyfast_index::Body;
use pyfast_index::source_archive::{Member, walk_source};

/// Unpacks a source archive; `place` must not exist.
pub(super) fn unpack(filename: &str, body: &Body, place: &Path) -> io::Result<()> {
    fs_err::create_dir_all(place)?;
    walk_source(filename, body, &mut |path, member| {
        if matches!(member, Member::Again) {
            fs_err::remove_dir_all(place)?;
            fs_err::create_dir_all(place)?;
            return Ok(true);
        }
        let path = place.join(path);
        if let Some(parent) = path.parent() {
            fs_err::create_dir_all(parent)?;
        }
        match member {
            Member::Again => {}
            Member::Directory => fs_err::create_dir_all(&path)?,
            Member::File { executable, content } => write(&path, executable, content)?,
            Member::Link { target } => fs_err::os::unix::fs::symlink(target, &path)?,
            Member::Same { file } => fs_err::copy(place.join(file), &path).map(drop)?,
        }
        Ok(true)
    })
}

fn write(path: &Path, executable: bool, content: &mut dyn Read) -> io::Result<()> {
    let mode = if executable { 0o755 } else { 0o644 };
    let open = || std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let file = match open() {
        // An archive may hold a file twice; the later one counts.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            fs_err::remove_file(path)?;
            open()
        }
        other => other,
    }?;
    let mut file = io::BufWriter::new(file);
    io::copy(content, &mut file)?;
    file.flush()
}
