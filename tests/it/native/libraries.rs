//! Native libraries beside an interpreter that is not brought with them.

use std::path::Path;
use std::process::Command;

use super::channel::Package;
use super::{Managed, prefixes_of};
use crate::support::ran::{EITHER, Ran};
use crate::support::wheel::Wheel;

/// Compiles a shared object of C.
pub(super) fn object(directory: &Path, name: &str, source: &str, more: &[&str]) -> Vec<u8> {
    let text = directory.join("text.c");
    fs_err::write(&text, source).unwrap();
    let mut cc = Command::new("cc");
    cc.current_dir(directory).args(["-shared", "-fPIC", "text.c", "-o", name]).args(more);
    let output = cc.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs_err::read(directory.join(name)).unwrap()
}

/// A module whose object needs a library that only the channel has, which needs another one of it.
pub(super) fn project() -> Managed {
    let mut managed = Managed::new();
    let made = tempfile::tempdir().unwrap();
    let beside = "-Wl,-rpath,$ORIGIN/";
    let inner = ["-Wl,-soname,libpyfastinner.so.1"];
    let inner =
        object(made.path(), "libpyfastinner.so.1", "int inner(void) { return 21; }\n", &inner);
    let outer = ["-Wl,-soname,libpyfastfoo.so.1", beside, "libpyfastinner.so.1"];
    let source = "int inner(void);\nint answer(void) { return 2 * inner(); }\n";
    let outer = object(made.path(), "libpyfastfoo.so.1", source, &outer);
    let source = "int answer(void);\nint asked(void) { return answer(); }\n";
    let own =
        object(made.path(), "_need.so", source, &["libpyfastfoo.so.1", "-L.", "-Wl,-rpath-link,."]);
    let inner = Package::new("libpyfastinner", "1.0").file("lib/libpyfastinner.so.1", inner, 0o755);
    let outer = Package::new("libpyfastfoo", "1.0").depends("libpyfastinner").file(
        "lib/libpyfastfoo.so.1",
        outer,
        0o755,
    );
    managed.channel.add(&inner, &serde_json::Value::Null);
    managed.channel.add(&outer, &serde_json::Value::Null);
    let module = "import ctypes, os\n\
                  value = ctypes.CDLL(os.path.join(os.path.dirname(__file__), '_need.so')).asked()\n";
    let wheel =
        Wheel::empty("need", "1.0").file("need/__init__.py", module).file("need/_need.so", own);
    managed.world.index.add(&wheel);
    managed.world.require(&["a", "need"]);
    managed.with_libraries("");
    managed
}

impl Managed {
    /// Writes `pyfast.toml` for the machine's own Python.
    pub(super) fn with_libraries(&self, packages: &str) {
        let channel = self.channel.directory.display();
        let native = format!("[native]\nchannels = [\"{channel}\"]\n{packages}");
        self.world.write("pyfast.toml", &native);
    }

    /// A sync for it.
    #[track_caller]
    pub(super) fn sync(&self, more: &[&str]) -> Ran {
        let python = &self.world.python;
        self.run(&[&["sync", "--python", python], more].concat())
    }
}

/// Everything wanted, as `pyfast.toml` says it.
pub(super) const WANTED: &str = "packages = \"libpyfastfoo\"\n";

#[test]
fn an_object_finds_a_library_that_only_a_channel_has_and_no_child_sees_anything_of_it() {
    let managed = project();
    managed.sync(&[]).ok();
    let without = managed.run(&["run", "--", "python", "-c", "import need"]);
    without.refused(EITHER, &["libpyfastfoo.so.1", "cannot open shared object"]);
    managed.with_libraries(WANTED);
    for mode in ["auto", "tree", "copy"] {
        let ran = managed.sync(&["--link-mode", mode]).ok();
        assert_eq!(managed.evaluate("import need; print(need.value)"), "42", "{mode}: {ran}");
        managed.run(&["verify", "--all"]).ok();
    }
    let ask = "import need, subprocess, sys; \
               print(subprocess.run(['/usr/bin/env'], capture_output=True, text=True).stdout)";
    let seen = managed.evaluate(ask);
    assert!(!seen.contains("LD_") && !seen.contains("pythons/v1"), "{seen}");
    // What RECORD says of the object is what it is now.
    let record = "import base64, hashlib, importlib.metadata as m; \
                  [f] = [f for f in m.files('need') if f.name == '_need.so']; \
                  b = f.read_binary(); h = hashlib.sha256(b).digest(); \
                  print(f.size == len(b), f.hash.value == base64.urlsafe_b64encode(h).rstrip(b'=').decode())";
    assert_eq!(managed.evaluate(record), "True True");
    assert!(managed.sync(&["--link-mode", "copy"]).ok().stderr.contains("Up to date"));
    // The interpreter is the machine's; what is used is kept.
    let prefix = managed.evaluate("import sys; print(sys.base_prefix)");
    assert!(!prefix.contains("pythons/v1"), "{prefix}");
    managed.run(&["gc", "--keep", "1", "--recent", "0"]).ok();
    assert_eq!(managed.evaluate("import need; print(need.value)"), "42");
    let listed = managed.run(&["list", "--native"]).ok().stdout;
    assert_eq!(listed, "libpyfastfoo=1.0=0\nlibpyfastinner=1.0=0\n");
    managed.with_libraries("");
    managed.sync(&[]).ok();
    managed.run(&["run", "--", "python", "-c", "import need"]).refused(EITHER, &["libpyfastfoo"]);
}

#[test]
fn what_is_not_asked_for_any_more_is_collected_and_what_is_to_be_used_is_not() {
    let managed = project();
    let collect = || {
        managed.run(&["gc", "--keep", "1", "--recent", "0"]).ok();
        managed.prefixes().len()
    };
    managed.with_libraries(WANTED);
    // Brought for a sync that did not come to its end.
    managed.world.require(&["a", "need", "nowhere"]);
    managed.sync(&[]).refused(EITHER, &["nowhere"]);
    assert_eq!(collect(), 1);
    managed.world.require(&["a", "need"]);
    assert!(!managed.sync(&[]).ok().stderr.contains("Bringing"));
    assert_eq!(collect(), 1);
    managed.with_libraries("");
    managed.sync(&[]).ok();
    managed.with_libraries(WANTED);
    managed.sync(&["--dry-run"]).ok();
    managed.with_libraries("");
    // The environment before is a way back to it.
    managed.run(&["gc", "--keep", "2", "--recent", "0"]).ok();
    assert_eq!(managed.prefixes().len(), 1);
    assert_eq!(collect(), 0);
    managed.with_libraries(WANTED);
    managed.sync(&[]).ok();
    assert_eq!(managed.evaluate("import need; print(need.value)"), "42");
    assert_eq!(collect(), 1);
}

#[test]
fn a_lock_has_native_libraries_alone_too() {
    let managed = project();
    managed.with_libraries(WANTED);
    managed.run(&["sync", "--python", &managed.world.python, "--dry-run"]).refused(
        EITHER,
        &["native libraries of the environment `default` are not there yet", "`pyfast sync`"],
    );
    managed.sync(&[]).ok();
    managed.run(&["lock", "--python", &managed.world.python]).ok();
    let lock = managed.world.read("pylock.toml");
    assert!(lock.contains("libpyfastfoo-1.0-0.conda") && !lock.contains("/python-"), "{lock}");
    fs_err::remove_file(
        managed.channel.directory.join(super::channel::fixtures::subdir()).join("repodata.json"),
    )
    .unwrap();
    let other = managed.world.path("other-root");
    let python = &managed.world.python;
    for how in [&["sync", "--locked"][..], &["sync", "--frozen"], &["sync"]] {
        let args = [how, &["--python", python]].concat();
        Ran::of(managed.command_at(&other, &args)).ok();
        assert_eq!(prefixes_of(&other).len(), 1);
    }
    let run = ["run", "--", "python", "-c", "import need; print(need.value)"];
    assert_eq!(Ran::of(managed.command_at(&other, &run)).ok().stdout.trim(), "42");
}
