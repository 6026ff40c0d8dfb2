//! Wheels larger than the memory that a small container has.

use std::process::Command;

use crate::support::page::File;
use crate::support::python::{check, python};
use crate::support::source::Sdist;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Runs a command and prints the most memory that it took, in kilobytes.
const MEASURE: &str = "import resource, subprocess, sys\n\
    subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n\
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// Makes a wheel of a gigabyte in a directory: libraries of which one is stored as it is, and much that compresses well.
const MAKE: &str = r#"
import base64, hashlib, os, sys, zipfile
block = os.urandom(1 << 20)
rows = []
with zipfile.ZipFile(sys.argv[1] + "/huge-1.0-py3-none-any.whl", "w", compresslevel=1) as wheel:
    def add(path, blocks, method=zipfile.ZIP_DEFLATED):
        info = zipfile.ZipInfo(path)
        info.compress_type = method
        digest, size = hashlib.sha256(), 0
        with wheel.open(info, "w", force_zip64=True) as member:
            for content in blocks:
                member.write(content)
                digest.update(content)
                size += len(content)
        told = base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()
        rows.append(f"{path},sha256={told},{size}\n")
    add("huge/__init__.py", [b""])
    add("huge/stored.so", (block for _ in range(1000)), zipfile.ZIP_STORED)
    add("huge/random.so", (block for _ in range(24)))
    add("huge/zeros.bin", (bytes(1 << 20) for _ in range(300)))
    add("huge-1.0.dist-info/METADATA", [b"Metadata-Version: 2.1\nName: huge\nVersion: 1.0\n"])
    add("huge-1.0.dist-info/WHEEL", [b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"])
    rows.append("huge-1.0.dist-info/RECORD,,\n")
    wheel.writestr("huge-1.0.dist-info/RECORD", "".join(rows))
"#;

/// The most memory that a sync of some projects takes, in bytes.
fn taken(world: &World, projects: &[&str]) -> usize {
    world.require(projects);
    let sync = world.command(&["sync", "-r", "requirements.txt"]);
    let mut measure = Command::new(python());
    measure.args(["-c", MEASURE]).arg(sync.get_program()).args(sync.get_args());
    let text = check(&mut world.limited("true", &measure));
    let kilobytes: usize = text.trim().parse().unwrap();
    kilobytes << 10
}

#[test]
fn large_wheel_is_never_in_memory_whole_and_stops_no_other() {
    const SIZE: usize = 160 << 20;
    let world = World::new();
    world.index.add(&Wheel::new("large", "1.0").padded(SIZE));
    world.index.add(&Wheel::new("small", "1.0"));
    let taken = taken(&world, &["large", "small"]);
    assert!(taken < SIZE * 3 / 4, "{taken} bytes for a wheel of {SIZE}");
    world.pyfast(&["verify"]).ok();
}

#[test]
fn wheels_that_come_whole_for_their_metadata_are_in_no_memory_and_come_once() {
    const SIZE: usize = 60 << 20;
    let world = World::new();
    world.index.set(|options| {
        options.metadata_files = false;
        options.ranges = false;
    });
    let names = ["large_a", "large_b", "large_c", "large_d"];
    for name in names {
        world.index.add(&Wheel::new(name, "1.0").padded(SIZE));
    }
    let taken = taken(&world, &names);
    assert!(taken < 2 * SIZE, "{taken} bytes for four wheels of {SIZE}");
    for name in names {
        let asked = world.index.asked(&format!("{name}-1.0-py3-none-any.whl"));
        assert_eq!(asked.len(), 1, "{asked:?}");
    }
    world.pyfast(&["verify"]).ok();
}

#[test]
fn wheel_of_a_gigabyte_takes_little_memory() {
    let mut world = World::new();
    let wheels = world.path("wheels");
    fs_err::create_dir(&wheels).unwrap();
    check(Command::new(python()).args(["-c", MAKE]).arg(&wheels));
    let wheel = fs_err::metadata(wheels.join("huge-1.0-py3-none-any.whl")).unwrap().len();
    assert!(wheel > 1 << 30, "{wheel}");
    world.index_flags.extend(["--find-links".to_owned(), wheels.to_str().unwrap().to_owned()]);
    let taken = taken(&world, &["huge"]);
    assert!(taken < 150 << 20, "{taken} bytes for a wheel of {wheel}");
    world.pyfast(&["verify"]).ok();
}

#[test]
fn sources_are_in_no_memory_whole_whoever_has_them() {
    const SIZE: usize = 60 << 20;
    let world = World::new();
    let source = |name: &str| Sdist::new(name, "1.0").padded(SIZE).pack_as(&world, ".tar");
    world.index.publish(File::new(source("listed")));
    world.index.publish(File::new(source("linked")));
    let here = source("here");
    fs_err::write(world.project.join(&here.filename), &here.bytes).unwrap();
    let linked = world.index.file_url("linked-1.0.tar");
    let taken = taken(&world, &["listed", &linked, "./here-1.0.tar"]);
    assert!(taken < 2 * SIZE, "{taken} bytes for three sources of {SIZE}");
    assert_eq!(world.index.asked("listed-1.0.tar").len(), 1);
}
