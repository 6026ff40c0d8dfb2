//! What `dist/build.sh` makes of programs that this machine cannot run. Must not know who installs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{TOP, VERSION, alone, beside};
use crate::support::python::check;

/// The architecture that this machine does not have.
fn other() -> &'static str {
    if std::env::consts::ARCH == "x86_64" { "aarch64" } else { "x86_64" }
}

/// As much of a program as its makers can be told by: a header for an architecture, and the mark of a version.
fn program(place: &Path, arch: &str, version: &str) -> PathBuf {
    let machine = if arch == "x86_64" { 62 } else { 183 };
    let mut bytes = b"\x7fELF\x02\x01".to_vec();
    bytes.resize(64, 0);
    bytes[18] = machine;
    bytes.extend(format!("\nin containers of pyfast {version}\n").into_bytes());
    let path = place.join("a program");
    fs_err::write(&path, bytes).unwrap();
    path
}

fn pack(place: &Path, arch: &str, program: &Path) -> Output {
    let mut build = Command::new(Path::new(TOP).join("dist/build.sh"));
    alone(&mut build).args(["--arch", arch, "out"]).current_dir(place);
    build.env("PYFAST_DIST_PROGRAM", program).env("PYFAST_DIST_LEVEL", "1");
    build.env("PYFAST_DIST_TOOLS", beside("dist-tools")).output().unwrap()
}

#[test]
fn a_program_for_another_machine_is_packed_for_that_machine() {
    let place = tempfile::tempdir().unwrap();
    let program = program(place.path(), other(), VERSION);
    let packed = pack(place.path(), other(), &program);
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    let out = place.path().join("out");
    check(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&out));

    let arch = other();
    let platforms =
        ["manylinux2014", "manylinux_2_17", "musllinux_1_1"].map(|one| format!("{one}_{arch}"));
    let wheel = out.join(format!("pyfast_tool-{VERSION}-py3-none-{}.whl", platforms.join(".")));
    let mut wheel = zip::ZipArchive::new(fs_err::File::open(wheel).unwrap()).unwrap();
    let mut member = |name: &str| {
        let mut bytes = Vec::new();
        std::io::copy(&mut wheel.by_name(name).unwrap(), &mut bytes).unwrap();
        bytes
    };
    let facts = member(&format!("pyfast_tool-{VERSION}.dist-info/WHEEL"));
    let facts = String::from_utf8(facts).unwrap();
    let tags = facts.lines().filter_map(|line| line.strip_prefix("Tag: py3-none-"));
    assert_eq!(tags.collect::<Vec<_>>(), platforms);
    let given = fs_err::read(&program).unwrap();
    assert_eq!(member(&format!("pyfast_tool-{VERSION}.data/scripts/pyfast")), given);

    let name = format!("pyfast-{VERSION}-{arch}-linux");
    let archive = out.join(format!("{name}.tar.gz"));
    check(Command::new("tar").arg("-xf").arg(archive).current_dir(place.path()));
    assert_eq!(fs_err::read(place.path().join(name).join("pyfast")).unwrap(), given);
}

#[test]
fn a_program_of_another_machine_or_version_than_was_asked_for_is_not_packed() {
    let refused = |arch: &str, made: (&str, &str), word: &str| {
        let place = tempfile::tempdir().unwrap();
        let program = program(place.path(), made.0, made.1);
        let packed = pack(place.path(), arch, &program);
        let said = String::from_utf8_lossy(&packed.stderr);
        assert_eq!(packed.status.code(), Some(1), "{said}");
        assert!(said.contains(word), "`{word}` is missing in: {said}");
        assert_eq!(fs_err::read_dir(place.path().join("out")).unwrap().count(), 0);
    };
    refused("aarch64", ("x86_64", VERSION), "is not for aarch64");
    refused("x86_64", ("aarch64", VERSION), "is not for x86_64");
    refused(other(), (other(), "0.0.1"), "is of another version");
    refused(other(), (other(), &format!("{VERSION}0")), "is of another version");
    refused("riscv64", (other(), VERSION), "not for riscv64");
}
