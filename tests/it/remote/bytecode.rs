//! Bytecode in the remote store: who has none takes it from there instead of compiling, and whatever is there in its place
//! costs a warning and is compiled.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use fs_err as fs;
use serde_json::Value;

use super::machines::{another_machine, use_bucket, use_directory};
use super::pushing::kill_pushes;
use crate::support::bucket::Bucket;
use crate::support::ran::MENDABLE;
use crate::support::synced::{Synced, snapshot};
use crate::support::wheel::{Wheel, sha256};
use crate::support::world::World;

/// The wheels of these tests that have modules, with how many are compiled.
const MODULES: [(&str, usize); 2] = [("a", 2), ("b", 1)];

fn wheels() -> [Wheel; 3] {
    [
        Wheel::new("a", "1.0").file("a/deep/mod.py", "def f():\n    return 1\n"),
        Wheel::new("b", "1.0").file("b/template.py", "def {{ name }}:\n"),
        Wheel::empty("c", "1.0").file("c/data.txt", "text\n"),
    ]
}

/// A volume, and requirements of packages with modules, with one that is no code, and without any.
pub(super) fn volume() -> World {
    let mut world = World::new().in_volume();
    for wheel in wheels() {
        world.index.add(&wheel);
    }
    world.require(&["a", "b", "c"]).lock(&[]).ok();
    world.env.insert("PYFAST_REMOTE_BYTECODE".to_owned(), "1".to_owned());
    world
}

/// The same, with a directory that has all of it, on a machine that has none of it and reaches no index.
fn pushed() -> (World, BTreeMap<PathBuf, String>) {
    let mut world = volume();
    use_directory(&mut world);
    world.sync(&["--push"]);
    let wheels = stored(&world);
    world.index.stop();
    (another_volume(world), wheels)
}

fn another_volume(mut world: World) -> World {
    another_machine(&mut world);
    if world.root.exists() {
        world.root = world.path("third-root");
    }
    world.in_volume()
}

/// Every file of the store's wheels, with bytecode and what says that it is there.
pub(super) fn stored(world: &World) -> BTreeMap<PathBuf, String> {
    let top = world.root.join("store/v1/wheels");
    let inside = |path: PathBuf| path.strip_prefix(&top).unwrap().to_owned();
    let files = snapshot(&top).into_iter().map(|(path, content)| (inside(path), content));
    let files: BTreeMap<_, _> = files.collect();
    let ends =
        |end: &str| files.keys().filter(|path| path.to_string_lossy().ends_with(end)).count();
    assert_eq!(ends(".pyc"), MODULES.iter().map(|(_, count)| count).sum::<usize>());
    files
}

/// The packs of a directory, by the names of their wheels' packages.
fn packs(world: &World) -> BTreeMap<&'static str, PathBuf> {
    let top = world.path("remote/v1/bytecode");
    let all: Vec<PathBuf> = snapshot(&top).into_keys().filter(|path| path.is_file()).collect();
    let of = |digest: &str| all.iter().find(|path| path.to_string_lossy().contains(digest));
    assert_eq!(all.len(), MODULES.len(), "{all:?}");
    let named = MODULES.into_iter().zip(wheels()).map(|((name, _), wheel)| {
        let path = of(&wheel.build().sha256);
        (name, path.expect("each wheel with modules has one").clone())
    });
    named.collect()
}

fn list(world: &World) -> PathBuf {
    fs::read_dir(world.path("remote/v1/envs")).unwrap().next().unwrap().unwrap().path()
}

/// What is in a pack, by its path there.
fn unpacked(pack: &[u8]) -> Vec<(String, Vec<u8>)> {
    let archive = zstd::decode_all(pack).unwrap();
    let mut archive = tar::Archive::new(&archive[..]);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), content)
    });
    entries.collect()
}

fn packed(members: &[(String, Vec<u8>)], kind: tar::EntryType, level: i32) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(if kind.is_file() { content.len() as u64 } else { 0 });
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        if !kind.is_file() {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        archive.append(&header, if kind.is_file() { &content[..] } else { &[] }).unwrap();
    }
    zstd::encode_all(&archive.into_inner().unwrap()[..], level).unwrap()
}

/// Puts a pack in the place of the one of `a`, as somebody does who may write lists too.
fn plant(world: &World, pack: &[u8]) {
    let place = packs(world)["a"].clone();
    let before = sha256(&fs::read(&place).unwrap());
    fs::write(&place, pack).unwrap();
    let path = list(world);
    let mut list: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let listed = list["bytecode"].as_array_mut().unwrap();
    let listed = listed.iter_mut().find(|listed| listed["sha256"] == before.as_str()).unwrap();
    listed["sha256"] = sha256(pack).into();
    listed["size"] = pack.len().into();
    fs::write(&path, list.to_string()).unwrap();
}

/// How many wheels had their bytecode from there, as it is told.
pub(super) fn taken(synced: &Synced) -> usize {
    synced.ran.stderr.matches("is the remote store's").count()
}

/// A machine that has one warning of this, and everything right all the same.
#[track_caller]
fn compiled_here(world: &World, wheels: &BTreeMap<PathBuf, String>, word: &str) {
    let synced = world.sync(&["-v"]);
    let told: Vec<&str> =
        synced.ran.stderr.lines().filter(|line| line.contains("warning:")).collect();
    assert_eq!(told.len(), 1, "{}", synced.ran);
    assert!(told[0].contains(word), "{word}: {}", told[0]);
    assert!(told[0].contains("; bytecode is compiled here"), "{}", told[0]);
    assert_eq!(&stored(world), wheels, "{word}");
    world.pyfast(&["verify"]).ok();
}

#[test]
fn a_machine_without_an_index_has_the_same_files_and_compiles_nothing() {
    for later in [false, true] {
        let (mut world, wheels) = pushed();
        let list: Value = serde_json::from_slice(&fs::read(list(&world)).unwrap()).unwrap();
        assert_eq!(list["bytecode"].as_array().map(Vec::len), Some(MODULES.len()), "{list}");
        if later {
            world.env.insert("PYFAST_COMPILE".to_owned(), "later".to_owned());
        }
        let synced = world.sync(&["-v"]);
        assert_eq!(stored(&world), wheels);
        assert_eq!(taken(&synced), MODULES.len(), "{}", synced.ran);
        assert!(!synced.ran.stderr.contains("warning"), "{}", synced.ran);
        assert_eq!(synced.json["compiling"], false, "what is there need not be compiled later");
        assert_eq!(synced.installed(), ["a==1.0", "b==1.0", "c==1.0"]);
        world.pyfast(&["verify"]).ok();
        assert!(!world.sync(&[]).changed());
    }
}

/// No compiler makes this of the wheel: so none ran.
#[test]
fn what_is_taken_is_what_runs() {
    let (world, _) = pushed();
    let mut members = unpacked(&fs::read(&packs(&world)["a"]).unwrap());
    let init = members.iter_mut().find(|(path, _)| path.contains("__init__")).unwrap();
    let version = init.1.windows(3).position(|bytes| bytes == b"1.0").unwrap();
    init.1[version..version + 3].copy_from_slice(b"6.6");
    plant(&world, &packed(&members, tar::EntryType::Regular, 3));
    let synced = world.sync(&["-v"]);
    assert_eq!(taken(&synced), MODULES.len(), "{}", synced.ran);
    assert_eq!(synced.evaluate("import a; print(a.__version__)"), "6.6\n");
}

#[test]
fn a_flipped_byte_is_a_warning_and_wheels_still_come_from_there() {
    let (world, wheels) = pushed();
    let pack = packs(&world)["a"].clone();
    let mut bytes = fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&pack, bytes).unwrap();
    // Its digest is compared before it is unpacked.
    compiled_here(&world, &wheels, "its SHA-256 is ");
}

#[test]
fn a_pack_that_is_cut_off_is_a_warning_and_one_that_is_gone_is_none() {
    let (world, wheels) = pushed();
    let pack = packs(&world)["a"].clone();
    let bytes = fs::read(&pack).unwrap();
    fs::write(&pack, &bytes[..bytes.len() / 2]).unwrap();
    compiled_here(&world, &wheels, "expected");
    let (world, wheels) = pushed();
    fs::remove_file(&packs(&world)["a"]).unwrap();
    let synced = world.sync(&["-v"]);
    assert!(!synced.ran.stderr.contains("warning"), "{}", synced.ran);
    assert_eq!((stored(&world), taken(&synced)), (wheels, MODULES.len() - 1));
}

#[test]
fn a_pack_of_another_python_is_a_warning_and_compiled_here() {
    let (world, wheels) = pushed();
    let mut members = unpacked(&fs::read(&packs(&world)["a"]).unwrap());
    members[0].1[0] ^= 1;
    plant(&world, &packed(&members, tar::EntryType::Regular, 3));
    compiled_here(&world, &wheels, "is the bytecode of another Python");
}

#[test]
fn a_hostile_pack_writes_nothing() {
    let (world, _) = pushed();
    let (path, code) = unpacked(&fs::read(&packs(&world)["a"]).unwrap())[0].clone();
    let regular = tar::EntryType::Regular;
    for (path, content, kind, word) in [
        (format!("../../../{path}"), code.clone(), regular, "is not the bytecode of a module"),
        (format!("/{path}"), code.clone(), regular, "is not the bytecode of a module"),
        (
            path.replace("__init__", "ghost"),
            code.clone(),
            regular,
            "is not the bytecode of a module",
        ),
        ("a/__init__.py".to_owned(), b"evil".to_vec(), regular, "is not the bytecode of a module"),
        (path.clone(), Vec::new(), tar::EntryType::Symlink, "is no file"),
        (path.clone(), Vec::new(), tar::EntryType::Link, "is no file"),
        (path, [code, vec![0; 32 << 20]].concat(), regular, "more in it than bytecode"),
    ] {
        let (world, wheels) = pushed();
        plant(&world, &packed(&[(path, content)], kind, 3));
        compiled_here(&world, &wheels, word);
        assert!(!world.path("a").exists() && !world.path("__pycache__").exists());
    }
}

#[test]
fn who_does_not_ask_for_it_takes_none_and_pushes_none() {
    let (mut world, bucket) = (volume(), Bucket::start());
    use_bucket(&mut world, &bucket);
    let asked = |bucket: &Bucket| {
        bucket.asked().into_iter().filter(|one| one.contains("/v1/bytecode/")).count()
    };
    world.env.remove("PYFAST_REMOTE_BYTECODE");
    world.sync(&["--push"]);
    assert_eq!(asked(&bucket), 0);
    let wheels = stored(&world);
    // The project's file says so as well as the variable, which goes before it.
    world.write("pyfast.toml", "[remote]\nbytecode = true\n");
    let ran = world.pyfast(&["push", "--json"]).ok();
    assert_eq!((&ran.json()["bytecode"], &ran.json()["present"]), (&2.into(), &3.into()), "{ran}");
    assert!(asked(&bucket) > 0);
    world.env.insert("PYFAST_REMOTE_BYTECODE".to_owned(), "0".to_owned());
    let mut world = another_volume(world);
    let synced = world.sync(&["-v"]);
    assert_eq!((taken(&synced), asked(&bucket)), (0, 0), "{}", synced.ran);
    assert_eq!(stored(&world), wheels);
    // Who pushes none takes none away.
    world.pyfast(&["push"]).ok();
    world.env.remove("PYFAST_REMOTE_BYTECODE");
    let world = another_volume(world);
    bucket.asked();
    assert_eq!(taken(&world.sync(&["-v"])), MODULES.len());
    let gets = bucket.asked();
    assert_eq!(gets.len(), 1 + 3 + MODULES.len(), "the list, and each object once: {gets:?}");
}

#[test]
fn a_pack_is_written_once_and_one_that_holds_something_else_is_replaced() {
    let mut world = volume();
    use_directory(&mut world);
    let first = world.sync(&["--push"]);
    assert!(first.ran.stderr.contains("and the bytecode of 2"), "{}", first.ran);
    let before = snapshot(&world.path("remote"));
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["bytecode"], 0, "{again}");
    let contents = |world: &World| {
        let packs = packs(world);
        packs.into_values().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let right = contents(&world);
    assert_eq!(snapshot(&world.path("remote")).len(), before.len());
    // Another version of what packs them may write other bytes: what is in them counts.
    let pack = packs(&world)["a"].clone();
    let members = unpacked(&fs::read(&pack).unwrap());
    let other = packed(&members, tar::EntryType::Regular, 19);
    fs::write(&pack, &other).unwrap();
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["bytecode"], 0, "{again}");
    assert_eq!(fs::read(&pack).unwrap(), other);
    assert!(fs::read_to_string(list(&world)).unwrap().contains(&sha256(&other)));
    let mut altered = members;
    altered[0].1.push(0);
    for wrong in [packed(&altered, tar::EntryType::Regular, 3), b"half".to_vec()] {
        fs::write(&pack, wrong).unwrap();
        let again = world.pyfast(&["push", "--json"]).ok();
        assert_eq!(again.json()["bytecode"], 1, "{again}");
        assert_eq!(contents(&world), right);
    }
}

#[test]
fn what_is_there_is_not_packed_again() {
    let mut world = volume();
    use_directory(&mut world);
    world.sync(&["--push"]);
    let before = snapshot(&world.path("remote"));
    // Whoever packs this finds that it is not what was compiled.
    let [wheel, ..] = wheels();
    let module = world.stored_file(&wheel.build(), "a/deep/__pycache__");
    let file = fs::read_dir(&module).unwrap().next().unwrap().unwrap().path();
    let right = fs::read(&file).unwrap();
    let put = |bytes: &[u8]| {
        fs::remove_file(&file).unwrap();
        fs::write(&file, bytes).unwrap();
    };
    put(b"altered");
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["bytecode"], 0, "{again}");
    assert_eq!(snapshot(&world.path("remote")), before);
    fs::remove_file(&packs(&world)["a"]).unwrap();
    world.pyfast(&["push"]).refused(MENDABLE, &["is not what its module was compiled to"]);
    put(&right);
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["bytecode"], 1, "{again}");
    assert_eq!(snapshot(&world.path("remote")), before);
    // Another lock has no list there yet, and wheels that another one has, too.
    put(b"altered");
    world.require(&["a", "b"]).lock(&[]).ok();
    world.sync(&[]);
    let again = world.pyfast(&["push", "--json"]).ok();
    assert_eq!(again.json()["bytecode"], 0, "{again}");
    assert_ne!(snapshot(&world.path("remote")), before, "it has a list");
}

#[test]
fn a_push_that_is_killed_names_no_pack_that_is_not_there() {
    let mut world = volume();
    use_directory(&mut world);
    world.sync(&[]);
    kill_pushes(&world, |world| drop(packs(world)));
    world.pyfast(&["push"]).ok();
    let wheels = stored(&world);
    world.index.stop();
    let world = another_volume(world);
    assert_eq!((taken(&world.sync(&["-v"])), stored(&world)), (MODULES.len(), wheels));
}

#[test]
fn a_directory_that_its_owner_may_edit_neither_gives_nor_takes_any() {
    let (mut world, _) = pushed();
    world.env.insert("PYFAST_COMPILE".to_owned(), "1".to_owned());
    world.root = world.path("own");
    let synced = world.sync(&["-v"]);
    assert_eq!(taken(&synced), 0, "{}", synced.ran);
    let ran = world.pyfast(&["push", "--json"]).ok();
    assert!(ran.stderr.contains("bytecode is not pushed: "), "{ran}");
    assert_eq!(ran.json()["bytecode"], 0, "{ran}");
    // What others have pushed is still listed.
    let list: Value = serde_json::from_slice(&fs::read(list(&world)).unwrap()).unwrap();
    assert_eq!(list["bytecode"].as_array().map(Vec::len), Some(MODULES.len()), "{list}");
}
