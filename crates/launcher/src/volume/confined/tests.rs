//! The container of foreign code, by the record of the fake engine, and archives that hostile code would leave.

use std::time::Duration;

use super::*;
use crate::engine::{Image, Program, Recorded};

/// A directory with a file that passes for a static executable.
fn binary() -> (tempfile::TempDir, Binary) {
    let directory = tempfile::tempdir().unwrap();
    let mut elf = vec![0; 64];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    elf[18] = 62;
    fs_err::write(directory.path().join("pyfast"), elf).unwrap();
    let binary = Binary::open(&directory.path().join("pyfast")).unwrap();
    (directory, binary)
}

fn engine(user: &str, code: Option<i64>) -> Recorded {
    let program = Program { stdout: "an answer".into(), stderr: "a warning".into(), code };
    let image = Image { user: user.into(), ..Image::default() };
    Recorded::new().with_image("slim", image).with_program("slim", PROGRAM, program)
}

async fn run(engine: &Recorded, largest: u64) -> Result<Left, Error> {
    let (_directory, binary) = binary();
    let path = "/run/pyfast/asked/source.json".to_owned();
    let request = ConfinedRun {
        image: "slim",
        binary: &binary,
        arguments: &["build-source".to_owned()],
        files: &[HelperFile { path, content: "{}".into(), mode: 0o644 }],
        network: "bridge",
        environment: &[],
        largest,
        leaves: |printed| printed == b"an answer",
    };
    run_confined(engine, &request).await
}

/// An archive of these entries: type, path, content.
fn archive(entries: &[(tar::EntryType, &str, &str)]) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        let name = path.as_bytes();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().into()
}

const DIRECTORY: (tar::EntryType, &str, &str) = (tar::EntryType::Directory, "out/", "");
const FILE: tar::EntryType = tar::EntryType::Regular;

#[tokio::test]
async fn foreign_code_sees_no_volume_and_is_not_root() {
    let tar = archive(&[DIRECTORY, (FILE, "out/a-1-py3-none-any.whl", "wheel")]);
    let engine = engine("", Some(0)).with_archive("slim", CONFINED_OUT, tar);
    let left = run(&engine, 1 << 20).await.unwrap();
    assert_eq!(
        (left.code, &left.printed[..], &left.said[..]),
        (0, &b"an answer"[..], &b"a warning"[..])
    );
    assert_eq!(left.files, [("a-1-py3-none-any.whl".to_owned(), Bytes::from_static(b"wheel"))]);
    insta::assert_snapshot!(engine.calls().join("\n"), @r"
    create c1 slim network bridge user 65534:65534 confined: /run/pyfast/pyfast build-source
    put c1
    run c1
    get c1 /run/pyfast/work/out
    remove c1
    ");
}

#[tokio::test]
async fn nothing_is_taken_from_a_run_that_failed_or_left_too_much() {
    let tar = archive(&[DIRECTORY, (FILE, "out/a.whl", "wheel")]);
    let failing = engine("", Some(1)).with_archive("slim", CONFINED_OUT, tar.clone());
    let left = run(&failing, 1 << 20).await.unwrap();
    assert_eq!((left.code, left.files), (1, Vec::new()));
    let large = engine("", Some(0)).with_archive("slim", CONFINED_OUT, tar);
    assert!(matches!(run(&large, 10).await, Err(Error::TooLarge { limit: 10, .. })));
    assert!(failing.containers().is_empty() && large.containers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_for_a_moment_is_asked_for_again() {
    let tar = archive(&[DIRECTORY, (FILE, "out/a.whl", "wheel")]);
    let engine = engine("", Some(0)).with_archive("slim", CONFINED_OUT, tar).hidden(LOOKS - 1);
    assert_eq!(run(&engine, 1 << 20).await.unwrap().files.len(), 1);
    let asked = engine.calls().iter().filter(|call| call.starts_with("get")).count();
    assert_eq!(asked, LOOKS);
    let empty = self::engine("", Some(0));
    let empty = empty.with_archive("slim", CONFINED_OUT, archive(&[DIRECTORY]));
    for engine in [&empty, &self::engine("", Some(0))] {
        assert_eq!(run(engine, 1 << 20).await.unwrap().files, []);
        assert!(engine.containers().is_empty());
    }
    // Where nothing is said to be left nobody looks.
    let (stdout, stderr) = ("nothing".into(), String::new());
    let program = Program { stdout, stderr, code: Some(0) };
    let silent = empty.with_program("slim", PROGRAM, program);
    let before = silent.calls().len();
    assert_eq!(run(&silent, 1 << 20).await.unwrap().files, []);
    assert!(!silent.calls()[before..].iter().any(|call| call.starts_with("get")));
}

#[tokio::test]
async fn what_is_no_directory_is_not_taken_wherever_it_leads() {
    let tar = archive(&[DIRECTORY, (FILE, "out/a.whl", "wheel")]);
    // As Podman packs the end of a link.
    let engine = engine("", Some(0)).with_archive("slim", CONFINED_OUT, tar);
    let engine = engine.with_file("slim", CONFINED_OUT);
    let error = run(&engine, 1 << 20).await.unwrap_err();
    assert!(error.to_string().contains("no plain file"), "{error}");
    assert!(engine.containers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_build_removes_its_container() {
    let engine = engine("", None);
    let interrupted = tokio::time::timeout(Duration::from_millis(50), run(&engine, 1)).await;
    assert!(interrupted.is_err());
    assert_eq!(engine.calls().last().unwrap(), "remove c1");
    assert!(engine.containers().is_empty());
}

#[test]
fn a_number_of_the_image_is_kept_and_anything_else_is_nobody() {
    for root in ["", "0", "0:0", "root", "0:1000", "app", "app:1000", "00", "-1", "4294967296"] {
        assert_eq!(user(root), (NOBODY, NOBODY), "{root}");
    }
    assert_eq!(user("1000"), (1000, 1000));
    assert_eq!(user("1000:50"), (1000, 50));
    assert_eq!(user("1000:0"), (1000, 1000));
    assert_eq!(user("1000:staff"), (1000, 1000));
}

#[test]
fn what_is_given_is_roots_and_only_the_work_is_the_commands() {
    let path = "/run/pyfast/asked/1/source".to_owned();
    let files = [HelperFile { path, content: "x".into(), mode: 0o644 }];
    let parcels = given(&"elf".into(), &files, (NOBODY, NOBODY)).unwrap();
    let [Parcel { at, tar, .. }] = &parcels[..] else { panic!("{parcels:?}") };
    assert_eq!(at, "/");
    let bytes = tar.bytes();
    let mut archive = tar::Archive::new(&bytes[..]);
    let shown = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let (header, path) = (entry.header(), entry.path().unwrap().display().to_string());
        format!(
            "{:o} {}:{} {path}",
            header.mode().unwrap(),
            header.uid().unwrap(),
            header.gid().unwrap()
        )
    });
    insta::assert_snapshot!(shown.collect::<Vec<_>>().join("\n"), @r"
    755 0:0 run/pyfast/
    755 0:0 run/pyfast/asked/
    755 0:0 run/pyfast/asked/1/
    755 0:0 run/pyfast/pyfast
    644 0:0 run/pyfast/asked/1/source
    700 65534:65534 run/pyfast/work/
    700 65534:65534 run/pyfast/work/out/
    ");
}

#[test]
fn links_devices_and_strange_names_are_no_files() {
    use tar::EntryType as Kind;
    for (kind, path) in [
        (Kind::Symlink, "out/a.whl"),
        (Kind::Link, "out/a.whl"),
        (Kind::Fifo, "out/a.whl"),
        (Kind::Char, "out/a.whl"),
        (Kind::Directory, "out/sub/"),
        (FILE, "out/sub/a.whl"),
        (FILE, "out/../a.whl"),
        (FILE, "/out/a.whl"),
        (FILE, "out/"),
        (FILE, "out/.."),
    ] {
        let refused = files(&archive(&[DIRECTORY, (kind, path, "")]));
        assert!(refused.unwrap_err().contains("no plain file"), "{kind:?} {path}");
    }
    // The directory itself replaced by a link.
    assert!(files(&archive(&[(Kind::Symlink, "out", "")])).is_err());
    assert!(files(b"no archive").is_err());
    assert_eq!(files(&archive(&[DIRECTORY])).unwrap(), []);
}
