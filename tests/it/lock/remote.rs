//! Requirements files of servers.

use crate::support::index::{ALWAYS, Fault, Freshness};
use crate::support::ran::{EITHER, MENDABLE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world() -> World {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.index.add(&Wheel::new(name, "1.0")).add(&Wheel::new(name, "2.0"));
    }
    world
}

#[track_caller]
fn locked(world: &World, args: &[&str]) -> Vec<String> {
    world.pyfast(&[&["lock"], args].concat()).ok();
    world.lock_packages()
}

#[test]
fn a_file_is_named_on_the_command_line() {
    let world = world();
    world.index.write("/texts/more/b.txt", "b\n-c ../c.txt\n");
    world.index.write("/texts/c.txt", "b<2\n");
    let url = world.index.write("/texts/r.txt", "a\n-r more/b.txt\n");
    assert_eq!(locked(&world, &["-r", &url]), ["a==2.0", "b==1.0"]);
}

#[test]
fn a_file_is_named_in_another_one() {
    let world = world();
    let constraints = world.index.write("/texts/c.txt", "a<2\n");
    world.require(&["a", &format!("-c {constraints}")]);
    assert_eq!(world.locked(&[]), ["a==1.0"]);
}

#[test]
fn a_file_is_asked_for_again_and_offline_taken_from_the_cache() {
    let world = world();
    world.index.set(|options| options.freshness = Freshness::Etag);
    let url = world.index.write("/texts/r.txt", "a\n");
    assert_eq!(locked(&world, &["-r", &url]), ["a==2.0"]);
    locked(&world, &["-r", &url]);
    let statuses: Vec<u16> =
        world.index.asked("/texts/r.txt").iter().map(|seen| seen.status).collect();
    assert_eq!(statuses, [200, 304], "the second time it is only asked whether it stands");
    world.index.write("/texts/r.txt", "a<2\n");
    assert_eq!(locked(&world, &["-r", &url]), ["a==1.0"]);
    world.index.stop();
    assert_eq!(locked(&world, &["-r", &url, "--offline"]), ["a==1.0"]);
}

#[test]
fn offline_without_the_file_is_an_error() {
    let world = world();
    let url = world.index.write("/texts/r.txt", "a\n");
    let ran = world.pyfast(&["lock", "-r", &url, "--offline"]);
    ran.refused(MENDABLE, &["texts/r.txt", "offline", "--offline"]);
    assert!(world.index.seen().is_empty(), "offline means offline");
}

/// Wheels of version 9 lie where the same relative place would be on this machine.
fn decoy(world: &World) {
    fs_err::create_dir_all(world.project.join("wheels")).unwrap();
    let wheel = Wheel::new("a", "9").build();
    fs_err::write(world.project.join("wheels").join(&wheel.filename), &wheel.bytes).unwrap();
}

#[test]
fn relative_places_of_a_project_file_are_on_its_server() {
    let world = world();
    decoy(&world);
    let wheel = Wheel::new("a", "3").build();
    world.index.add(&Wheel::new("a", "3"));
    let link = format!("<a href=\"{}\">a</a>", world.index.file_url(&wheel.filename));
    world.index.write_as("text/html", "/texts/wheels/", &link);
    let project = |table: &str| {
        let text =
            format!("[project]\nname = \"shop\"\ndependencies = [\"a\"]\n[tool.uv]\n{table}\n");
        world.index.write("/texts/pyproject.toml", &text)
    };
    let flat = "index = [{ name = \"flat\", url = \"wheels/\", format = \"flat\" }]";
    for table in ["no-index = true\nfind-links = [\"wheels/\"]", flat] {
        world.index.forget();
        assert_eq!(locked(&world, &["-U", "-r", &project(table)]), ["a==3"], "{table}");
        assert_eq!(world.index.asked("/texts/wheels/").len(), 1, "{table}");
    }
    let simple = project("index-url = \"../simple\"");
    let mut world = world;
    world.index_flags.clear();
    assert_eq!(locked(&world, &["-U", "-r", &simple]), ["a==3"]);
}

#[test]
fn no_file_of_a_server_has_indexes_of_this_machine() {
    let world = world();
    decoy(&world);
    let here = format!("file://{}", world.project.join("wheels").display());
    for line in ["--find-links", "--index-url", "--extra-index-url"] {
        let url = world.index.write("/texts/r.txt", &format!("a\n{line} {here}\n"));
        let ran = world.pyfast(&["lock", "-r", &url]);
        ran.refused(EITHER, &["texts/r.txt:2", "files of this machine"]);
    }
    for table in [
        format!("find-links = [\"{here}\"]"),
        format!("index-url = \"{here}\""),
        format!("extra-index-url = [\"{here}\"]"),
        format!("index = [{{ url = \"{here}\" }}]"),
        "sources = { a = { path = \"wheels/a-9-py3-none-any.whl\" } }".to_owned(),
        "sources = { a = { path = \"wheels\" } }".to_owned(),
    ] {
        let text =
            format!("[project]\nname = \"shop\"\ndependencies = [\"a\"]\n[tool.uv]\n{table}\n");
        let url = world.index.write("/texts/pyproject.toml", &text);
        let ran = world.pyfast(&["lock", "-r", &url]);
        ran.refused(EITHER, &["texts/pyproject.toml", "files of this machine"]);
    }
}

#[test]
fn a_web_page_is_not_a_text() {
    let world = world();
    let url = world.index.write_as("text/html", "/texts/r.txt", "<!doctype html><p>a</p>");
    world.pyfast(&["lock", "-r", &url]).refused(EITHER, &["web page", "raw text"]);
}

#[test]
fn a_file_without_end_is_not_read_to_the_end() {
    let world = world();
    let url = world.index.write("/texts/r.txt", &"# a long comment\n".repeat(600_000));
    world.pyfast(&["lock", "-r", &url]).refused(EITHER, &["/texts/r.txt", "larger than"]);
}

#[test]
fn the_configuration_names_a_file_of_a_server() {
    let world = world();
    let url = world.index.write("/texts/r.txt", "a\n");
    world.write("pyfast.toml", &format!("[env.default]\nrequirements = [\"{url}\"]\n"));
    world.pyfast(&["lock"]).ok();
    assert_eq!(world.lock_packages(), ["a==2.0"], "the lock is in the project");
    world.pyfast(&["sync", "--locked", "--json"]).ok();
    let tree = world.pyfast(&["tree"]).ok();
    assert!(tree.stdout.contains("a==2.0"), "{tree}");
}

#[test]
fn a_file_that_is_gone_is_named_with_its_line() {
    let world = world();
    let url = world.index.write("/texts/r.txt", "a\n-r gone.txt\n");
    let needles = ["/texts/r.txt:2:4: ", "gone.txt", "404"];
    world.pyfast(&["lock", "-r", &url]).refused(EITHER, &needles);
}

#[test]
fn a_server_cannot_name_files_of_this_machine() {
    let world = world();
    let wheel = Wheel::new("d", "1.0").build();
    wheel.write_to(&world.project);
    let url = world.index.write("/texts/r.txt", &format!("./{}\n", wheel.filename));
    world.pyfast(&["lock", "-r", &url]).refused(EITHER, &["/texts/r.txt:1:1: ", "of this machine"]);
}

#[test]
fn variables_of_this_machine_do_not_go_into_files_of_servers() {
    let mut world = world();
    world.env.insert("MYTOKEN".to_owned(), "s3cr3t".to_owned());
    let place = world.index.url();
    world.index.write("/texts/more.txt", &format!("d @ {place}${{MYTOKEN}}/d-1.tar.gz\n"));
    let url = world.index.write("/texts/r.txt", "-r more.txt\n");
    world.require(&[&format!("-r {url}")]);
    let ran = world.lock(&[]).refused(MENDABLE, &["more.txt:1: ", "${MYTOKEN}", "this machine"]);
    assert!(!format!("{ran}").contains("s3cr3t"), "{ran}");
    let seen = world.index.seen();
    assert!(seen.iter().any(|seen| seen.request.path.contains("d-1.tar.gz")));
    assert!(seen.iter().all(|seen| !seen.request.path.contains("s3cr3t")));
    // A file of this machine has them put in.
    world.env.insert("NAME".to_owned(), "a".to_owned());
    world.require(&["${NAME}"]);
    assert_eq!(world.locked(&[]), ["a==2.0"]);
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let mut world = world();
    let credentials = ("user".to_owned(), "pass-word".to_owned());
    world.index.set(|options| options.credentials = Some(credentials));
    world.index_flags[1] = world.index.url_with("user", "pass-word");
    let url = world.index.write("/texts/r.txt", "a\n");
    let with = url.replace("http://", "http://user:pass-word@");
    let plain = world.pyfast(&["lock", "-r", &with, "-v"]).ok();
    assert_eq!(world.lock_packages(), ["a==2.0"]);
    assert!(
        !plain.stderr.contains("pass-word") && !world.read("pylock.toml").contains("pass-word")
    );
    // The index' own are good for files beside it.
    assert_eq!(locked(&world, &["-r", &url]), ["a==2.0"]);
    world.index.fail("/texts/", Fault::Status(403), ALWAYS);
    let ran = world.pyfast(&["lock", "-r", &with]).refused(EITHER, &["403", "credentials"]);
    assert!(!ran.stderr.contains("pass-word"), "{ran}");
}

#[test]
fn a_sync_notices_that_a_file_of_a_server_changed() {
    let world = world();
    world.index.set(|options| options.freshness = Freshness::Etag);
    let url = world.index.write("/texts/r.txt", "a\n");
    world.require(&[&format!("-r {url}")]);
    let first = world.sync(&[]);
    assert!(!world.sync(&[]).changed(), "nothing moved");
    assert!(!world.sync(&["--offline"]).changed(), "what the cache has counts offline");
    world.index.write("/texts/r.txt", "a<2\n");
    let last = world.sync(&[]);
    assert!(last.changed() && last.id() != first.id());
}
