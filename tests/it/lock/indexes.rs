//! Several indexes: whose project wins, and who is shown the credentials.

use super::{check, check_with};
use crate::support::index::{ALWAYS, Fault, GARBAGE, Index};
use crate::support::page::File;
use crate::support::ran::{MENDABLE, USAGE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A public index with `corp` 99.0 (the world's own), and a private one with `corp` 1.0 that is
/// asked first.
fn confused() -> (World, Index) {
    let mut world = World::new();
    let private = Index::start();
    private.add(&Wheel::new("corp", "1.0").requires("b"));
    world.index.add(&Wheel::new("corp", "99.0")).add(&Wheel::new("b", "1.0"));
    world.index_flags.extend(["--extra-index-url".to_owned(), private.url()]);
    (world, private)
}

#[test]
fn first_index_that_has_the_project_wins() {
    let (world, _private) = confused();
    check(&world, &["corp"], &["b==1.0", "corp==1.0"]);
}

#[test]
fn private_name_never_comes_from_a_later_index() {
    for fault in [
        Fault::Status(403),
        Fault::Status(401),
        Fault::Status(500),
        Fault::Page(GARBAGE.to_owned()),
    ] {
        let (world, private) = confused();
        private.fail("/simple/corp/", fault, ALWAYS);
        world.require(&["corp"]).lock(&[]).refused(MENDABLE, &["corp"]);
        assert!(!world.project.join("pylock.toml").exists());
    }
    let (world, private) = confused();
    private.stop();
    world.require(&["corp"]).lock(&[]).refused(MENDABLE, &["corp"]);
}

#[test]
fn index_without_the_project_passes_it_on() {
    let (world, _private) = confused();
    check(&world, &["b"], &["b==1.0"]);
}

#[test]
fn best_match_takes_the_newest_of_all_indexes() {
    let (world, _private) = confused();
    let args = ["--index-strategy", "unsafe-best-match"];
    check_with(&world, &["corp"], &args, &["corp==99.0"]);
}

#[test]
fn first_match_goes_on_to_the_next_index_for_a_version() {
    let (world, _private) = confused();
    let args = ["--index-strategy", "unsafe-first-match"];
    check_with(&world, &["corp"], &args, &["b==1.0", "corp==1.0"]);
    let args = ["--index-strategy", "unsafe-first-match", "--upgrade"];
    check_with(&world, &["corp>1"], &args, &["corp==99.0"]);
}

#[test]
fn hint_says_that_another_index_was_not_searched() {
    let (world, _private) = confused();
    world.require(&["corp>1"]).lock(&[]).refused(MENDABLE, &["corp", "--index-strategy"]);
}

/// A world whose index wants credentials and is given them in its URL.
fn private_world() -> World {
    let mut world = World::new();
    let secret = ("user".to_owned(), "s3cr3t".to_owned());
    world.index.set(|options| options.credentials = Some(secret));
    world.index_flags = vec!["--index-url".to_owned(), world.index.url_with("user", "s3cr3t")];
    world.index.add(&Wheel::new("a", "1.0"));
    world
}

#[test]
fn credentials_are_sent_but_written_nowhere() {
    let world = private_world();
    let ran = world.require(&["a"]).lock(&["-v"]).ok();
    assert_eq!(world.lock_packages(), ["a==1.0"]);
    let synced = world.sync(&["-v"]);
    for text in [&ran.stdout, &ran.stderr, &synced.ran.stdout, &synced.ran.stderr] {
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    for folder in [&world.project, &world.root] {
        check_no_secret(folder);
    }
}

fn check_no_secret(folder: &std::path::Path) {
    for entry in fs_err::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            check_no_secret(&entry.path());
        } else if kind.is_file() {
            let bytes = fs_err::read(entry.path()).unwrap();
            let found = bytes.windows(6).any(|window| window == b"s3cr3t");
            assert!(!found, "the password is in {}", entry.path().display());
        }
    }
}

#[test]
fn credentials_stay_at_their_origin() {
    let world = private_world();
    let foreign = Index::start();
    let wheel = Wheel::new("f", "1.0").build();
    foreign.add(&Wheel::new("f", "1.0")).add(&Wheel::new("g", "1.0"));
    let url = foreign.file_url(&wheel.filename);
    world.index.publish(File::new(wheel).at(&url));
    world.index.fail("/simple/g/", Fault::Redirect(foreign.url() + "g/"), ALWAYS);
    world.require(&["f", "g"]).sync(&[]);
    let seen = foreign.seen();
    assert!(!seen.is_empty());
    for one in seen {
        assert_eq!(one.request.header("authorization"), None, "{}", one.request.path);
        assert_eq!(one.request.header("cookie"), None, "{}", one.request.path);
    }
}

#[test]
fn refusal_names_the_index_without_its_password() {
    let mut world = private_world();
    world.index_flags[1] = world.index.url_with("user", "wr0ng-one");
    let ran = world.require(&["a"]).lock(&[]).refused(MENDABLE, &["401", "127.0.0.1"]);
    assert!(!ran.stderr.contains("wr0ng-one"), "{ran}");
}

#[test]
fn flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let mut world = World::new();
    let (flag, env) = (Index::start(), Index::start());
    flag.add(&Wheel::new("a", "3.0"));
    env.add(&Wheel::new("a", "2.0"));
    world.index.add(&Wheel::new("a", "1.0"));
    world.write("pyfast.toml", &format!("[index]\nurl = \"{}\"\n", world.index.url()));
    world.index_flags.clear();
    check(&world, &["a"], &["a==1.0"]);
    for variable in ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "PYFAST_INDEX_URL"] {
        world.env.retain(|key, _| !key.ends_with("_URL") && !key.ends_with("_INDEX"));
        world.env.insert(variable.to_owned(), env.url());
        check_with(&world, &["a"], &["--upgrade"], &["a==2.0"]);
    }
    let args = ["--upgrade", "--index-url", &flag.url()];
    check_with(&world, &["a"], &args, &["a==3.0"]);
}

/// A world without a server whose index is a directory: `a` has a page that links to its file, `b` lies
/// there itself.
fn local_world() -> World {
    let mut world = World::new();
    let root = world.path("mirror");
    for name in ["simple/a", "simple/b", "files"] {
        fs_err::create_dir_all(root.join(name)).unwrap();
    }
    let a = Wheel::new("a", "1.0").requires("b").build();
    fs_err::write(root.join("files").join(&a.filename), &a.bytes).unwrap();
    let link = format!("../../files/{0}#sha256={1}", a.filename, a.sha256);
    let page = format!("<a href=\"{link}\">{}</a>", a.filename);
    fs_err::write(root.join("simple/a/index.html"), page).unwrap();
    let b = Wheel::new("b", "2.0").build();
    fs_err::write(root.join("simple/b").join(&b.filename), &b.bytes).unwrap();
    world.index.stop();
    world.index_flags[1] = format!("file://{}/simple", root.display());
    world
}

#[test]
fn index_can_be_a_directory() {
    let world = local_world();
    assert_eq!(world.require(&["a"]).sync(&["--offline"]).packages(), ["a==1.0", "b==2.0"]);
    world.require(&["c"]).lock(&[]).refused(MENDABLE, &["`c`", "mirror/simple"]);
}

#[test]
fn file_of_a_local_index_must_have_the_hash_of_its_page() {
    let world = local_world();
    let forged = Wheel::new("a", "1.0").requires("b").file("a/evil.py", "").build();
    fs_err::write(world.path("mirror/files").join(&forged.filename), &forged.bytes).unwrap();
    world.require(&["a"]).try_sync(&[]).refused(MENDABLE, &["SHA-256", "a-1.0"]);
}

#[test]
fn directory_that_is_not_there_is_no_index() {
    let mut world = local_world();
    world.index_flags[1] += "-absent";
    world.require(&["a"]).lock(&[]).refused(USAGE, &["simple-absent", "no such directory"]);
}

#[test]
fn variables_of_pip_and_uv_name_files_and_no_index() {
    for tool in ["PIP", "UV"] {
        let mut world = World::new();
        world.index.add(&Wheel::new("a", "9.0"));
        let links = world.path("links");
        fs_err::create_dir(&links).unwrap();
        let wheel = Wheel::new("a", "3.0").build();
        fs_err::write(links.join(&wheel.filename), &wheel.bytes).unwrap();
        world.env.insert(format!("{tool}_FIND_LINKS"), links.display().to_string());
        world.env.insert(format!("{tool}_NO_INDEX"), "1".to_owned());
        assert_eq!(world.require(&["a"]).sync(&[]).packages(), ["a==3.0"]);
        assert!(world.index.seen().is_empty());
        // A file that is put there is noticed.
        let wheel = Wheel::new("a", "4.0").build();
        fs_err::write(links.join(&wheel.filename), &wheel.bytes).unwrap();
        assert_eq!(world.sync(&["--upgrade"]).packages(), ["a==4.0"]);
    }
}
