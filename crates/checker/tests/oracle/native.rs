//! The loader is the judge: objects made by the C compiler, opened in a process of a Python whose libraries were listed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pyfast_checker::Rule;
use pyfast_checker::native::{Image, LISTING, Loaded, Object, Objects, any_unmet, judge};

/// An environment, and a directory where the loader looks as it does in an image's own.
struct Room {
    place: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let room = Self { place: tempfile::tempdir().unwrap() };
        for directory in ["image", "site/pkg", "site/pkg.libs", "gone"] {
            fs_err::create_dir_all(room.at(directory)).unwrap();
        }
        room
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Compiles a library without any function that others would need.
    fn cc(&self, name: &str, flags: &[&str]) {
        let source = self.at("x.c");
        fs_err::write(&source, "int answer_of_mine(void) { return 42; }\n").unwrap();
        self.compile(name, &source, flags);
    }

    /// Compiles an object that wants the function of the library above.
    fn user(&self, name: &str, flags: &[&str]) {
        let source = self.at("y.c");
        let text = "int answer_of_mine(void);\nint user(void) { return answer_of_mine(); }\n";
        fs_err::write(&source, text).unwrap();
        self.compile(name, &source, flags);
    }

    fn compile(&self, name: &str, source: &Path, flags: &[&str]) {
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-Wl,-z,relro", "-o"]).arg(self.at(name)).arg(source);
        cc.args(flags.iter().map(|flag| flag.replace("ROOM", self.place.path().to_str().unwrap())));
        let output = cc.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn python(&self, script: &str, arguments: &[&Path]) -> Output {
        let mut python = Command::new("python3");
        python.env("LD_LIBRARY_PATH", self.at("image")).args(["-I", "-c", script]);
        python.args(arguments).output().unwrap()
    }

    fn image(&self) -> Image {
        Image::from_answer(&self.python(LISTING, &[]).stdout).unwrap()
    }

    /// Everything that the environment has.
    fn objects(&self) -> Objects {
        let mut objects = Objects::new();
        for directory in ["site/pkg", "site/pkg.libs"] {
            for entry in fs_err::read_dir(self.at(directory)).unwrap() {
                let path = entry.unwrap().path();
                objects.extend(Object::read(&path).map(|object| (path, object)));
            }
        }
        objects
    }

    /// What is said of an object, which the loader must agree with.
    fn said(&self, name: &str) -> String {
        let (objects, image) = (self.objects(), self.image());
        let object = self.at(name);
        let output = self.python("import ctypes, sys; ctypes.CDLL(sys.argv[1])", &[&object]);
        let chain = vec!["pkg".to_owned(), "pkg._c".to_owned()];
        let loaded = [Loaded { object, place: None, chain }];
        let mut said = String::new();
        for finding in judge(&loaded, &objects, &image) {
            writeln!(said, "{}: {}", finding.rule, finding.message).unwrap();
            assert!(finding.hint.is_some_and(|hint| !hint.is_empty()));
        }
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), said.is_empty(), "{name}: {said}\n{error}");
        assert!(said.is_empty() || any_unmet(&objects, &image));
        said
    }
}

#[test]
fn a_library_is_found_where_the_loader_finds_it_or_not_at_all() {
    let room = Room::new();
    room.cc("site/pkg.libs/libmine.so.1", &["-Wl,-soname,libmine.so.1"]);
    room.cc("gone/libgone.so.1", &["-Wl,-soname,libgone.so.1"]);
    room.cc("image/libours.so.1", &["-Wl,-soname,libours.so.1"]);
    let check = |name: &str, flags: &[&str], expected: &str| {
        let file = format!("site/pkg/{name}.so");
        room.user(&file, flags);
        let said = room.said(&file);
        assert_eq!(said.trim(), expected, "{name}");
        fs_err::remove_file(room.at(&file)).unwrap();
    };
    let mine = "ROOM/site/pkg.libs/libmine.so.1";
    let gone = "ROOM/gone/libgone.so.1";
    let runpath = "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../pkg.libs";
    let rpath = "-Wl,--disable-new-dtags,-rpath,${ORIGIN}/../pkg.libs";
    check("runpath", &[mine, runpath], "");
    check("rpath", &[mine, rpath], "");
    check("image", &["ROOM/image/libours.so.1"], "");
    let lacking = |name: &str, library: &str| {
        format!(
            "missing-library: `pkg` imports `pkg._c` (`{name}.so`), which needs the library `{library}`, and neither its wheel nor the image has that"
        )
    };
    check("lacking", &[gone], &lacking("lacking", "libgone.so.1"));
    check("elsewhere", &[gone, runpath], &lacking("elsewhere", "libgone.so.1"));
}

#[test]
fn what_a_library_of_the_wheel_lacks_is_said_with_its_name() {
    let room = Room::new();
    room.cc("gone/libgone.so.1", &["-Wl,-soname,libgone.so.1"]);
    let gone = "ROOM/gone/libgone.so.1";
    room.cc(
        "site/pkg.libs/libmine.so.1",
        &["-Wl,-soname,libmine.so.1", "-Wl,--no-as-needed", gone],
    );
    let flags = [
        "ROOM/site/pkg.libs/libmine.so.1",
        "-Wl,-rpath,$ORIGIN/../pkg.libs",
        "-Wl,--allow-shlib-undefined",
    ];
    room.user("site/pkg/user.so", &flags);
    let said = room.said("site/pkg/user.so");
    assert!(
        said.contains("(`user.so`), whose `libmine.so.1` needs the library `libgone.so.1`"),
        "{said}"
    );
    room.cc("image/libgone.so.1", &["-Wl,-soname,libgone.so.1"]);
    assert_eq!(room.said("site/pkg/user.so"), "", "once the image has it");
}

#[test]
fn a_version_that_the_image_has_not_is_named_with_the_newest_that_it_has() {
    let room = Room::new();
    let script = |versions: &str| fs_err::write(room.at("versions.map"), versions).unwrap();
    let versioned = ["-Wl,-soname,libmine.so.1", "-Wl,--version-script,ROOM/versions.map"];
    script("MINE_1.9 { global: nothing; };\nMINE_1.10 { global: answer_of_mine; } MINE_1.9;\n");
    room.cc("gone/libmine.so.1", &versioned);
    room.user("site/pkg/user.so", &["ROOM/gone/libmine.so.1"]);
    script("MINE_1.8 { global: nothing; };\nMINE_1.9 { global: answer_of_mine; } MINE_1.8;\n");
    room.cc("image/libmine.so.1", &versioned);
    let said = room.said("site/pkg/user.so");
    let expected = "library-version: `pkg` imports `pkg._c` (`user.so`), which needs MINE_1.10 of `libmine.so.1`, and the newest that the image has is MINE_1.9\n";
    assert_eq!(said, expected);
    fs_err::copy(room.at("gone/libmine.so.1"), room.at("image/libmine.so.1")).unwrap();
    assert_eq!(room.said("site/pkg/user.so"), "", "with the newer one");
}

#[test]
fn an_object_of_another_machine_is_not_loaded() {
    let room = Room::new();
    room.cc("site/pkg/user.so", &[]);
    assert_eq!(room.said("site/pkg/user.so"), "");
    let mut bytes = fs_err::read(room.at("site/pkg/user.so")).unwrap();
    let other: u16 = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
    bytes[18..20].copy_from_slice(&other.to_le_bytes());
    fs_err::write(room.at("site/pkg/user.so"), bytes).unwrap();
    let said = room.said("site/pkg/user.so");
    assert!(
        said.contains("(`user.so`), which is for aarch64, and the image runs x86_64"),
        "{said}"
    );
}

#[test]
fn what_a_package_may_load_itself_is_nobodys_fault() {
    let room = Room::new();
    room.cc("site/pkg/libmine.so.1", &["-Wl,-soname,libmine.so.1"]);
    room.user("site/pkg/user.so", &["ROOM/site/pkg/libmine.so.1"]);
    let loaded =
        Loaded { object: room.at("site/pkg/user.so"), place: None, chain: vec!["pkg".to_owned()] };
    assert_eq!(
        judge(&[loaded], &room.objects(), &room.image()),
        [],
        "by `ctypes.CDLL` before the import"
    );
}

#[test]
fn a_library_that_is_needed_twice_is_one_finding() {
    let room = Room::new();
    room.cc("gone/libgone.so.1", &["-Wl,-soname,libgone.so.1"]);
    for name in ["one", "two"] {
        room.user(&format!("site/pkg/{name}.so"), &["ROOM/gone/libgone.so.1"]);
    }
    let loaded = ["one", "two"].map(|name| Loaded {
        object: room.at(&format!("site/pkg/{name}.so")),
        place: None,
        chain: vec![format!("pkg.{name}")],
    });
    let findings = judge(&loaded, &room.objects(), &room.image());
    assert_eq!((findings.len(), findings[0].rule), (1, Rule::MissingLibrary));
    // Those that one import wants are one finding, too: they come by one line of the Dockerfile.
    room.cc("gone/libother.so.1", &["-Wl,-soname,libother.so.1"]);
    let both = ["-Wl,--no-as-needed", "ROOM/gone/libgone.so.1", "ROOM/gone/libother.so.1"];
    room.user("site/pkg/one.so", &both);
    let said = room.said("site/pkg/one.so");
    assert!(
        said.contains("neither its wheel nor the image has: `libgone.so.1`, `libother.so.1`"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_file_is_read_whatever_it_is() {
    let room = Room::new();
    room.cc("gone/libgone.so.1", &["-Wl,-soname,libgone.so.1"]);
    room.user("site/pkg/user.so", &["ROOM/gone/libgone.so.1", "-Wl,-rpath,$ORIGIN/../x:/opt/lib"]);
    let bytes = fs_err::read(room.at("site/pkg/user.so")).unwrap();
    let object = Object::parse(&bytes).unwrap();
    assert_eq!(object, Object::read(&room.at("site/pkg/user.so")).unwrap());
    assert_eq!(object.searched, ["$ORIGIN/../x", "/opt/lib"]);
    assert_eq!(object.needed[0], "libgone.so.1");
    for cut in (0..bytes.len()).step_by(7) {
        // Whatever is missing, this ends.
        let _ = Object::parse(&bytes[..cut]);
    }
    for at in 0..bytes.len().min(1024) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xFF;
        let _ = Object::parse(&damaged);
    }
    assert_eq!(Object::read(&room.at("site")), None);
    assert_eq!(Object::parse(b"#!/bin/sh"), None);
}
