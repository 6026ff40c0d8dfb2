//! Objects as they are, and as whoever means harm would write them.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const INTERP: u64 = 3;
const NEEDED: u64 = 1;
const STRTAB: u64 = 5;
const SONAME: u64 = 14;
const RPATH: u64 = 15;
const RUNPATH: u64 = 29;
const VERNEED: u64 = 0x6fff_fffe;
const VERNEEDNUM: u64 = 0x6fff_ffff;

/// A shared object for x86-64: one segment over all, the dynamic one, and perhaps one that names an interpreter.
#[derive(Default)]
struct Written {
    entries: Vec<(u64, u64)>,
    strings: Vec<u8>,
    versions: Vec<u8>,
    interpreter: Option<u64>,
}

impl Written {
    fn new() -> Self {
        Self { strings: vec![0], ..Self::default() }
    }

    fn string(&mut self, text: &str) -> u64 {
        let at = self.strings.len() as u64;
        self.strings.extend(text.bytes().chain([0]));
        at
    }

    fn with(mut self, tag: u64, text: &str) -> Self {
        let at = self.string(text);
        self.entries.push((tag, at));
        self
    }

    fn interpreted_by(mut self, program: &str) -> Self {
        self.interpreter = Some(self.string(program));
        self
    }

    /// One library and versions of it, each with its flags.
    fn wanting(mut self, library: &str, versions: &[(&str, u16)]) -> Self {
        let file = self.string(library);
        let mut table = Vec::new();
        push(&mut table, &[(1, 2), (versions.len() as u64, 2), (file, 4), (16, 4), (0, 4)]);
        for (index, (name, flags)) in versions.iter().enumerate() {
            let name = self.string(name);
            let next = if index + 1 < versions.len() { 16 } else { 0 };
            push(&mut table, &[(0, 4), (u64::from(*flags), 2), (2, 2), (name, 4), (next, 4)]);
        }
        self.versions = table;
        self.entries.push((VERNEEDNUM, 1));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let (mut entries, count) =
            (self.entries.clone(), 2 + u64::from(self.interpreter.is_some()));
        let dynamic_at = 64 + count * 56;
        let has_versions = !self.versions.is_empty();
        let dynamic_size = (entries.len() as u64 + 2 + u64::from(has_versions)) * 16;
        let strings_at = dynamic_at + dynamic_size;
        let versions_at = strings_at + self.strings.len() as u64;
        let total = versions_at + self.versions.len() as u64;
        entries.insert(0, (STRTAB, strings_at));
        if has_versions {
            entries.push((VERNEED, versions_at));
        }
        entries.push((0, 0));
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        push(&mut bytes, &[(3, 2), (62, 2), (1, 4), (0, 8), (64, 8), (0, 8), (0, 4), (64, 2)]);
        push(&mut bytes, &[(56, 2), (count, 2), (64, 2), (0, 2), (0, 2)]);
        let mut segments = vec![(LOAD, 0, total), (DYNAMIC, dynamic_at, dynamic_size)];
        segments.extend(self.interpreter.map(|at| (INTERP, strings_at + at, 8)));
        for (kind, at, length) in segments {
            push(&mut bytes, &[(kind, 4), (4, 4), (at, 8), (at, 8), (at, 8), (length, 8)]);
            push(&mut bytes, &[(length, 8), (8, 8)]);
        }
        for (tag, value) in entries {
            push(&mut bytes, &[(tag, 8), (value, 8)]);
        }
        [bytes, self.strings.clone(), self.versions.clone()].concat()
    }
}

fn push(bytes: &mut Vec<u8>, values: &[(u64, usize)]) {
    for (value, size) in values {
        bytes.extend_from_slice(&value.to_le_bytes()[..*size]);
    }
}

fn whole() -> Written {
    Written::new()
        .with(NEEDED, "libc.so.6")
        .with(SONAME, "libx.so.1")
        .with(RUNPATH, "$ORIGIN/a::/opt/b")
        .with(NEEDED, "libm.so.6")
        .wanting("libc.so.6", &[("GLIBC_2.2.5", 0), ("GLIBC_2.38", 2), ("GLIBC_2.17", 0)])
        .interpreted_by("/lib64/ld-linux-x86-64.so.2")
}

#[test]
fn an_object_says_what_it_wants_of_the_loader() {
    let bytes = whole().bytes();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let expected = Object {
        interpreter: Some("/lib64/ld-linux-x86-64.so.2".to_owned()),
        soname: Some("libx.so.1".to_owned()),
        needed: words(&["libc.so.6", "libm.so.6"]),
        searched: words(&["$ORIGIN/a", "/opt/b"]),
        for_loaded: false,
        // The loader goes on without the weak one.
        wants: BTreeMap::from([(
            "libc.so.6".to_owned(),
            BTreeSet::from(["GLIBC_2.17", "GLIBC_2.2.5"].map(str::to_owned)),
        )]),
        machine: 62,
        bits: 64,
    };
    assert_eq!(Object::parse(&bytes), Some(expected.clone()));
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("libx.so");
    fs_err::write(&file, &bytes).unwrap();
    assert_eq!(Object::read(&file), Some(expected));
}

#[test]
fn of_two_search_paths_the_loader_takes_one() {
    let check = |entries: &[(u64, &str)], expected: &[&str]| {
        let written =
            entries.iter().fold(Written::new(), |written, (tag, text)| written.with(*tag, text));
        assert_eq!(search_path(&of_bytes(&written.bytes())), expected, "{entries:?}");
    };
    check(&[], &[]);
    check(&[(RPATH, "/old")], &["/old"]);
    check(&[(RPATH, "/old"), (RUNPATH, "/new")], &["/new"]);
    check(&[(RUNPATH, "/new"), (RPATH, "/old")], &["/new"]);
    check(&[(RUNPATH, "/first"), (RUNPATH, "/last")], &["/last"]);
    let behind_the_end = [(RUNPATH, "/new"), (0, ""), (RPATH, "/never")];
    check(&behind_the_end, &["/new"]);
}

#[test]
fn what_is_no_object_or_cut_off_is_none() {
    assert!(is_elf(MAGIC) && !is_elf(b"#!/bin/sh") && !is_elf(b""));
    let bytes = Written::new().with(SONAME, "libx.so.1").with(RUNPATH, "$ORIGIN/a").bytes();
    for cut in 0..bytes.len() - 1 {
        // Whatever is missing, this ends; the last byte ends the last text.
        assert_eq!(Object::parse(&bytes[..cut]), None, "{cut}");
        assert!(search_path(&of_bytes(&bytes[..cut])).is_empty(), "{cut}");
    }
    let noise = [b"\x7fELF\x02\x01\x01".as_slice(), &[0xFF; 200]].concat();
    assert_eq!(Object::parse(&noise), None);
    assert_eq!(Object::read(std::path::Path::new("/dev/zero")), None);
}

#[test]
fn no_byte_makes_it_fail_or_go_on_for_ever() {
    let bytes = whole().bytes();
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7F, 0x80, 0xFF] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            if let Some(object) = Object::parse(&damaged) {
                assert!(object.needed.len() <= 7, "byte {at} as {value}");
            }
        }
    }
}

#[test]
fn many_entries_that_are_the_same_are_not_read_for_ever() {
    // Each of 200,000 names the same long text.
    let mut written = Written::new();
    let at = written.string(&"x".repeat(60 << 10));
    written.entries = vec![(NEEDED, at); 200_000];
    assert_eq!(Object::parse(&written.bytes()), None);

    // Libraries whose versions are all the libraries behind them, weak ones and others.
    for file in [0, 2] {
        let mut written = Written::new().wanting("libc.so.6", &[]);
        written.versions.clear();
        for _ in 0..8 << 10 {
            let fields = [(1, 2), (0xFFFF, 2), (file, 4), (0, 4), (16, 4)];
            push(&mut written.versions, &fields);
        }
        written.entries = vec![(VERNEEDNUM, u64::MAX)];
        assert_eq!(Object::parse(&written.bytes()), None, "{file}");
    }
}

#[test]
fn headers_that_say_more_than_there_is_are_read_as_far_as_they_are() {
    let mut bytes = whole().bytes();
    // The number of program headers, and the size of the dynamic section.
    bytes[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
    let size = 64 + 56 + 32;
    bytes[size..size + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(Object::parse(&bytes), Object::parse(&whole().bytes()));
    // A table that begins where no file does.
    bytes[32..40].copy_from_slice(&u64::MAX.to_le_bytes());
    assert_eq!(Object::parse(&bytes), None);
}

#[test]
fn only_what_is_relative_to_the_object_has_something_behind_it() {
    assert_eq!(behind_origin("$ORIGIN"), Some(""));
    assert_eq!(behind_origin("${ORIGIN}/../lib"), Some("/../lib"));
    assert_eq!(behind_origin("$ORIGINAL/lib"), None);
    assert_eq!(behind_origin("/usr/lib"), None);
}

#[test]
fn objects_are_told_by_their_names() {
    for name in ["x.so", "libx.so.1.2", "_c.cpython-312-x86_64-linux-gnu.so"] {
        assert!(is_object_name(name), "{name}");
    }
    for name in ["so", "x.py", "x.sort", "x.solid"] {
        assert!(!is_object_name(name), "{name}");
    }
}
