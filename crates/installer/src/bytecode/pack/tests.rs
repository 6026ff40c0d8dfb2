//! Packs that are whole, and packs that somebody has made to do harm.

use std::path::{Path, PathBuf};

use fs_err as fs;

use super::*;
use crate::bytecode::{Compiler, is_compiled};
use crate::fixtures::{Sandbox, WheelFile, interpreter};

fn admit(sandbox: &Sandbox) -> Sha256 {
    let deep = format!("pkg/{}/mod.py", "d".repeat(120));
    sandbox.admit(
        &WheelFile::new("pkg", "1.0")
            .file("pkg/__init__.py", "value = 42\n")
            .file("pkg/template.py", "def {{ name }}:\n")
            .file(&deep, "def f():\n    return __file__\n")
            .file("single.py", "x = 1\n"),
    )
}

fn compiled(sandbox: &Sandbox, manner: Invalidation) -> Sha256 {
    let wheel = admit(sandbox);
    let compiler = Compiler::start(&interpreter(), manner, 1).unwrap();
    assert_eq!(compiler.compile(&sandbox.root, &wheel).unwrap(), 3);
    wheel
}

fn form() -> Form {
    Form::of(&interpreter()).unwrap()
}

/// Every file below a directory with its content and mode.
fn files(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            let content = if path.is_dir() {
                left.push(path.clone());
                Vec::new()
            } else {
                fs::read(&path).unwrap()
            };
            found.insert(path.strip_prefix(directory).unwrap().to_owned(), (content, mode));
        }
    }
    found
}

#[test]
fn what_a_pack_gives_is_what_compiling_gives() {
    let (made, other) = (Sandbox::new(), Sandbox::new());
    let wheel = compiled(&made, Invalidation::UncheckedHash);
    let pack = form().pack(&made.root, &wheel).unwrap().expect("it was compiled");
    assert_eq!(form().pack(&made.root, &wheel).unwrap().as_ref(), Some(&pack), "equal bytes");
    assert!(form().is_same(&made.root, &wheel, &pack).unwrap());
    admit(&other);
    assert!(form().lacks(&other.root, &wheel).unwrap());
    assert_eq!(form().restore(&other.root, &wheel, &pack).unwrap(), 3);
    assert!(is_compiled(&other.root, &interpreter(), &wheel));
    assert!(!form().lacks(&other.root, &wheel).unwrap());
    assert_eq!(files(&other.stored(&wheel)), files(&made.stored(&wheel)));
    // Whoever would compile it has nothing to do, and starts nobody for it.
    let nobody = Interpreter { executable: "/nowhere/python".into(), ..interpreter() };
    let compiler = Compiler::start(&nobody, Invalidation::UncheckedHash, 1).unwrap();
    assert_eq!(compiler.compile(&other.root, &wheel).unwrap(), 0);
}

#[test]
fn what_has_no_module_is_compiled_without_anybody() {
    let sandbox = Sandbox::new();
    let wheel = sandbox.admit(&WheelFile::new("pkg", "1.0").file("pkg/data.txt", "text\n"));
    assert!(!form().lacks(&sandbox.root, &wheel).unwrap());
    assert!(is_compiled(&sandbox.root, &interpreter(), &wheel));
    assert_eq!(form().pack(&sandbox.root, &wheel).unwrap(), None);
}

#[test]
fn what_was_not_compiled_or_is_compared_with_its_source_or_was_altered_is_not_packed() {
    let sandbox = Sandbox::new();
    let wheel = admit(&sandbox);
    assert_eq!(form().pack(&sandbox.root, &wheel).unwrap(), None);
    let checked = Sandbox::new();
    compiled(&checked, Invalidation::CheckedHash);
    assert_eq!(form().pack(&checked.root, &wheel).unwrap(), None);
    let altered = Sandbox::new();
    compiled(&altered, Invalidation::UncheckedHash);
    let directory = altered.root.wheel(&wheel.to_string()).unwrap().unwrap();
    let path = listed(&directory, &form().tag).unwrap()[0].path.clone();
    let path = altered.stored(&wheel).join(path);
    let content = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap_or_else(|_| {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path.parent().unwrap(), open).unwrap();
        fs::remove_file(&path).unwrap();
    });
    fs::write(&path, [&content[..], b"\0"].concat()).unwrap();
    let error = form().pack(&altered.root, &wheel).unwrap_err();
    assert!(error.to_string().contains("not what its module was compiled to"), "{error}");
}

#[test]
fn bytecode_of_another_version_and_of_free_threads_is_another_or_none() {
    let mut python = interpreter();
    let wheel = Sha256([7; 32]);
    let name = form().name(&wheel);
    python.magic += 1;
    assert_ne!(Form::of(&python).unwrap().name(&wheel), name);
    python.tags.free_threaded = true;
    assert!(Form::of(&python).is_none());
    let python = Interpreter { cache_tag: None, ..interpreter() };
    assert!(Form::of(&python).is_none());
}

/// A member of a pack that somebody has made.
struct Made<'a> {
    kind: EntryType,
    path: &'a str,
    content: Vec<u8>,
}

fn file<'a>(path: &'a str, content: &[u8]) -> Made<'a> {
    Made { kind: EntryType::Regular, path, content: content.to_vec() }
}

/// What a Python that is asked for writes, but for its code.
fn code(flags: u32) -> Vec<u8> {
    [&interpreter().magic.to_le_bytes()[..], &flags.to_le_bytes(), &[0; 8], b"N"].concat()
}

fn packed(members: &[Made<'_>]) -> Vec<u8> {
    let mut archive = Vec::new();
    for Made { kind, path, content } in members {
        let mut header = Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(if *kind == EntryType::Regular { content.len() as u64 } else { 0 });
        // The library would refuse to write such names.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        if *kind != EntryType::Regular {
            let target = b"/etc/passwd";
            header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target);
        }
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        if *kind == EntryType::Regular {
            archive.extend_from_slice(content);
            archive.resize(archive.len().next_multiple_of(512), 0);
        }
    }
    archive.resize(archive.len() + 1024, 0);
    zstd::encode_all(&archive[..], LEVEL).unwrap()
}

/// A pack is refused for this reason, and nothing is written.
#[track_caller]
fn refused(pack: &[u8], reason: &str) {
    let sandbox = Sandbox::new();
    let wheel = admit(&sandbox);
    let before = files(sandbox.root.written());
    let error = form().restore(&sandbox.root, &wheel, pack).unwrap_err();
    let Error::Pack(refusal) = error else { panic!("{error}") };
    assert!(refusal.to_string().contains(reason), "{refusal}");
    assert_eq!(files(sandbox.root.written()), before, "{reason}");
    assert!(form().lacks(&sandbox.root, &wheel).unwrap());
}

#[test]
fn a_pack_that_holds_anything_else_is_refused_before_anything_is_written() {
    let tag = form().tag;
    let single = format!("__pycache__/single.{tag}.pyc");
    let package = format!("pkg/__pycache__/__init__.{tag}.pyc");
    let (good, stranger) = (code(1), "is not the bytecode of a module that the wheel has");
    for path in [
        format!("../{single}"),
        format!("pkg/../{single}"),
        format!("/{single}"),
        format!("./{single}"),
        format!("pkg/__pycache__/ghost.{tag}.pyc"),
        "pkg/__pycache__/__init__.cpython-27.pyc".to_owned(),
        "pkg/__init__.py".to_owned(),
        "compiled-2-x".to_owned(),
    ] {
        // Also behind what is right: nothing of that is written either.
        refused(&packed(&[file(&single, &good), file(&path, &good)]), stranger);
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Directory, EntryType::Fifo] {
        let member = Made { kind, path: &single, content: Vec::new() };
        refused(&packed(&[member]), "is no file");
    }
    let twice = [file(&single, &good), file(&single, &good)];
    refused(&packed(&twice), "is there twice");
    refused(&packed(&[file(&package, &good), file(&single, &good)]), "not in its place");
    refused(&packed(&[file(&single, b"short")]), "is no bytecode");
    let mut other = code(1);
    other[0] ^= 1;
    refused(&packed(&[file(&single, &other)]), "of another Python");
    for flags in [0, 2, 3] {
        refused(&packed(&[file(&single, &code(flags))]), "would be compared with its source");
    }
    refused(b"no archive", "it cannot be read");
    refused(&packed(&[file(&single, &good)])[..20], "it cannot be read");
    let bomb = [good.clone(), vec![0; 64 << 20]].concat();
    refused(&packed(&[file(&single, &bomb)]), "more in it than bytecode of its wheel could have");
    refused(&vec![0; usize::try_from(LARGEST_PACK).unwrap() + 1], "it has more than 64 MiB");
}
