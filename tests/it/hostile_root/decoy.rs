//! What lies outside a root and must stay as it is: the user's files, some of them secret, and directories that look
//! like parts of a root, so that whoever follows a link into them finds what it would look for.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode};

use super::outcome::Outcome;
use super::snapshot::{Tree, differences, tree};

/// Stands in every file that nobody but its owner may read.
const SECRET: &str = "root:$6$SECRET-MARKER-7d1f0c";

/// Files of others, with their modes.
const FILES: &[(&str, u32, &str)] = &[
    (".bashrc", 0o644, "alias ll='ls -l'\n"),
    (".ssh/id", 0o600, SECRET),
    (".ssh/authorized_keys", 0o600, SECRET),
    ("shadow", 0o600, SECRET),
    ("shared/readme", 0o644, "hello\n"),
    ("shared/tool", 0o755, "#!/bin/sh\n"),
    ("shared/deep/er/f", 0o644, "f\n"),
    ("private/key", 0o600, SECRET),
    ("private/key.tmp", 0o600, SECRET),
    ("private/.tmp-1-0-0123456789abcdef", 0o600, SECRET),
    ("private/__pycache__/x.pyc.tmp", 0o600, SECRET),
    ("private/sealed/f", 0o400, SECRET),
    // As parts of a root are called.
    ("looks/layout", 0o644, "pyfast 1\n"),
    ("looks/current/f", 0o644, "f\n"),
    ("looks/history.jsonl", 0o600, SECRET),
    ("looks/state.json", 0o600, SECRET),
    ("looks/pylock.toml", 0o600, SECRET),
    ("looks/env.json", 0o600, SECRET),
    ("looks/default/history.jsonl", 0o644, "{}\n"),
    ("looks/default/state.json", 0o644, "{}\n"),
    ("looks/p/default/pylock.toml", 0o644, "x = 1\n"),
    ("looks/store", 0o644, ""),
    ("looks/1-0-0123456789abcdef/f", 0o600, SECRET),
    ("looks/00112233445566778899/env.json", 0o644, "{}\n"),
    ("looks/manifest", 0o444, "{}\n"),
];

const FOLDERS: &[(&str, u32)] = &[
    (".ssh", 0o700),
    ("private/__pycache__", 0o700),
    ("private/sealed", 0o500),
    ("private/shut", 0o000),
    ("private", 0o700),
    ("looks/1-0-0123456789abcdef", 0o700),
    ("shared/deep", 0o755),
];

/// Where planted links lead, below the decoy.
pub(super) const TARGETS: &[&str] = &[
    "",
    ".ssh",
    ".ssh/id",
    ".bashrc",
    "shadow",
    "program",
    "shared",
    "shared/deep",
    "shared/tool",
    "private",
    "private/key",
    "looks",
    "looks/history.jsonl",
    "looks/p",
    "pipe",
    "socket",
    "zero",
    "link",
    // Where nothing is yet.
    "shared/new",
    "private/new",
    "new/deeper/still",
];

pub(super) struct Decoy {
    folder: PathBuf,
    before: Tree,
}

impl Decoy {
    pub(super) fn new(folder: &Path) -> Self {
        for (name, mode, text) in FILES {
            write(&folder.join(name), *mode, text);
        }
        // Whoever starts it is told on.
        let ran = format!("#!/bin/sh\necho \"$0 $*\" >> '{}/RAN'\nexit 1\n", folder.display());
        crate::support::write_script(&folder.join("program"), &ran);
        symlink("shared", folder.join("link")).unwrap();
        let mode = Mode::from_raw_mode(0o600);
        for (name, kind) in [("pipe", FileType::Fifo), ("socket", FileType::Socket)] {
            rustix::fs::mknodat(CWD, folder.join(name), kind, mode, 0).unwrap();
        }
        endless(&folder.join("zero"));
        for (name, mode) in FOLDERS {
            fs_err::create_dir_all(folder.join(name)).unwrap();
            set_mode(&folder.join(name), *mode);
        }
        Self { folder: folder.to_owned(), before: tree(folder, &[]) }
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        if relative.is_empty() { self.folder.clone() } else { self.folder.join(relative) }
    }

    /// Whether everything is as it was, to the last byte, mode and time.
    pub(super) fn is_untouched(&self) -> Result<(), String> {
        let words = differences(&self.before, &tree(&self.folder, &[]));
        if words.is_empty() { Ok(()) } else { Err(format!("OUTSIDE: {}", words.join("; "))) }
    }

    /// Whether nothing of the secret files was told, or copied to one of the folders.
    pub(super) fn is_secret(outcome: &Outcome, folders: &[PathBuf]) -> Result<(), String> {
        // A part of it is enough: messages show the first characters of what they could not read.
        let part = &SECRET[..12];
        if outcome.stdout.contains(part) || outcome.stderr.contains(part) {
            return Err("LEAK: the output has the content of a secret file".to_owned());
        }
        match folders.iter().find_map(|folder| holder(folder, part.as_bytes())) {
            Some(path) => Err(format!("LEAK: {} has the content of a secret file", path.display())),
            None => Ok(()),
        }
    }
}

/// A regular file below `folder` that has `part` in it.
fn holder(folder: &Path, part: &[u8]) -> Option<PathBuf> {
    let entries = fs_err::read_dir(folder).ok()?;
    for entry in entries.flatten() {
        let (Ok(kind), path) = (entry.file_type(), entry.path()) else { continue };
        let found = if kind.is_dir() {
            holder(&path, part)
        } else if kind.is_file() && entry.metadata().is_ok_and(|file| file.len() < 1 << 20) {
            let bytes = fs_err::read(&path).unwrap_or_default();
            bytes.windows(part.len()).any(|window| window == part).then_some(path)
        } else {
            None
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// A device without an end where this user may make one, else a link to the machine's own, which an ordinary user
/// cannot harm.
pub(super) fn endless(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let zero = rustix::fs::makedev(1, 5);
        let mode = Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(CWD, path, FileType::CharacterDevice, mode, zero).unwrap();
    } else {
        symlink("/dev/zero", path).unwrap();
    }
}

pub(super) fn set_mode(path: &Path, mode: u32) {
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn write(path: &Path, mode: u32, text: &str) {
    fs_err::create_dir_all(path.parent().expect("a file has a parent")).unwrap();
    fs_err::write(path, text).unwrap();
    set_mode(path, mode);
}
