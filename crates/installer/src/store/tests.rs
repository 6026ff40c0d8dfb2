//! What gets into the store, and what does not.

use std::os::unix::fs::PermissionsExt as _;

use pyfast_packaging::hash::Sha256;

use super::*;
use crate::fixtures::{Sandbox, WheelFile, zip_of};

fn wheel() -> WheelFile {
    WheelFile::new("pkg", "1.0")
        .info("entry_points.txt", "[console_scripts]\nrun = pkg:main\n")
        .info("RECORD.jws", "{}")
        .file("pkg/__init__.py", "def main(): print('hi')\n")
        .program("pkg/tool.sh", "#!/bin/sh\n")
        .file("single.py", "")
        .file("pkg-1.0.data/scripts/tool", "#!python\n")
}

fn admit(sandbox: &Sandbox, filename: &WheelFilename, bytes: &[u8]) -> Result<Admission, Error> {
    let expected = Sha256::of(bytes);
    sandbox.store.admit(&WheelBytes { filename, expected, found: None, bytes })
}

/// Whether nothing of a failed admission is left.
fn is_clean(sandbox: &Sandbox) -> bool {
    let leavings = sandbox.store.workspace().entries().unwrap().len();
    leavings == 0 && sandbox.store.wheels().unwrap().is_empty()
}

#[test]
fn a_wheel_is_unpacked_whole_and_read_only() {
    let sandbox = Sandbox::new();
    let digest = sandbox.admit(&wheel());
    assert!(sandbox.store.contains(&digest));
    assert_eq!(sandbox.store.wheels().unwrap(), [digest]);
    let directory = sandbox.stored(&digest);
    let mode =
        |path: &str| fs_err::metadata(directory.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("root/pkg/__init__.py"), 0o444);
    assert_eq!(mode("root/pkg/tool.sh"), 0o555);
    assert_eq!(mode("data/scripts/tool"), 0o555, "scripts are programs whatever the archive says");
    assert_eq!((mode("root"), mode("root/pkg"), mode("data")), (0o555, 0o555, 0o555));
    assert!(!directory.join("root/pkg-1.0.dist-info/RECORD.jws").exists());

    let manifest = sandbox.store.manifest(&digest).unwrap();
    let top: Vec<_> =
        manifest.top_level.iter().map(|top| (top.name.as_str(), top.directory)).collect();
    assert_eq!(top, [("pkg", true), ("pkg-1.0.dist-info", true), ("single.py", false)]);
    assert_eq!((manifest.scripts.as_slice(), manifest.has_data), (&["tool".to_owned()][..], false));
    let files = sandbox.store.files(&digest).unwrap();
    assert_eq!(manifest.files, files.len() as u64);
    assert!(verify_all(&sandbox).is_empty());
}

fn verify_all(sandbox: &Sandbox) -> Vec<crate::finding::Finding> {
    crate::store::verify::verify_store(&sandbox.root).unwrap()
}

#[test]
fn record_is_complete_sorted_and_true() {
    let sandbox = Sandbox::new();
    let digest = sandbox.admit(&wheel());
    let directory = sandbox.stored(&digest).join("root");
    let info = directory.join("pkg-1.0.dist-info");
    assert_eq!(fs_err::read_to_string(info.join("INSTALLER")).unwrap(), "pyfast\n");
    let record = fs_err::read(info.join("RECORD")).unwrap();
    let rows = record::parse(&record).unwrap();
    let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "pkg-1.0.dist-info/INSTALLER",
            "pkg-1.0.dist-info/METADATA",
            "pkg-1.0.dist-info/RECORD",
            "pkg-1.0.dist-info/WHEEL",
            "pkg-1.0.dist-info/entry_points.txt",
            "pkg/__init__.py",
            "pkg/tool.sh",
            "single.py",
        ]
    );
    for row in rows.iter().filter(|row| !row.path.ends_with("/RECORD")) {
        let content = fs_err::read(directory.join(&row.path)).unwrap();
        assert_eq!(row.size, Some(content.len() as u64), "{}", row.path);
        let expected = record::RecordHash::Sha256(Sha256::of(&content).0.to_vec());
        assert_eq!(row.told, record::Told::Digest(expected, true), "{}", row.path);
    }
}

#[test]
fn bytes_that_were_not_asked_for_are_refused() {
    let sandbox = Sandbox::new();
    let (wheel, other) = (wheel(), Sha256([7; 32]));
    let bytes = wheel.bytes();
    let filename = &wheel.filename;
    for found in [None, Some(Sha256::of(&bytes))] {
        let error =
            sandbox.store.admit(&WheelBytes { filename, expected: other, found, bytes: &bytes });
        assert!(matches!(error, Err(Error::HashMismatch { expected, .. }) if expected == other));
    }
    assert!(is_clean(&sandbox));
}

#[test]
fn content_that_record_denies_is_refused_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let mut members = wheel().members();
    let init = members.iter_mut().find(|member| member.name == b"pkg/__init__.py").unwrap();
    init.content[0] ^= 1;
    let bytes = zip_of(&members, b"");
    let error = admit(&sandbox, &wheel().filename, &bytes).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "`pkg/__init__.py` has another content than RECORD says");
    assert!(error.to_string().contains("pkg-1.0-py3-none-any.whl"));
    assert!(is_clean(&sandbox));
}

#[test]
fn a_damaged_member_is_refused_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let mut members = wheel().members();
    members[0].crc = Some(1);
    assert!(admit(&sandbox, &wheel().filename, &zip_of(&members, b"")).is_err());
    assert!(is_clean(&sandbox));
}

#[test]
fn many_threads_admit_one_wheel_once() {
    let sandbox = Sandbox::new();
    let wheel = wheel();
    let bytes = wheel.bytes();
    let admitted = std::thread::scope(|scope| {
        let admit = || admit(&sandbox, &wheel.filename, &bytes).unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(admit)).collect();
        let ends = threads.into_iter().map(|thread| thread.join().unwrap());
        ends.filter(|end| matches!(end, Admission::Unpacked(_))).count()
    });
    assert_eq!(admitted, 1);
    assert!(sandbox.store.workspace().entries().unwrap().is_empty());
    assert!(verify_all(&sandbox).is_empty());
}

#[test]
fn what_a_killed_process_left_does_not_count() {
    let sandbox = Sandbox::new();
    // As a process leaves it that is killed while it unpacks: not locked, half there.
    let work = sandbox.at(&format!("tmp/work-{}", "0".repeat(32)));
    let left = work.join("1/root/pkg");
    fs_err::create_dir_all(&left).unwrap();
    fs_err::write(left.join("__init__.py"), "half").unwrap();
    let again = Store::open(&sandbox.root, &|_| ()).unwrap();
    assert!(!work.exists());
    assert!(sandbox.store.workspace().path().is_dir(), "a living process keeps its directory");
    assert!(again.wheels().unwrap().is_empty());
}

#[test]
fn a_store_that_cannot_be_written_is_told_and_nothing_is_left() {
    let sandbox = Sandbox::new();
    fs_err::remove_dir(sandbox.at("store/v1/wheels")).unwrap();
    fs_err::write(sandbox.at("store/v1/wheels"), "in the way").unwrap();
    let error = admit(&sandbox, &wheel().filename, &wheel().bytes()).unwrap_err();
    assert!(error.to_string().contains("store/v1/wheels: there is a file"), "{error}");
    assert!(sandbox.store.workspace().entries().unwrap().is_empty());
}

#[test]
fn a_wheel_in_a_file_is_admitted_as_one_in_memory() {
    let sandbox = Sandbox::new();
    let (wheel, path) = (wheel(), sandbox.at("tmp/wheel"));
    fs_err::write(&path, wheel.bytes()).unwrap();
    let expected = Sha256::of(&wheel.bytes());
    let admit = |digest| sandbox.store.admit_file(&wheel.filename, digest, None, &path);
    assert!(matches!(admit(Sha256([1; 32])), Err(Error::HashMismatch { .. })));
    assert!(matches!(admit(expected), Ok(Admission::Unpacked(_))));
    assert_eq!(admit(expected).unwrap(), Admission::Present);
}

/// What becomes of a wheel that comes in pieces of `size` bytes, of which `room` are held in memory.
fn come(
    sandbox: &Sandbox,
    wheel: &WheelFile,
    room: usize,
    expected: Sha256,
) -> Result<Admission, Error> {
    let workspace = sandbox.store.workspace().clone();
    let mut receiver = pyfast_index::Receiver::new(room, move |_| workspace.nameless().map(Some));
    for piece in wheel.bytes().chunks(64) {
        receiver.take(piece).unwrap();
    }
    let pyfast_index::Received { body, sha256, .. } = receiver.finish();
    let (filename, found) = (&wheel.filename, Some(sha256));
    match body {
        pyfast_index::Body::Memory(bytes) => {
            sandbox.store.admit(&WheelBytes { filename, expected, found, bytes: &bytes })
        }
        pyfast_index::Body::File(file) => {
            let ahead = ahead::Members::default();
            let file = &*file;
            sandbox.store.admit_open(&WheelInFile { filename, expected, found, file, ahead })
        }
    }
}

#[test]
fn a_wheel_that_comes_in_pieces_is_admitted_if_it_is_the_right_one_and_leaves_nothing() {
    for room in [0, 100, 1 << 20] {
        let sandbox = Sandbox::new();
        let wheel = wheel();
        let expected = Sha256::of(&wheel.bytes());
        let error = come(&sandbox, &wheel, room, Sha256([7; 32])).unwrap_err();
        assert!(matches!(error, Error::HashMismatch { .. }), "{error}");
        assert!(is_clean(&sandbox));
        assert!(matches!(come(&sandbox, &wheel, room, expected), Ok(Admission::Unpacked(_))));
        assert!(verify::verify(&sandbox.root, &[expected]).unwrap().is_empty());
        assert!(sandbox.store.workspace().entries().unwrap().is_empty());
    }
}

#[test]
fn after_a_restart_a_wheel_is_hashed_once_and_what_is_lost_is_missing() {
    let sandbox = Sandbox::new();
    let digests = [wheel(), WheelFile::new("other", "1.0").file("other.py", "x")]
        .map(|wheel| sandbox.admit(&wheel));
    assert!(sandbox.store.missing(&digests).unwrap().is_empty());
    for digest in &digests {
        let path = sandbox.stored(digest).join("manifest");
        let text = fs_err::read_to_string(&path).unwrap();
        let boot = settled::boot_id().unwrap();
        fs_err::remove_file(&path).unwrap();
        fs_err::write(&path, text.replace(&boot, "an-earlier-boot")).unwrap();
    }
    // What a power cut does to a file that was not synced.
    let lost = sandbox.stored(&digests[1]).join("root/other.py");
    fs_err::set_permissions(&lost, std::fs::Permissions::from_mode(0o644)).unwrap();
    fs_err::write(&lost, "").unwrap();
    assert_eq!(sandbox.store.missing(&digests).unwrap(), digests[1..]);
    assert!(!sandbox.store.contains(&digests[1]));
    assert!(sandbox.stored(&digests[0]).join("settled").exists());
    let absent = Sha256([3; 32]);
    assert_eq!(sandbox.store.missing(&[digests[0], absent]).unwrap(), [absent]);
}

#[test]
fn elf_files_and_where_they_look_for_libraries_are_noted() {
    let sandbox = Sandbox::new();
    let library = elf_with_runpath("$ORIGIN/../../nvidia/lib:$ORIGIN:$ORIGIN/../pkg.libs:/usr/lib");
    // Kept in pieces while it is unpacked, and stripped of everything that names its sections.
    let mut large = elf_with_runpath("$ORIGIN/../large");
    let mut number = 1_u32;
    large.extend(
        std::iter::repeat_with(|| {
            // Whatever: an archive that is nearly all zeros is refused.
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            number.to_be_bytes()[0]
        })
        .take(1 << 20),
    );
    large.resize((64 << 20) + 1, 0);
    let wheel = WheelFile::new("pkg", "1.0")
        .file("pkg/lib/x.so", &library)
        .file("pkg/bin/program", elf_with_runpath("$ORIGIN/../lib"))
        .file("pkg/lib/large.so", large)
        .file("pkg-1.0.data/scripts/tool", elf_with_runpath("$ORIGIN/../lib"))
        .file("pkg-1.0.data/data/lib/y", elf_with_runpath("/usr/lib"))
        .file("pkg/pkg.libs/y.so", "no library");
    let digest = sandbox.admit(&wheel);
    let manifest = sandbox.store.manifest(&digest).unwrap();
    assert_eq!(
        manifest.libraries,
        ["data/data/lib", "data/scripts", "root/pkg/bin", "root/pkg/lib"]
    );
    let expected = [
        "data/scripts/../lib",
        "root/pkg/bin/../lib",
        "root/pkg/lib",
        "root/pkg/lib/../../nvidia/lib",
        "root/pkg/lib/../large",
        "root/pkg/lib/../pkg.libs",
    ];
    assert_eq!(manifest.searches, expected);
}

/// The smallest shared library with a `DT_RUNPATH`: one segment over all, one dynamic segment.
pub(crate) fn elf_with_runpath(runpath: &str) -> Vec<u8> {
    let strings = [b"\0", runpath.as_bytes(), b"\0"].concat();
    let dynamic_at = 64 + 2 * 56;
    let strings_at = dynamic_at + 3 * 16;
    let total = strings_at + strings.len() as u64;
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let mut push = |value: u64, size: usize| bytes.extend_from_slice(&value.to_le_bytes()[..size]);
    // Shared object for x86-64; program headers at 64, no sections.
    for (value, size) in [(3, 2), (62, 2), (1, 4), (0, 8), (64, 8), (0, 8), (0, 4), (64, 2)] {
        push(value, size);
    }
    for (value, size) in [(56, 2), (2, 2), (64, 2), (0, 2), (0, 2)] {
        push(value, size);
    }
    for (kind, at, length) in [(1, 0, total), (2, dynamic_at, 3 * 16)] {
        push(kind, 4);
        push(4, 4);
        for value in [at, at, at, length, length, 8] {
            push(value, 8);
        }
    }
    for (tag, value) in [(5, strings_at), (29, 1), (0, 0)] {
        push(tag, 8);
        push(value, 8);
    }
    bytes.extend_from_slice(&strings);
    bytes
}
