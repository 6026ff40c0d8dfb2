//! Prefixes of channels that are made for each test.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use pyfast_index::client::{Client, ClientOptions};
use pyfast_index::credentials::{CredentialSources, Credentials};
use serde_json::{Value, json};

use pyfast_installer::finding::Fault;
use pyfast_installer::generation::verify_root;
use pyfast_installer::prefix::verify;
use pyfast_packaging::dist_file::Location;
use pyfast_resolver::native::LockedArchive;

use super::*;
use crate::fixtures::{Channel, PLACEHOLDER, Package as Built};
use crate::{Request, solve};

struct World {
    directory: tempfile::TempDir,
    root: Root,
    channel: Channel,
    told: Arc<Mutex<Vec<String>>>,
}

/// A program that has a path in it, as C has it.
fn program() -> Vec<u8> {
    [b"\x7fELF\0", PLACEHOLDER.as_bytes(), b"/share/x\0", b"end"].concat()
}

fn python() -> Built {
    Built::new("python", "3.12.4")
        .depends("libfoo")
        .file("bin/python3.12", program(), 0o755)
        .link("bin/python", "python3.12")
        .file("lib/pkgconfig/python.pc", format!("prefix={PLACEHOLDER}\n"), 0o644)
}

fn libfoo() -> Built {
    Built::new("libfoo", "1.0")
        .file("lib/libfoo.so.1", "foo", 0o755)
        .link("lib/libfoo.so", "libfoo.so.1")
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let written = directory.path().join("root");
        let root = Root::create(&written, Path::new("/pyfast")).unwrap();
        let channel = Channel::new(&directory.path().join("channel"));
        let mut world = Self { directory, root, channel, told: Arc::default() };
        world.add(&python());
        world.add(&libfoo());
        world
    }

    fn add(&mut self, package: &Built) {
        self.channel.add(package, &Value::Null);
    }

    fn tools(&self) -> Tools {
        let credentials = Credentials::new(CredentialSources::default());
        let client = Arc::new(Client::new(ClientOptions::default(), credentials));
        let told = Arc::clone(&self.told);
        let events = Arc::new(move |event| told.lock().unwrap().push(format!("{event:?}")));
        Tools::new(client, self.directory.path().join("cache"), events).unwrap()
    }

    fn request(&self, packages: &[&str]) -> Request {
        Request {
            python: Some("3.12".to_owned()),
            packages: packages.iter().map(|&name| name.to_owned()).collect(),
            channels: vec![self.channel.directory.display().to_string()],
            named: Vec::new(),
            of_project: Vec::new(),
            exclude_newer: None,
            directory: self.directory.path().to_owned(),
        }
    }

    fn make(&self, packages: &[&str]) -> Result<Prefix, Error> {
        let (tools, machine) = (self.tools(), Machine::here()?);
        let solved = solve(&self.request(packages), &machine, &tools)?;
        Ok(make(&self.root, &solved, &machine, &tools)?.prefix)
    }

    /// What is refused leaves nothing behind.
    #[track_caller]
    fn refused(&self, packages: &[&str], words: &[&str]) {
        let error = self.make(packages).expect_err("it is refused");
        let said = crate::error::whole(&error);
        for word in words {
            assert!(said.contains(word), "{word}: {said}");
        }
        let made = self.root.prefixes().unwrap().map(|made| made.entries().unwrap().len());
        assert_eq!(made.unwrap_or_default(), 0);
        let left = fs_err::read_dir(self.directory.path().join("root/tmp")).unwrap();
        assert_eq!(left.count(), 0);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Not every user is root.
        let _ = self.root.remove();
    }
}

#[test]
fn a_prefix_has_what_was_chosen_with_the_paths_that_programs_will_see() {
    let world = World::new();
    let prefix = world.make(&[]).unwrap();
    let names: Vec<_> = prefix.packages.iter().map(|package| &*package.name).collect();
    assert_eq!(names, ["libfoo", "python"]);
    let seen = world.root.seen_prefix_path(&prefix.id).display().to_string();
    assert!(seen.starts_with("/pyfast/pythons/v1/"), "{seen}");
    let text = fs_err::read_to_string(prefix.path.join("lib/pkgconfig/python.pc")).unwrap();
    assert_eq!(text, format!("prefix={seen}\n"));
    let program = fs_err::read(prefix.interpreter().unwrap()).unwrap();
    assert_eq!(program.len(), self::program().len());
    assert!(program.windows(seen.len()).any(|window| window == seen.as_bytes()));
    assert_eq!(
        fs_err::read_link(prefix.path.join("lib/libfoo.so")).unwrap(),
        Path::new("libfoo.so.1")
    );
    assert!(verify(&world.root, &prefix.id).unwrap().is_empty());
}

#[test]
fn a_prefix_is_read_only_and_names_nothing_of_the_machine() {
    let world = World::new();
    let prefix = world.make(&[]).unwrap();
    let mode = |path: &str| fs_err::metadata(prefix.path.join(path)).unwrap().mode() & 0o777;
    assert_eq!((mode("bin/python3.12"), mode("lib/pkgconfig/python.pc")), (0o555, 0o444));
    assert_eq!((mode(""), mode("bin"), mode("conda-meta")), (0o555, 0o555, 0o555));
    for entry in fs_err::read_dir(prefix.path.join("conda-meta")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs_err::read_to_string(&path).unwrap();
        assert!(!text.contains("/tmp/work-"), "{}: {text}", path.display());
    }
}

#[test]
fn equal_packages_are_one_prefix_and_others_another() {
    let mut world = World::new();
    let first = world.make(&[]).unwrap();
    world.told.lock().unwrap().clear();
    assert_eq!(world.make(&[]).unwrap(), first);
    let told = world.told.lock().unwrap().join("\n");
    assert!(!told.contains("Making"), "{told}");
    world.add(&Built::new("libbar", "2").file("lib/libbar.so.2", "bar", 0o755));
    let other = world.make(&["libbar >=2"]).unwrap();
    assert_ne!(other.id, first.id);
    assert!(other.path.join("lib/libbar.so.2").exists() && first.interpreter().unwrap().exists());
}

/// The archives of a lock, as a channel of this test gives them.
fn locked(world: &World) -> Vec<LockedArchive> {
    let (tools, machine) = (world.tools(), Machine::here().unwrap());
    let archives = solve(&world.request(&[]), &machine, &tools).unwrap().archives();
    for folder in [crate::fixtures::subdir(), "noarch"] {
        fs_err::remove_file(world.channel.directory.join(folder).join("repodata.json")).unwrap();
    }
    archives
}

#[test]
fn what_was_locked_is_made_without_asking_a_channel() {
    let world = World::new();
    let solved = Solved::of_archives(&locked(&world), false).unwrap();
    assert_eq!(solved.python(), Some("3.12.4"));
    let made = make(&world.root, &solved, &Machine::here().unwrap(), &world.tools()).unwrap();
    assert_eq!(made.prefix.id, solved.id(world.root.seen()));
    // What a lock does not say, archives do.
    let licenses: Vec<_> = made.prefix.packages.iter().map(|one| one.license.as_deref()).collect();
    assert_eq!(licenses, [Some("MIT"), Some("MIT")]);
}

#[test]
fn a_lock_is_held_to_what_its_archives_say_of_themselves() {
    let mut world = World::new();
    let refused = |world: &World, archives: &[LockedArchive], words: &[&str]| {
        let solved = Solved::of_archives(archives, false).unwrap();
        let error = make(&world.root, &solved, &Machine::here().unwrap(), &world.tools());
        let said = crate::error::whole(&error.expect_err("it is refused"));
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    world.add(&Built::new("libnew", "1").depends("__glibc >=99"));
    world.add(&Built::new("numpy", "2").depends("python >=3.12"));
    let archives = locked(&world);
    let folder = world.channel.directory.join(crate::fixtures::subdir());
    let archive = |name: &str| {
        let path = folder.join(name);
        let sha256 = pyfast_packaging::hash::Sha256::of(&fs_err::read(&path).unwrap());
        LockedArchive { location: Location::Path(path), sha256, size: None }
    };
    let with = |name: &str| [archives.clone(), vec![archive(name)]].concat();
    refused(&world, &with("libnew-1-0.conda"), &["`__glibc >=99`", "glibc 2."]);
    refused(&world, &with("numpy-2-0.conda"), &["numpy", "for Python"]);
    fs_err::copy(folder.join("libnew-1-0.conda"), folder.join("libold-1-0.conda")).unwrap();
    refused(&world, &with("libold-1-0.conda"), &["libold", "says that it is libnew"]);
    let strange = LockedArchive { location: Location::Path("/x".into()), ..archives[0].clone() };
    let said = Solved::of_archives(&[strange], false).unwrap_err().to_string();
    assert!(said.contains("its name is no package's"), "{said}");
}

#[test]
fn archives_that_were_not_chosen_together_are_refused() {
    let mut world = World::new();
    let whole = locked(&world);
    let mut foreign = Built::new("libbar", "2");
    foreign.subdir = "osx-arm64";
    world.add(&foreign);
    let mut newer = python();
    newer.version = "3.12.5".to_owned();
    world.add(&newer);
    let folder = world.channel.directory.join(crate::fixtures::subdir());
    let archive = |name: &str| {
        let path = folder.join(name);
        let sha256 = pyfast_packaging::hash::Sha256::of(&fs_err::read(&path).unwrap());
        LockedArchive { location: Location::Path(path), sha256, size: None }
    };
    let refused = |archives: &[LockedArchive], words: &[&str]| {
        let solved = Solved::of_archives(archives, false).unwrap();
        let error = make(&world.root, &solved, &Machine::here().unwrap(), &world.tools());
        let said = crate::error::whole(&error.expect_err("it is refused"));
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        assert!(world.root.prefixes().unwrap().is_none(), "{said}");
    };
    let with = |name: &str| [whole.clone(), vec![archive(name)]].concat();
    let alone = [archive("python-3.12.4-0.conda")];
    refused(&alone, &["python-3.12.4-0.conda", "`libfoo`, which is not among them"]);
    refused(&with("python-3.12.5-0.conda"), &["python-3.12.5-0.conda", "python-3.12.4-0.conda"]);
    refused(&with("libbar-2-0.conda"), &["libbar-2-0.conda", "it is for osx-arm64"]);
}

#[test]
fn what_was_altered_is_found() {
    let world = World::new();
    let prefix = world.make(&[]).unwrap();
    let writable = |path: &str, mode: u32| {
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(prefix.path.join(path), mode).unwrap();
    };
    writable("lib", 0o755);
    writable("lib/libfoo.so.1", 0o755);
    fs_err::write(prefix.path.join("lib/libfoo.so.1"), "fox").unwrap();
    fs_err::remove_file(prefix.path.join("lib/libfoo.so")).unwrap();
    fs_err::write(prefix.path.join("lib/new"), "").unwrap();
    let wrong = verify(&world.root, &prefix.id).unwrap();
    let wrong: Vec<_> = wrong.iter().map(|one| (&*one.path, one.fault)).collect();
    let expected = [
        ("lib/libfoo.so", Fault::Missing),
        ("lib/libfoo.so.1", Fault::Altered),
        ("lib/new", Fault::Extra),
    ];
    assert_eq!(wrong, expected);
}

#[test]
fn one_that_does_not_say_what_it_is_is_found_and_made_anew() {
    let world = World::new();
    let prefix = world.make(&[]).unwrap();
    let description = prefix.path.join("prefix.json");
    let writable = std::fs::Permissions::from_mode(0o644);
    fs_err::set_permissions(&description, writable).unwrap();
    fs_err::write(&description, "{").unwrap();
    let wrong = verify_root(&world.root).unwrap();
    // No generation is on it, so that only its own place tells of it.
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert_eq!((&*wrong[0].path, wrong[0].fault), ("prefix.json", Fault::Manifest));
    assert_eq!(world.make(&[]).unwrap(), prefix);
    assert!(verify_root(&world.root).unwrap().is_empty());
}

#[test]
fn a_link_script_is_told_and_not_run() {
    let mut world = World::new();
    let ran = world.directory.path().join("ran");
    let script = format!("#!/bin/sh\ntouch {}\n", ran.display());
    world.add(&Built::new("libbar", "2").file("bin/.libbar-post-link.sh", script, 0o755));
    world.make(&["libbar"]).unwrap();
    assert!(!ran.exists());
    let told = world.told.lock().unwrap().join("\n");
    assert!(told.contains("LinkScript { package: \"libbar\""), "{told}");
}

#[test]
fn what_nothing_satisfies_is_told_in_the_solvers_words() {
    let mut world = World::new();
    world.refused(&["nowhere"], &["no packages of", "nowhere"]);
    world.add(&Built::new("libbar", "2").depends("libfoo >=3"));
    world.refused(&["libbar"], &["libbar", "libfoo >=3"]);
    world.add(&Built::new("libnew", "1").depends("__glibc >=99"));
    world.refused(&["libnew"], &["__glibc"]);
}

#[test]
fn packages_for_python_are_refused() {
    let mut world = World::new();
    world.add(&Built::new("numpy", "2").depends("python >=3.12"));
    world.refused(&["numpy"], &["numpy", "for Python"]);
}

#[test]
fn digests_are_demanded_and_checked() {
    let mut world = World::new();
    let package = Built::new("libbar", "2");
    world.channel.add(&package, &json!({ "sha256": null }));
    world.refused(&["libbar"], &["libbar-2-0.conda", "gives no SHA-256"]);
    world.channel.add(&package, &json!({ "sha256": "0".repeat(64) }));
    world.refused(&["libbar"], &["libbar-2-0.conda", "SHA-256", "expected 0000"]);
}

#[test]
fn sizes_that_no_archive_has_mean_nothing() {
    let mut world = World::new();
    for name in ["libbar", "libbaz"] {
        world.channel.add(&Built::new(name, "2"), &json!({ "size": u64::MAX }));
    }
    world.make(&["libbar", "libbaz"]).unwrap();
}

#[test]
fn where_packages_are_is_kept_for_others_and_so_has_no_secret() {
    let world = World::new();
    for base in ["http://me:SECRET@127.0.0.1:1/c/", "http://127.0.0.1:1/t/to-SECRET/c/"] {
        let listed = world.channel.directory.join(crate::fixtures::subdir()).join("repodata.json");
        let text = fs_err::read_to_string(&listed).unwrap();
        let mut lists: serde_json::Value = serde_json::from_str(&text).unwrap();
        lists["info"]["base_url"] = base.into();
        fs_err::write(&listed, lists.to_string()).unwrap();
        let error = world.make(&[]).expect_err("it is refused");
        let said = crate::error::whole(&error);
        assert!(said.contains("password or a token") && !said.contains("SECRET"), "{said}");
    }
}

#[test]
fn two_packages_with_one_file_are_refused() {
    let mut world = World::new();
    world.add(&Built::new("libbar", "2").file("lib/libfoo.so.1", "bar", 0o755));
    world.refused(&["libbar"], &["libbar", "libfoo", "lib/libfoo.so.1"]);
}

#[test]
fn hostile_archives_are_refused() {
    let mut world = World::new();
    let listed = |path: &str, content: &[u8]| {
        let built = Built::new("libbar", "2").file(path, content, 0o644);
        let mut lies = Built::new("libbar", "2").file("lib/bar", "bar", 0o644);
        lies.members = built.members;
        lies
    };
    world.add(&listed("../../outside", b"x"));
    world.refused(&["libbar"], &["libbar-2-0.conda", "../../outside", "outside of it"]);
    world.add(&listed("/etc/outside", b"x"));
    world.refused(&["libbar"], &["/etc/outside", "outside of it"]);
    world.add(&Built::new("libbar", "2").link("lib/passwd", "/etc/passwd"));
    world.refused(&["libbar"], &["libbar"]);
    // A list that names what is not there, and one that names another file.
    let mut lacking = Built::new("libbar", "2").file("lib/bar", "bar", 0o644);
    let bar = |digest: String| json!({ "_path": "lib/bar", "path_type": "hardlink", "sha256": digest, "size_in_bytes": 3 });
    let gone = json!({ "_path": "lib/gone", "path_type": "hardlink", "sha256": "0".repeat(64), "size_in_bytes": 3 });
    lacking.paths = Some(json!({ "paths_version": 1, "paths": [gone] }));
    world.add(&lacking);
    world.refused(&["libbar"], &["libbar"]);
    lacking.paths = Some(json!({ "paths_version": 1, "paths": [bar("0".repeat(64))] }));
    world.add(&lacking);
    world.refused(&["libbar"], &["lib/bar", "another file"]);
}

#[test]
fn lists_and_links_that_lead_elsewhere_are_refused_before_anything_is_unpacked() {
    let mut world = World::new();
    let theirs = world.directory.path().join("theirs");
    fs_err::write(&theirs, "theirs").unwrap();
    let mut listed = Built::new("libbar", "2").file("lib/bar", "bar", 0o644);
    for path in [theirs.to_str().unwrap(), "lib/../../theirs"] {
        let entry = json!({ "_path": path, "path_type": "hardlink", "sha256": "0".repeat(64), "size_in_bytes": 6 });
        listed.paths = Some(json!({ "paths_version": 1, "paths": [entry] }));
        world.add(&listed);
        world.refused(&["libbar"], &[&format!("`{path}` would be outside of it")]);
    }
    assert_eq!(fs_err::read_to_string(&theirs).unwrap(), "theirs");
    for target in ["/etc", "../../theirs", "../lib/../../theirs", "."] {
        world.add(&Built::new("libbar", "2").link("lib/up", target));
        match target {
            "." => drop(world.make(&["libbar"]).expect("it leads within")),
            _ => world.refused(&["libbar"], &["`lib/up` would lead outside of it"]),
        }
    }
    let through = Built::new("libbar", "3").link("lib/up", "../share");
    world.add(&through.file("lib/up/bar", "bar", 0o644));
    let error = world.make(&["libbar >=3"]).expect_err("it is put through a link");
    let said = crate::error::whole(&error);
    assert!(said.contains("`lib/up` is a link and a directory"), "{said}");
}

#[test]
fn what_would_fill_the_disk_is_refused_before_it_is_unpacked() {
    assert_refused(tar::EntryType::Regular, "more than 16 GiB");
    // Names are read into memory.
    assert_refused(tar::EntryType::GNULongName, "a name of more than 64 KiB");
    assert_refused(tar::EntryType::XHeader, "a name of more than 64 KiB");
}

/// An archive whose one entry says that it has twenty gigabytes.
#[track_caller]
fn assert_refused(kind: tar::EntryType, words: &str) {
    let mut header = tar::Header::new_gnu();
    header.set_path("lib/zeros").unwrap();
    header.set_entry_type(kind);
    header.set_size(20 << 30);
    header.set_cksum();
    let zeros = zstd::encode_all(&header.as_bytes()[..], 1).unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default();
    let stored = stored.compression_method(zip::CompressionMethod::Stored);
    zip.start_file("pkg-a.tar.zst", stored).unwrap();
    std::io::Write::write_all(&mut zip, &zeros).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &bytes).unwrap();
    let error = audit("a.conda", file).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}
