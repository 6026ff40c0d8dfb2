//! Wheels that break their format, one rule each.

use super::*;
use crate::fixtures::WheelFile;

fn open(wheel: &WheelFile) -> Result<Wheel, Refusal> {
    let bytes = wheel.bytes();
    let archive = Archive::open(&bytes)?;
    Wheel::open(&archive, &wheel.filename)
}

fn check(wheel: &WheelFile, reason: &str) {
    let error = open(wheel).expect_err(reason).to_string();
    assert!(error.contains(reason), "`{error}` does not say `{reason}`");
}

fn base() -> WheelFile {
    WheelFile::new("pkg", "1.0").file("pkg/__init__.py", "")
}

#[test]
fn members_go_to_their_places() {
    let wheel = base()
        .info("entry_points.txt", "[console_scripts]\nrun = pkg:main\n")
        .info("INSTALLER", "other\n")
        .file("pkg-1.0.data/purelib/pure.py", "")
        .file("pkg-1.0.data/platlib/plat.so", "")
        .file("pkg-1.0.data/scripts/tool", "#!python\n")
        .file("pkg-1.0.data/headers/pkg.h", "")
        .file("pkg-1.0.data/data/share/x", "");
    let wheel = open(&wheel).unwrap();
    let mut places: Vec<&str> =
        wheel.members.iter().filter_map(|member| member.path.as_deref()).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "data/data/share/x",
            "data/headers/pkg.h",
            "data/scripts/tool",
            "root/pkg-1.0.dist-info/METADATA",
            "root/pkg-1.0.dist-info/WHEEL",
            "root/pkg-1.0.dist-info/entry_points.txt",
            "root/pkg/__init__.py",
            "root/plat.so",
            "root/pure.py",
        ]
    );
    assert_eq!(wheel.entry_points[0].name, "run");
}

#[test]
fn dist_info_must_be_one_and_the_projects() {
    check(&base().file("other-1.0.dist-info/METADATA", ""), "several .dist-info");
    check(&base().info("METADATA", "Name: other\nVersion: 1.0\n"), "says Name `other`");
    check(&base().info("METADATA", "Name: pkg\nVersion: 2.0\n"), "says Version `2.0`");
    check(&base().info("METADATA", "Name: pkg\nName: x\nVersion: 1.0\n"), "more than one Name");
    check(&base().info("METADATA", "\nName: pkg\nVersion: 1.0\n"), "has no Name");
    check(&base().without("pkg-1.0.dist-info/METADATA"), "has no METADATA");
    check(&base().without("pkg-1.0.dist-info/WHEEL"), "has no WHEEL");
    for name in ["other-1.0-py3-none-any.whl", "pkg-1.1-py3-none-any.whl"] {
        let mut wheel = base();
        wheel.filename = name.parse().unwrap();
        check(&wheel, "does not agree with the wheel's file name");
    }
    let mut local = base();
    local.filename = "Pkg-1.0+cpu-py3-none-any.whl".parse().unwrap();
    assert!(open(&local).is_ok());
}

#[test]
fn only_the_known_format_is_read() {
    check(&base().info("WHEEL", "Wheel-Version: 2.0\n"), "format version `2.0`");
    check(&base().info("WHEEL", "Root-Is-Purelib: true\n"), "format version ``");
    assert!(open(&base().info("WHEEL", "Wheel-Version: 1.9\n")).is_ok());
}

#[test]
fn record_says_nothing_wrong() {
    let record = base().true_record();
    let exempt = base().file("pkg-1.0.dist-info/RECORD.jws", "x").record(record.clone());
    assert!(open(&exempt).unwrap().flaws.is_empty());
    let careless = record.replace("pkg/__init__", "/pkg/__init__");
    let flaws = open(&base().record(careless)).unwrap().flaws.to_string();
    assert_eq!(flaws, "1 path is spelt otherwise (`/pkg/__init__.py`)");
}

#[test]
fn data_directories_stay_in_their_places() {
    let data = |path: &str| base().file(&format!("pkg-1.0.data/{path}"), "");
    check(&data("unknown/x"), "the format does not know");
    // What we write ourselves is not theirs by another way.
    for name in ["REQUESTED", "direct_url.json", "RECORD", "INSTALLER"] {
        let wheel = data(&format!("purelib/pkg-1.0.dist-info/{name}"));
        let places = open(&wheel).unwrap().members.into_iter().filter_map(|member| member.path);
        assert!(places.into_iter().all(|place| !place.ends_with(name)), "{name}");
    }
    check(&data("file"), "is a file where .data has directories");
    check(&data("scripts/python3"), "replace the interpreter");
    check(&data("scripts/sub/tool"), "could leave bin/");
    assert!(open(&data("scripts/clang++")).is_ok());
    check(&data("data/bin/python"), "replace the interpreter");
    check(&data("data/pyvenv.cfg"), "part of the environment itself");
    check(&data("purelib/pkg/__init__.py"), "in the wheel and in its .data");
    check(&data("purelib/pkg"), "both a file and a directory");
    let interpreter = "[console_scripts]\npython = a:b\n";
    check(&base().info("entry_points.txt", interpreter), "replace the interpreter");
}
