//! Which libraries objects of wheels find where, by the loader's rules.

use std::path::Path;

use serde_json::Value;

use super::Managed;
use super::channel::Package;
use super::libraries::{WANTED, object, project};
use crate::support::ran::EITHER;
use crate::support::wheel::Wheel;

/// What only the channel has, as wheels are linked to it.
const ONLY: &str = "libpyfastfoo.so.1";
/// A module that calls what it has of C.
const MODULE: &str = "import ctypes, os\n\
    def call(name):\n\
    \x20   return ctypes.CDLL(os.path.join(os.path.dirname(__file__), name)).asked()\n";
const ASKED: &str = "int answer(void);\nint asked(void) { return answer(); }\n";

/// A library that answers a number.
fn answering(directory: &Path, name: &str, number: u8) -> Vec<u8> {
    let soname = format!("-Wl,-soname,{name}");
    object(directory, name, &format!("int answer(void) {{ return {number}; }}\n"), &[&soname])
}

impl Managed {
    /// Has an environment of these wheels with the channel's library.
    #[track_caller]
    fn with_wheels(&self, wheels: &[Wheel]) {
        for wheel in wheels {
            self.world.index.add(wheel);
        }
        self.with_libraries(WANTED);
    }

    /// The files that a process has loaded of a library, once it imported a module and called of it.
    #[track_caller]
    fn loaded(&self, module: &str, name: &str, library: &str) -> String {
        self.evaluate(&format!(
            "import {module}; print({module}.call({name:?}), \
             *{{l.split()[-1] for l in open('/proc/self/maps') if {library:?} in l}})"
        ))
    }
}

#[test]
fn what_the_system_has_is_the_systems() {
    let mut managed = project();
    let made = tempfile::tempdir().unwrap();
    answering(made.path(), ONLY, 7);
    let more = [ONLY, "-Wl,--no-as-needed", "-l:libresolv.so.2", "-Wl,-rpath-link,."];
    let own = object(made.path(), "_own.so", ASKED, &more);
    // The channel has one of the same name, with what Python would die of.
    let other = answering(made.path(), "libresolv.so.2", 1);
    let package = Package::new("libpyfastother", "1.0").file("lib/libresolv.so.2", other, 0o755);
    managed.channel.add(&package, &Value::Null);
    let wheel = Wheel::empty("own", "1.0").file("own/__init__.py", MODULE).file("own/_own.so", own);
    managed.with_wheels(&[wheel]);
    managed.with_libraries("packages = [\"libpyfastfoo\", \"libpyfastother\"]\n");
    managed.world.require(&["own"]);
    managed.sync(&[]).ok();
    assert!(managed.loaded("own", "_own.so", ONLY).contains("pythons/v1/"));
    let loaded = managed.loaded("own", "_own.so", "libresolv");
    assert!(loaded.starts_with("42 /") && !loaded.contains("pythons/v1"), "{loaded}");
}

#[test]
fn what_another_wheel_carries_is_found_where_a_path_leads_to_it_alone() {
    let managed = project();
    let made = tempfile::tempdir().unwrap();
    let carried = answering(made.path(), ONLY, 7);
    let led = "-Wl,-rpath,$ORIGIN/../carrier/libs";
    let [apart, leads] = [("apart", ""), ("leads", led)].map(|(name, path)| {
        let more = [ONLY, path];
        let more: Vec<&str> = more.into_iter().filter(|word| !word.is_empty()).collect();
        let own = object(made.path(), "_own.so", ASKED, &more);
        let init = format!("{name}/__init__.py");
        Wheel::empty(name, "1.0").file(&init, MODULE).file(&format!("{name}/_own.so"), own)
    });
    let carrier = Wheel::empty("carrier", "1.0").file("carrier/libs/libpyfastfoo.so.1", carried);
    managed.with_wheels(&[apart, leads, carrier]);
    managed.world.require(&["apart", "leads", "carrier"]);
    for mode in ["auto", "tree", "copy"] {
        managed.sync(&["--link-mode", mode]).ok();
        let apart = managed.loaded("apart", "_own.so", ONLY);
        assert!(apart.starts_with("42 ") && apart.contains("pythons/v1/"), "{mode}: {apart}");
        let leads = managed.loaded("leads", "_own.so", ONLY);
        assert!(leads.starts_with("7 ") && !leads.contains("pythons/v1/"), "{mode}: {leads}");
    }
}

#[test]
fn who_has_no_path_keeps_that_of_who_loads_it() {
    let managed = project();
    let made = tempfile::tempdir().unwrap();
    answering(made.path(), ONLY, 7);
    let soname = "-Wl,-soname,libbeside.so.1";
    object(made.path(), "libbeside.so.1", "int beside(void) { return 1; }\n", &[soname]);
    let source =
        "int beside(void);\nint answer(void);\nint middle(void) { return answer() + beside(); }\n";
    let more = [ONLY, "libbeside.so.1", "-Wl,-soname,libmiddle.so.1", "-Wl,-rpath-link,."];
    object(made.path(), "libmiddle.so.1", source, &more);
    let source = "int middle(void);\nint asked(void) { return middle(); }\n";
    let path = ["-Wl,-rpath,$ORIGIN/deps", "-Wl,--disable-new-dtags", "-Wl,-rpath-link,."];
    let own = object(made.path(), "_own.so", source, &[&["libmiddle.so.1"], &path[..]].concat());
    let read = |name: &str| fs_err::read(made.path().join(name)).unwrap();
    let wheel = Wheel::empty("own", "1.0")
        .file("own/__init__.py", MODULE)
        .file("own/_own.so", own)
        .file("own/deps/libmiddle.so.1", read("libmiddle.so.1"))
        .file("own/deps/libbeside.so.1", read("libbeside.so.1"));
    managed.with_wheels(&[wheel]);
    managed.world.require(&["own"]);
    managed.sync(&[]).ok();
    let loaded = managed.loaded("own", "_own.so", ONLY);
    assert!(loaded.starts_with("43 ") && loaded.contains("pythons/v1/"), "{loaded}");
}

#[test]
fn record_says_what_each_object_is_wherever_a_wheel_has_it() {
    let managed = project();
    let made = tempfile::tempdir().unwrap();
    answering(made.path(), ONLY, 7);
    let own = object(made.path(), "_own.so", ASKED, &[ONLY]);
    let places = [
        "own/_own.so",
        "own-1.0.dist-info/plugins/_own.so",
        "own-1.0.data/data/share/_own.so",
        "own-1.0.data/scripts/own.so",
    ];
    let wheel = Wheel::empty("own", "1.0").file("own/__init__.py", MODULE);
    let wheel = places.iter().fold(wheel, |wheel, place| wheel.file(place, own.clone()));
    managed.with_wheels(&[wheel]);
    managed.world.require(&["own"]);
    let record = "import base64, ctypes, hashlib, importlib.metadata as m\n\
        for f in sorted(m.files('own')):\n\
        \x20   if f.name.endswith('own.so'):\n\
        \x20       b = f.read_binary()\n\
        \x20       h = base64.urlsafe_b64encode(hashlib.sha256(b).digest()).rstrip(b'=').decode()\n\
        \x20       print(f.size == len(b), f.hash.value == h, ctypes.CDLL(str(f.locate())).asked())\n";
    for mode in ["auto", "tree", "copy"] {
        managed.sync(&["--link-mode", mode]).ok();
        assert_eq!(managed.evaluate(record), ["True True 42"; 4].join("\n"), "{mode}");
        managed.run(&["verify", "--all"]).ok();
    }
}

#[test]
fn an_object_that_is_not_what_it_says_is_told_and_left_alone() {
    let managed = project();
    let made = tempfile::tempdir().unwrap();
    answering(made.path(), ONLY, 7);
    let mut own = object(made.path(), "_own.so", ASKED, &[ONLY]);
    // Its first segment has more in memory than there is.
    let at = usize::try_from(u64::from_le_bytes(own[32..40].try_into().unwrap())).unwrap();
    own[at + 40..at + 48].copy_from_slice(&u64::MAX.to_le_bytes());
    let wheel = Wheel::empty("own", "1.0").file("own/__init__.py", MODULE).file("own/_own.so", own);
    managed.with_wheels(&[wheel]);
    managed.world.require(&["own", "need"]);
    let ran = managed.sync(&[]).ok();
    assert!(ran.stderr.contains("`own/_own.so` of own cannot find `libpyfastfoo.so.1`"), "{ran}");
    assert_eq!(managed.evaluate("import need; print(need.value)"), "42");
    managed
        .run(&["run", "--", "python", "-c", "import own; own.call('_own.so')"])
        .refused(EITHER, &[]);
}
