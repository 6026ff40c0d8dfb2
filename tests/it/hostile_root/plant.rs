//! Puts hostile things at places of a root. Never through a link: what is planted must not change the decoy itself.

use std::os::unix::fs::{MetadataExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode};

use super::decoy::{endless, set_mode};

/// What is planted.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A symbolic link to this path.
    Link(PathBuf),
    /// The same, written relative to the place.
    RelativeLink(PathBuf),
    /// Over a second link beside it.
    ChainedLink(PathBuf),
    /// A link to itself.
    Loop,
    Fifo,
    Socket,
    /// A character device that never ends; for who may not make one, a link to the machine's.
    Device,
    /// A directory with nothing in it.
    Empty,
    /// A directory with foreign files in it, of odd modes.
    Full,
    /// A file with this text.
    Text(String),
    /// Bytes that are no text.
    Garbage,
    /// Two gigabytes that take no space.
    Huge,
    /// What is there, with some text in it replaced.
    Edited(&'static str, String),
    /// What is there, with another mode.
    Mode(u32),
    /// What is there, as another user's; the mode 0 for who may not give files away.
    Foreign,
    Gone,
}

impl Kind {
    /// Whether it can be made without anything being there, and beside nothing else.
    pub(super) fn stands_alone(&self) -> bool {
        let needs = Self::Edited("", String::new());
        let alike = |other: &Self| std::mem::discriminant(self) == std::mem::discriminant(other);
        ![needs, Self::Mode(0), Self::Foreign, Self::Gone, Self::ChainedLink(PathBuf::new())]
            .iter()
            .any(alike)
    }
}

/// A user that owns nothing.
pub(super) const NOBODY: u32 = 65534;

/// Plants at `place` below `root`. Where a directory above is missing it is made; where one is not a real directory of
/// the root (something was planted there before) nothing is done.
pub(super) fn plant(root: &Path, place: &Path, kind: &Kind) {
    let path = root.join(place);
    let Some(parent) = real_parent(root, place) else { return };
    let mode = fs_err::symlink_metadata(&parent).expect("it is there").mode();
    set_mode(&parent, mode | 0o700);
    put(&path, kind);
    set_mode(&parent, mode & 0o7777);
}

fn real_parent(root: &Path, place: &Path) -> Option<PathBuf> {
    let mut parent = root.to_owned();
    for name in place.parent()? {
        parent.push(name);
        match fs_err::symlink_metadata(&parent) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return None,
            Err(_) => fs_err::create_dir(&parent).ok()?,
        }
    }
    Some(parent)
}

/// Puts the thing at a path whose parent is a real, writable directory.
pub(super) fn put(path: &Path, kind: &Kind) {
    match kind {
        Kind::Edited(..) | Kind::Mode(_) | Kind::Foreign => return alter(path, kind),
        _ => remove(path),
    }
    let node = |kind| {
        let mode = Mode::from_raw_mode(0o666);
        rustix::fs::mknodat(CWD, path, kind, mode, 0).expect("a node can be made");
    };
    let write = |bytes: &[u8]| fs_err::write(path, bytes).expect("a file can be written");
    let link = |target: &Path| symlink(target, path).expect("a link can be made");
    match kind {
        Kind::Link(target) => link(target),
        Kind::RelativeLink(target) => link(&relative(path, target)),
        Kind::ChainedLink(target) => {
            let second = path.with_file_name(".second");
            remove(&second);
            symlink(target, &second).expect("a link can be made");
            link(Path::new(".second"));
        }
        Kind::Loop => link(Path::new(path.file_name().expect("a place has a name"))),
        Kind::Fifo => node(FileType::Fifo),
        Kind::Socket => node(FileType::Socket),
        Kind::Device => endless(path),
        Kind::Empty => fs_err::create_dir(path).expect("a directory can be made"),
        Kind::Full => fill(path),
        Kind::Text(text) => write(text.as_bytes()),
        Kind::Garbage => write(&[0, 0xff, b'{', 0x1b, b'[', b'\n', 0xfe, 0x80].repeat(40)),
        Kind::Huge => fs_err::File::create(path)
            .and_then(|file| file.set_len(2 << 30))
            .expect("a sparse file"),
        Kind::Edited(..) | Kind::Mode(_) | Kind::Foreign | Kind::Gone => {}
    }
}

/// Changes what is there, where it is a file or a directory.
fn alter(path: &Path, kind: &Kind) {
    let Ok(metadata) = fs_err::symlink_metadata(path) else { return };
    if metadata.is_symlink() {
        return;
    }
    match kind {
        Kind::Mode(mode) => set_mode(path, *mode),
        Kind::Foreign if rustix::process::geteuid().is_root() => {
            lchown(path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
        }
        Kind::Foreign => set_mode(path, 0),
        Kind::Edited(old, new) if metadata.is_file() && metadata.len() < 1 << 20 => {
            let text = fs_err::read_to_string(path).unwrap_or_default();
            remove(path);
            fs_err::write(path, text.replace(old, new)).expect("a file can be written");
        }
        _ => {}
    }
}

fn fill(path: &Path) {
    fs_err::create_dir_all(path.join("sub/deep")).expect("directories can be made");
    for (name, mode) in [("f", 0o600), ("sub/g", 0o444), (".tmp-1-0-0123456789abcdef", 0o644)] {
        fs_err::write(path.join(name), "foreign\n").expect("a file can be written");
        set_mode(&path.join(name), mode);
    }
    set_mode(&path.join("sub/deep"), 0o000);
    set_mode(&path.join("sub"), 0o555);
}

/// Removes whatever is there, links themselves and not what they lead to.
pub(super) fn remove(path: &Path) {
    let Ok(metadata) = fs_err::symlink_metadata(path) else { return };
    if !metadata.is_dir() {
        fs_err::remove_file(path).expect("what was planted can be removed");
        return;
    }
    set_mode(path, 0o700);
    for entry in fs_err::read_dir(path).expect("it is readable now").flatten() {
        remove(&entry.path());
    }
    fs_err::remove_dir(path).expect("an empty directory can be removed");
}

/// `target` as a link at `path` names it relatively.
pub(super) fn relative(path: &Path, target: &Path) -> PathBuf {
    let folder = path.parent().expect("a place has a parent");
    let same = folder.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(same).map(|_| Path::new(".."));
    up.map(Path::to_owned)
        .chain(target.components().skip(same).map(|one| PathBuf::from(one.as_os_str())))
        .collect()
}
