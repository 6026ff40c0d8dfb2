//! Objects that are bound to libraries, as compilers make them and as whoever means harm would.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

const NAME: &str = "libneeded.so.1";

/// A directory with a library, and objects that need it.
struct Room {
    place: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let room = Self { place: tempfile::tempdir().unwrap() };
        fs_err::create_dir_all(room.library().parent().unwrap()).unwrap();
        room.write("map", "NEEDED_1 { answer; };\n");
        room.write("needed.c", "int answer(void) { return 42; }\n");
        room.write("text.c", "int answer(void);\nint asked(void) { return answer(); }\n");
        let library = room.library().display().to_string();
        let soname = format!("-Wl,-soname,{NAME},--version-script,map");
        room.compile(&["needed.c", "-o", &library, &soname]);
        room
    }

    /// A long path: what is written has to have room for it.
    fn library(&self) -> PathBuf {
        self.place.path().join("x".repeat(80)).join(NAME)
    }

    fn paths(&self) -> BTreeMap<&str, String> {
        BTreeMap::from([(NAME, self.library().display().to_string())])
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.place.path().join(name);
        fs_err::write(&path, content).unwrap();
        path
    }

    fn compile(&self, arguments: &[&str]) {
        let mut cc = Command::new("cc");
        cc.current_dir(self.place.path()).args(["-shared", "-fPIC"]).args(arguments);
        let output = cc.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// An object that needs the library.
    fn object(&self, more: &[&str]) -> Vec<u8> {
        let library = self.library().display().to_string();
        self.compile(&[&["text.c", "-o", "x.so", &library], more].concat());
        fs_err::read(self.place.path().join("x.so")).unwrap()
    }

    /// What the loader says of an object and its libraries, which it finds in the usual places and in this; why
    /// it refuses them else.
    fn loaded(&self, bytes: &[u8], place: &Path) -> Result<String, String> {
        let file = self.write("loaded.so", bytes);
        let loader = Object::read(Path::new("/bin/sh")).unwrap().interpreter.unwrap();
        let mut loader = Command::new(loader);
        let output = loader.arg("--library-path").arg(place).arg("--list").arg(file).output();
        let output = output.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

/// How objects are linked.
const LINKED: [&[&str]; 6] = [
    &[],
    &["-Wl,-rpath,$ORIGIN/../x.libs"],
    &["-Wl,-rpath,/a:/b", "-Wl,--disable-new-dtags"],
    &["-Wl,--hash-style=sysv", "-Wl,-z,now"],
    &["-Wl,-z,noseparate-code", "-s"],
    &["-Wl,-z,max-page-size=0x200000", "-lm", "-Wl,--no-as-needed"],
];

#[test]
fn a_library_is_found_at_its_path_and_nothing_else_changes() {
    let room = Room::new();
    let path = room.library().display().to_string();
    for more in LINKED {
        let bytes = room.object(more);
        let before = Object::parse(&bytes).expect("it is one");
        assert!(before.needed.contains(&NAME.to_owned()) && before.wants.contains_key(NAME));
        let nowhere = room.loaded(&bytes, Path::new("/nowhere"));
        let (Ok(said) | Err(said)) = nowhere;
        assert!(said.contains(NAME) && !said.contains(&path), "{more:?}: {said}");
        let written = bound(&bytes, &room.paths()).expect("written");
        let after = Object::parse(&written).expect("it is one still");
        assert!(after.needed.contains(&path) && !after.needed.contains(&NAME.to_owned()));
        assert!(after.wants[&path].contains("NEEDED_1"), "{more:?}");
        assert_eq!(after.searched, before.searched, "{more:?}");
        let loaded = room.loaded(&written, Path::new("/nowhere")).expect("one");
        assert!(loaded.contains(&path) && !loaded.contains("not found"), "{more:?}: {loaded}");
        // All that was there is where it was, but for what names the library and where that is said.
        let changed = bytes.iter().zip(&written).filter(|(one, other)| one != other).count();
        assert!(changed < 64, "{more:?}: {changed}");
    }
    assert!(bound(&room.object(&[]), &BTreeMap::new()).is_ok());
}

#[test]
fn what_shows_a_file_by_its_sections_reads_the_same() {
    let room = Room::new();
    let file = room.write("bound.so", bound(&room.object(&[]), &room.paths()).unwrap());
    let output = Command::new("readelf").arg("--dynamic").arg(file).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains(&format!("[{}]", room.library().display())), "{shown}");
}

#[test]
fn what_would_mean_something_else_is_refused() {
    let room = Room::new();
    let bytes = room.object(&[]);
    for path in ["lib/x.so", "$ORIGIN/x.so", "/a/$LIB/x.so", "/a\0b"] {
        let paths = BTreeMap::from([(NAME, path.to_owned())]);
        let refused = bound(&bytes, &paths).expect_err("refused");
        assert!(refused.contains("means something else"), "{refused}");
    }
    assert_eq!(bound(b"no object", &room.paths()).expect_err("none"), "it cannot be read");
    for (at, value) in [(4, 1), (5, 2), (16, 2), (18, 3)] {
        let mut other = bytes.clone();
        other[at] = value;
        assert!(bound(&other, &room.paths()).is_err(), "byte {at} as {value}");
    }
}

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// A number as who means harm would write it, in so many bytes.
    fn number(&mut self, file: usize) -> Vec<u8> {
        let size = [1, 2, 4, 8][self.below(4)];
        let value = match self.below(6) {
            0 => u64::MAX - self.next() % 16,
            1 => 1 << self.below(64),
            2 => (file as u64).wrapping_add(self.next() % 64).wrapping_sub(32),
            3 => self.next() % 256,
            4 => self.next() % (2 * file as u64),
            _ => self.next(),
        };
        value.to_le_bytes()[..size].to_vec()
    }
}

/// Where in an object what is read to write it is: its header, its segments, its dynamic section, versions and texts.
fn read_places(bytes: &[u8]) -> Vec<(usize, usize)> {
    let writing = Writing::of(bytes).expect("a compiler made it");
    let entries = &writing.entries;
    let versions = writing.at(writing.value(DT_VERNEED).unwrap(), 16).unwrap();
    let texts = writing.at(writing.value(DT_STRTAB).unwrap(), 1).unwrap();
    vec![
        (0, 64),
        (writing.headers, writing.segments.len() * SEGMENT),
        (entries[0].0, (entries.len() + 1) * ENTRY),
        (versions, 64),
        (texts, writing.texts.len()),
        (0, bytes.len()),
    ]
}

#[test]
fn whatever_a_file_says_of_itself_it_is_refused_or_bound_and_loads_as_before() {
    let room = Room::new();
    let mut objects: Vec<Vec<u8>> = LINKED.iter().map(|more| room.object(more)).collect();
    let of_system = |name: &str| {
        let ask = Command::new("cc").arg(format!("-print-file-name={name}")).output().unwrap();
        String::from_utf8(ask.stdout).unwrap().trim().to_owned()
    };
    objects.push(fs_err::read(of_system("libm.so.6")).unwrap());
    let paths = [room.paths(), BTreeMap::from([("libc.so.6", of_system("libc.so.6"))])];
    let paths: BTreeMap<&str, String> = paths.into_iter().flatten().collect();
    let places: Vec<_> = objects.iter().map(|bytes| read_places(bytes)).collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut refused, mut accepted, mut compared) = (0, 0, 0);
    for round in 0..10_000 {
        let which = random.below(objects.len());
        let mut bytes = objects[which].clone();
        for _ in 0..=random.below(3) {
            let (begin, length) = places[which][random.below(places[which].len())];
            let (at, number) = (begin + random.below(length), random.number(bytes.len()));
            let end = (at + number.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&number[..end - at]);
        }
        let Ok(written) = bound(&bytes, &paths) else {
            refused += 1;
            continue;
        };
        accepted += 1;
        assert!(written.len() < 3 * bytes.len() + 4096, "{round}: {}", written.len());
        if accepted % 8 == 0 && room.loaded(&bytes, room.library().parent().unwrap()).is_ok() {
            compared += 1;
            let after = room.loaded(&written, Path::new("/nowhere"));
            let changed = objects[which].iter().zip(&bytes).enumerate();
            let changed: Vec<_> = changed.filter(|(_, (one, other))| one != other).collect();
            assert!(
                after.is_ok(),
                "{round}: {after:?}: {changed:x?} of {}",
                LINKED[which].join(" ")
            );
        }
    }
    assert!(refused > 2000 && accepted > 2000 && compared > 100, "{refused} {accepted} {compared}");
}

#[test]
fn what_says_that_it_is_longer_than_it_is_is_refused() {
    let room = Room::new();
    let whole = room.object(&[]);
    let of = Writing::of(&whole).expect("a compiler made it");
    let loaded = of.segments.iter().position(|one| one.kind == PT_LOAD).expect("one");
    let segment = of.headers + loaded * SEGMENT;
    let texts = of.entries.iter().find(|entry| entry.1 == DT_STRSZ).expect("one").0 + 8;
    // Its place in the file and its size there; its address and its size in memory; the length of its texts.
    let (file, memory) = ([1 << 40, 1 << 62, u64::MAX], [1 << 62, u64::MAX - 7, u64::MAX]);
    let fields = [(8, file), (32, file), (16, memory), (40, memory)];
    let fields = fields.map(|(field, values)| (segment + field, values));
    for (at, values) in fields.into_iter().chain([(texts, file)]) {
        for value in values {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
            let refused = bound(&bytes, &room.paths()).expect_err("refused");
            assert!(refused.contains("read") || refused.contains("headers say"), "{at}: {refused}");
        }
    }
}
