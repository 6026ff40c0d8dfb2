//! What is said when there is no lock to write.

use crate::support::index::{ALWAYS, Fault, Freshness, GARBAGE};
use crate::support::ran::{EITHER, MENDABLE};
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Locking fails with one of `codes`, says each of `needles`, and leaves the earlier lock alone.
#[track_caller]
fn check(world: &World, requirements: &[&str], codes: &[i32], needles: &[&str]) -> String {
    let lock =
        world.write("pylock.toml", "lock-version = \"1.0\"\ncreated-by = \"t\"\npackages = []\n");
    let before = fs_err::read(&lock).unwrap();
    let ran = world.require(requirements).lock(&[]).refused(codes, needles);
    assert_eq!(fs_err::read(&lock).unwrap(), before, "a failed lock changes nothing");
    ran.stderr
}

#[test]
fn unsatisfiable_requirements_are_explained_with_their_lines() {
    let world = World::new();
    world.index.add(&Wheel::new("first", "1.0").requires("shared<2"));
    world.index.add(&Wheel::new("second", "1.0").requires("shared>=2"));
    world.index.add(&Wheel::new("shared", "1.0")).add(&Wheel::new("shared", "2.0"));
    let needles =
        ["first", "second", "shared", "<2", ">=2", "requirements.txt:2", "requirements.txt:3"];
    let text = check(&world, &["# top", "first", "second"], MENDABLE, &needles);
    assert!(text.lines().count() < 25, "a chain of reasons, not a dump:\n{text}");
}

#[test]
fn conflict_in_a_nested_file_names_that_file() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0")).add(&Wheel::new("a", "2.0"));
    world.write("sub/more.txt", "\n\na<2\n");
    let needles = ["a", "requirements.txt:1", "more.txt:3"];
    check(&world, &["a>=2", "-r sub/more.txt"], MENDABLE, &needles);
}

#[test]
fn unsatisfiable_explanation_is_the_same_each_time() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("c<2"));
    world.index.add(&Wheel::new("b", "1.0").requires("c>=2"));
    world.index.add(&Wheel::new("c", "1.0")).add(&Wheel::new("c", "2.0"));
    world.require(&["a", "b"]);
    let first = world.lock(&["-q"]).refused(MENDABLE, &["c"]).stderr;
    world.index.delay("/a", 60);
    assert_eq!(world.lock(&["-q"]).refused(MENDABLE, &["c"]).stderr, first);
}

#[test]
fn pages_that_could_not_be_asked_for_again_are_told_of() {
    let world = World::new();
    world.index.set(|options| options.freshness = Freshness::Etag);
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a"]).lock(&[]).ok();
    world.index.stop();
    let needles = ["a>=2", "cached index pages are used as they are"];
    world.require(&["a>=2"]).lock(&[]).refused(MENDABLE, &needles);
}

#[test]
fn tags_are_those_of_the_version_that_is_asked_for() {
    let world = World::new();
    for (version, tag) in [("1.0", "cp27-cp27m-win32"), ("2.0", "cp36-cp36m-win32")] {
        world.index.add(&Wheel::new("a", version).tag(tag));
    }
    world.index.add(&Wheel::new("a", "3.0").tag("cp310-cp310-win_amd64"));
    let text = check(&world, &["a==1.0"], MENDABLE, &["1.0 has no wheel", "cp27-cp27m-win32"]);
    assert!(!text.contains("cp310"), "{text}");
    let text = check(&world, &["a<3"], MENDABLE, &["1.0 and 2.0 have no wheel", "the newest only"]);
    assert!(text.contains("cp36-cp36m-win32") && !text.contains("cp310"), "{text}");
}

#[test]
fn constraint_that_excludes_is_named() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "2.0"));
    world.write("constraints.txt", "a<2\n");
    check(&world, &["-c constraints.txt", "a>=2"], MENDABLE, &["a", "constraints.txt:1"]);
}

#[test]
fn unknown_package_is_named_with_its_line() {
    let world = World::new();
    check(&world, &["# x", "nosuchthing"], MENDABLE, &["nosuchthing", "requirements.txt:2"]);
}

#[test]
fn unknown_package_of_a_dependency_is_named_with_its_parent() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("nosuchthing"));
    check(&world, &["a"], MENDABLE, &["nosuchthing", "a"]);
}

#[test]
fn version_that_does_not_exist_is_answered_with_those_that_do() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0")).add(&Wheel::new("a", "1.5"));
    check(&world, &["a>=7"], MENDABLE, &["a", ">=7", "1.5"]);
}

#[test]
fn no_version_for_this_python_says_which_it_wants() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires_python(">=3.99"));
    check(&world, &["a"], MENDABLE, &["a", "python", ">=3.99"]);
}

#[test]
fn no_compatible_wheel_says_which_tags_there_are() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").tag("cp311-cp311-win_amd64"));
    check(&world, &["a"], MENDABLE, &["a", "wheel", "win_amd64"]);
}

#[test]
fn only_yanked_versions_are_named_as_such() {
    let world = World::new();
    let file = crate::support::page::File::new(Wheel::new("a", "1.0").build());
    world.index.publish(file.yanked("broken build"));
    check(&world, &["a"], MENDABLE, &["a", "yanked"]);
}

#[test]
fn bad_requirement_line_is_shown_with_its_place() {
    let world = World::new();
    check(&world, &["a", "b >>= 1"], EITHER, &["requirements.txt:2", "b >>= 1"]);
}

#[test]
fn unknown_option_line_is_shown_with_its_place() {
    let world = World::new();
    check(&world, &["--nonsense x"], EITHER, &["requirements.txt:1", "--nonsense"]);
}

#[test]
fn missing_nested_file_names_the_line_that_wants_it() {
    let world = World::new();
    check(&world, &["-r gone.txt"], EITHER, &["gone.txt", "requirements.txt"]);
}

#[test]
fn requirements_file_that_is_not_text_is_refused() {
    let world = World::new();
    fs_err::write(world.project.join("requirements.txt"), b"\xffa\x00\xfe").unwrap();
    world.lock(&[]).refused(EITHER, &["requirements.txt"]);
}

#[test]
fn each_status_of_the_index_is_named() {
    for (status, needle) in [(401, "401"), (403, "403"), (500, "500")] {
        let world = World::new();
        world.index.fail("/simple/a/", Fault::Status(status), ALWAYS);
        check(&world, &["a"], MENDABLE, &["a", needle, "127.0.0.1"]);
    }
}

#[test]
fn garbage_page_names_its_url() {
    let world = World::new();
    world.index.fail("/simple/a/", Fault::Page(GARBAGE.to_owned()), ALWAYS);
    check(&world, &["a"], MENDABLE, &["/simple/a/"]);
}

#[test]
fn unreachable_index_names_its_address() {
    let world = World::new();
    world.index.stop();
    check(&world, &["a"], MENDABLE, &["127.0.0.1", "a"]);
}

#[test]
fn broken_metadata_of_the_newest_version_is_passed_over() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.index.add(&Wheel::new("a", "2.0").requires("b (((>>> nonsense"));
    assert_eq!(world.require(&["a"]).locked(&[]), ["a==1.0"]);
}

#[test]
fn deep_brackets_in_a_marker_do_not_overflow() {
    let world = World::new();
    let deep = format!("b; {}os_name == 'posix'{}", "(".repeat(20_000), ")".repeat(20_000));
    world.index.add(&Wheel::new("a", "1.0").requires(&deep));
    check(&world, &["a"], MENDABLE, &["a"]);
}

#[test]
fn file_url_on_an_http_page_is_not_followed() {
    let world = World::new();
    let wheel = Wheel::new("a", "1.0").build();
    let path = wheel.write_to(&world.path("elsewhere"));
    let file = crate::support::page::File::new(wheel).at(&format!("file://{}", path.display()));
    world.index.publish(file);
    check(&world, &["a"], MENDABLE, &["a"]);
}
