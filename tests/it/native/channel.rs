//! A channel with a Python that is made of the interpreter at hand: as much of it as runs.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::python::{evaluate, python};

#[path = "../../../crates/native/src/fixtures.rs"]
pub(crate) mod fixtures;

pub(crate) use fixtures::{Channel, Package};

/// Directories of the standard library that no test wants.
const WITHOUT: [&str; 11] = [
    "__pycache__",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tests",
    "tkinter",
    "turtledemo",
];

/// What the interpreter says of itself: its version, the file that runs, where its library is, and where that of the same
/// in C is looked for and what it is called.
const ASK: &str = "import os, sys, sysconfig; print('%d.%d.%d' % sys.version_info[:3]); \
                   print(os.path.realpath(sys.executable)); print(sysconfig.get_path('stdlib')); \
                   print(*map(sysconfig.get_config_var, ['LIBDIR', 'INSTSONAME']), sep='\\n')";

/// Where packages have libraries of C, as a program finds it wherever it lies.
const BESIDE: &[u8] = b"$ORIGIN/../lib";

/// The interpreter as a package.
pub(crate) fn cpython() -> Package {
    let said = evaluate(python(), ASK);
    let said: Vec<&str> = said.lines().collect();
    let [version, program, library, in_c, name_in_c] = said[..] else { panic!("{said:?}") };
    let short = version.rsplit_once('.').expect("a version has parts").0;
    let name = format!("python{short}");
    let package = Package::new("python", version)
        .file(&format!("bin/{name}"), movable(program, in_c), 0o755)
        .link("bin/python", &name);
    // An interpreter that is linked to its own library brings it along.
    let in_c = Path::new(in_c).join(name_in_c);
    let package = if name_in_c.contains(".so") && in_c.exists() {
        package.file(&format!("lib/{name_in_c}"), fs_err::read(in_c).unwrap(), 0o755)
    } else {
        package
    };
    let mut files = Vec::new();
    collect(Path::new(library), &mut files);
    files.iter().fold(package, |package, file| {
        let inside = file.strip_prefix(library).expect("it is below").display().to_string();
        package.file(&format!("lib/{name}/{inside}"), fs_err::read(file).unwrap(), 0o644)
    })
}

/// A program that looks for libraries beside itself, where it looked for them in this directory.
fn movable(program: &str, directory: &str) -> Vec<u8> {
    let mut bytes = fs_err::read(program).unwrap();
    let meant = [directory.as_bytes(), b"\0"].concat();
    let at = bytes.windows(meant.len()).position(|window| window == meant);
    if let Some(at) = at.filter(|_| directory.len() >= BESIDE.len()) {
        bytes[at..at + directory.len()].fill(0);
        bytes[at..at + BESIDE.len()].copy_from_slice(BESIDE);
    }
    bytes
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        let name = entry.file_name().to_string_lossy().into_owned();
        if kind.is_dir() && !WITHOUT.contains(&&*name) && !name.starts_with("config-") {
            collect(&path, files);
        } else if kind.is_file() && name.strip_suffix(".a").is_none() {
            files.push(path);
        }
    }
}

/// A channel with a Python and one native library.
pub(crate) fn channel(directory: &Path) -> Channel {
    let mut channel = Channel::new(directory);
    channel.add(&cpython(), &Value::Null);
    channel.add(&library("libfoo", "1.0"), &Value::Null);
    channel
}

/// A native library, of which only the name is looked at.
pub(crate) fn library(name: &str, version: &str) -> Package {
    Package::new(name, version).file(&format!("lib/{name}.so.1"), version, 0o755)
}
