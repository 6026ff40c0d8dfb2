//! Archives that lie, one lie each.

use super::*;
use crate::fixtures::{Member, zip_of};
use proptest::prelude::*;
use std::io::Write as _;

/// Opens an archive and reads everything in it.
fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
    let archive = Archive::open(bytes)?;
    let mut inflater = Inflater::new();
    archive
        .entries()
        .iter()
        .map(|entry| Ok((entry.path.clone(), inflater.read(&archive, entry, u64::MAX)?)))
        .collect()
}

fn check(bytes: &[u8], reason: &str) {
    let error = read(bytes).expect_err(reason).to_string();
    assert!(error.contains(reason), "`{error}` does not say `{reason}`");
}

/// One good member and one that `change` made bad.
fn check_member(change: impl Fn(&mut Member), reason: &str) {
    let mut bad = Member::new("bad.py", b"bad content");
    change(&mut bad);
    check(&zip_of(&[Member::new("good.py", b"good"), bad], b""), reason);
}

#[test]
fn an_honest_archive_is_read() {
    let mut stored = Member::new("é/stored.bin", b"stored");
    (stored.method, stored.mode) = (0, 0o10_0755);
    let mut directory = Member::new("d/", b"");
    (directory.method, directory.mode) = (0, 0o04_0755);
    let bytes = zip_of(&[Member::new("a.py", b"content"), stored, directory], b"a comment");
    let archive = Archive::open(&bytes).unwrap();
    let kinds: Vec<_> =
        archive.entries().iter().map(|entry| (entry.directory, entry.executable)).collect();
    assert_eq!(kinds, [(false, false), (false, true), (true, true)]);
    let content = read(&bytes).unwrap();
    assert_eq!(content[0], ("a.py".to_owned(), b"content".to_vec()));
    assert_eq!(content[1], ("é/stored.bin".to_owned(), b"stored".to_vec()));
}

#[test]
fn archives_of_another_writer_are_read() {
    let write = |bytes: &mut Vec<u8>, stream: bool| {
        let options = zip::write::SimpleFileOptions::default().large_file(true);
        let files = [("a.py", b"content".as_slice()), ("d/big", &[7; 10_000])];
        if stream {
            let mut writer = zip::ZipWriter::new_stream(bytes);
            for (name, content) in files {
                writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
                writer.write_all(content).unwrap();
            }
            writer.finish().unwrap();
        } else {
            let mut writer = zip::ZipWriter::new(std::io::Cursor::new(bytes));
            for (name, content) in files {
                writer.start_file(name, options).unwrap();
                writer.write_all(content).unwrap();
            }
            writer.finish().unwrap();
        }
    };
    for stream in [false, true] {
        let mut bytes = Vec::new();
        write(&mut bytes, stream);
        let content = read(&bytes).unwrap_or_else(|error| panic!("stream {stream}: {error}"));
        assert_eq!(content[1].1, [7; 10_000], "stream {stream}");
    }
}

#[test]
fn names_that_leave_the_directory_are_refused() {
    for (name, reason) in [
        ("../evil.py", "`.` or `..`"),
        ("a/../../evil.py", "`.` or `..`"),
        ("a/.//../evil.py", "`.` or `..`"),
        ("./a.py", "`.` or `..`"),
        ("/abs.py", "absolute"),
        ("a//b.py", "empty path component"),
        ("a\\..\\b.py", "backslash"),
        ("a\0.py", "control character"),
        ("a\n.py", "control character"),
        ("a\u{85}.py", "control character"),
        ("", "empty name"),
        ("/", "empty name"),
    ] {
        check_member(|member| member.name = name.into(), reason);
    }
    check_member(|member| member.name = "x".repeat(256).into(), "over 255 bytes");
    check_member(|member| member.name = "x/".repeat(2000).into(), "over 3000 bytes");
    check_member(|member| member.name = b"\xff.py".to_vec(), "not UTF-8");
    let unmarked = |member: &mut Member| (member.name, member.flags) = ("é.py".into(), 0);
    check_member(unmarked, "not marked as UTF-8");
}

#[test]
fn what_is_neither_file_nor_directory_is_refused() {
    check_member(|member| member.mode = 0o12_0777, "symbolic link");
    for device in [0o01_0644, 0o02_0644, 0o06_0644, 0o14_0644] {
        check_member(|member| member.mode = device, "neither a file nor a directory");
    }
    check_member(|member| member.mode = 0o04_0755, "neither a file nor a directory");
    check_member(|member| member.name = b"dir/".to_vec(), "neither a file nor a directory");
    let full = |member: &mut Member| (member.name, member.mode) = (b"dir/".to_vec(), 0o04_0755);
    check_member(full, "directory with content");
}

#[test]
fn duplicates_are_refused() {
    let member = |name: &str| Member::new(name, b"x");
    check(&zip_of(&[member("a.py"), member("a.py")], b""), "twice");
    check(&zip_of(&[member("a"), member("a/b.py")], b""), "both a file and a directory");
    check(&zip_of(&[member("a/b/c.py"), member("a")], b""), "both a file and a directory");
}

#[test]
fn methods_and_encryption_are_refused() {
    for method in [1, 9, 12, 14, 93, 95] {
        check_member(|member| member.method = method, "is packed with the method");
    }
    check_member(|member| member.flags |= 1, "encrypted");
    check_member(|member| member.flags |= 0x2000, "encrypted");
}

#[test]
fn sizes_and_sums_that_lie_are_refused() {
    check_member(|member| member.crc = Some(7), "CRC-32 does not fit");
    check_member(|member| member.size = Some(5), "more content than it declares");
    check_member(|member| member.size = Some(500), "less content than it declares");
    check_member(|member| (member.method, member.size) = (0, Some(5)), "its two sizes differ");
    let bomb = |member: &mut Member| member.size = Some(0xFFFF_FFF0);
    check_member(bomb, "more than 100 times");
    let bytes = zip_of(&[Member::new("zeros", &vec![0; 70 << 20])], b"");
    check(&bytes, "more than 100 times");
}

#[test]
fn large_members_are_read_piece_by_piece_with_the_same_checks() {
    let mut content = vec![0; 65 << 20];
    for (index, byte) in content.iter_mut().enumerate().step_by(64) {
        *byte = index.wrapping_mul(2_654_435_761).to_le_bytes()[2];
    }
    let mut member = Member::new("large", &content);
    assert!(read(&zip_of(&[member.clone()], b"")).unwrap()[0].1 == content);
    member.crc = Some(1);
    check(&zip_of(&[member.clone()], b""), "CRC-32 does not fit");
    (member.crc, member.size) = (None, Some(u32::try_from(content.len()).unwrap() + 9));
    check(&zip_of(&[member.clone()], b""), "less content");
    member.size = Some(u32::try_from(content.len()).unwrap() - 9);
    check(&zip_of(&[member], b""), "more content");
}

#[test]
fn local_headers_must_agree() {
    let differs = "differently";
    check_member(|member| member.local_name = Some(b"evil.py".to_vec()), differs);
    check_member(|member| member.local_size = Some(1), differs);
    for at in [6, 8, 14, 18, 22] {
        let mut bytes = zip_of(&[Member::new("a.py", b"content")], b"");
        bytes[at] ^= 0x10;
        check(&bytes, differs);
    }
}

#[test]
fn every_byte_must_belong_to_a_member() {
    check_member(|member| member.before = b"hidden".to_vec(), "bytes that belong to no member");
    check_member(|member| member.after = b"hidden".to_vec(), "bytes that belong to no member");
    check_member(|member| member.in_directory = false, "bytes that belong to no member");
    let honest = zip_of(&[Member::new("a.py", b"content")], b"");
    check(&[b"#!/bin/sh\n", honest.as_slice()].concat(), "contradicts itself");
    check(&[honest.as_slice(), b"\0"].concat(), "not a zip archive");
    check(&[honest.as_slice(), honest.as_slice()].concat(), "contradicts itself");
    check(&honest[..honest.len() - 1], "not a zip archive");
    check(b"", "not a zip archive");
    let mut first = Member::new("a.py", b"content");
    first.before = b"x".to_vec();
    check(&zip_of(&[first], b""), "does not begin where");
}

#[test]
fn ends_that_are_ambiguous_are_refused() {
    let member = [Member::new("a.py", b"content")];
    check(&zip_of(&member, &zip_of(&member, b"")), "two ends");
    check(&zip_of(&member, b"xxPK\x01\x02"), "comment");
    let mut bytes = zip_of(&member, b"");
    let at = bytes.len() - 22;
    bytes[at + 8] = 2;
    check(&bytes, "contradicts itself");
    bytes[at + 10] = 2;
    check(&bytes, "declares 2 members");
    let mut bytes = zip_of(&member, b"");
    bytes[at + 16] ^= 1;
    check(&bytes, "contradicts itself");
}

#[test]
fn entries_that_overlap_are_refused() {
    let mut bytes =
        zip_of(&[Member::new("a.py", b"content"), Member::new("b.py", b"content")], b"");
    // Both members of the directory name the first local header.
    let second = bytes.windows(4).rposition(|sign| sign == b"PK\x01\x02").unwrap();
    bytes[second + 42..second + 46].fill(0);
    check(&bytes, "overlaps");
}

#[test]
fn data_descriptors_must_be_exact() {
    let descriptor = |crc: u32, packed: u32, size: u32| {
        [*b"PK\x07\x08", crc.to_le_bytes(), packed.to_le_bytes(), size.to_le_bytes()].concat()
    };
    let mut member = Member::new("a.py", b"content");
    (member.flags, member.method) = (0x0808, 0);
    let crc = crc32fast::hash(b"content");
    let check_after = |after: Vec<u8>| {
        let mut member = member.clone();
        member.after = after;
        read(&zip_of(&[member], b"")).map_err(|error| error.to_string())
    };
    assert!(check_after(descriptor(crc, 7, 7)).is_ok());
    assert!(check_after(descriptor(crc, 7, 7)[4..].to_vec()).is_ok());
    for wrong in [descriptor(crc, 7, 8), descriptor(crc + 1, 7, 7), Vec::new(), vec![0; 20]] {
        let error = check_after(wrong).unwrap_err();
        assert!(error.contains("bytes that belong to no member"), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }

    #[test]
    fn no_flipped_byte_makes_the_parser_panic_or_leave(at: prop::sample::Index, flip in 1_u8..) {
        let members = [Member::new("a.py", b"content"), Member::new("d/b.py", b"more content")];
        let mut bytes = zip_of(&members, b"comment");
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(content) = read(&bytes) {
            for (path, _) in content {
                prop_assert!(check_path(&path).is_ok());
            }
        }
    }
}

#[test]
fn what_a_header_says_of_its_bytes_is_not_taken_from_memory() {
    let lie = Entry {
        path: "lie.bin".to_owned(),
        directory: false,
        executable: false,
        method: Method::Deflated,
        crc: 0,
        size: 0,
        data: 0..1 << 46,
    };
    let sink = &mut |_: &[u8]| Ok::<_, Refusal>(());
    // An empty deflate block that is not the last one is five bytes.
    let blocks = [0, 0, 0, 0xFF, 0xFF].repeat(100);
    assert!(Inflater::new().extract_from(&blocks[..], &lie, sink).is_err());
    let whole = [&blocks[..], &[1, 0, 0, 0xFF, 0xFF]].concat();
    Inflater::new().extract_from(&whole[..], &lie, sink).unwrap();
}
