//! What a requirements file can say.

use super::{check, check_with};
use crate::support::ran::MENDABLE;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// `a` with an extra `x` that needs `b`, and a few leaves in two versions.
fn world() -> World {
    let world = World::new();
    world.index.add(
        &Wheel::new("a", "1.0")
            .extra("x")
            .extra("all")
            .requires("b; extra == 'x'")
            .requires("a[x]; extra == 'all'")
            .requires("c; sys_platform == 'win32'"),
    );
    for name in ["b", "c", "d"] {
        world.index.add(&Wheel::new(name, "1.0")).add(&Wheel::new(name, "2.0"));
    }
    world
}

#[test]
fn extra_brings_its_requirements() {
    check(&world(), &["a[x]"], &["a==1.0", "b==2.0"]);
}

#[test]
fn extra_that_names_its_own_package_is_followed() {
    check(&world(), &["a[all]"], &["a==1.0", "b==2.0"]);
}

#[test]
fn unknown_extra_is_a_warning() {
    let world = world();
    let ran = world.require(&["a[nonsense]"]).lock(&[]).ok();
    assert_eq!(world.lock_packages(), ["a==1.0"]);
    assert!(ran.stderr.contains("nonsense"), "{ran}");
}

#[test]
fn markers_select_for_the_target() {
    let lines = ["b; sys_platform == 'win32'", "c; sys_platform == 'linux'"];
    check(&world(), &lines, &["c==2.0"]);
}

#[test]
fn names_are_compared_normalised() {
    let world = world();
    world.index.add(&Wheel::new("some-name", "1.0").requires("B"));
    check(&world, &["Some_._NAME"], &["b==2.0", "some-name==1.0"]);
}

#[test]
fn constraints_limit_but_do_not_add() {
    let world = world();
    world.write("constraints.txt", "b<2\nd<2\n");
    check_with(&world, &["a[x]"], &["-c", "constraints.txt"], &["a==1.0", "b==1.0"]);
}

#[test]
fn overrides_replace_every_requirement_on_a_name() {
    let world = world();
    world.index.add(&Wheel::new("e", "1.0").requires("b>=2"));
    world.write("overrides.txt", "b<2\n");
    check_with(&world, &["e"], &["--override", "overrides.txt"], &["b==1.0", "e==1.0"]);
}

#[test]
fn nested_files_are_relative_to_the_file_that_names_them() {
    let world = world();
    world.write("sub/more.txt", "c\n-c limits/c.txt\n-r ../third.txt\n");
    world.write("sub/limits/c.txt", "c<2\n");
    world.write("third.txt", "d==1.0\n");
    check(&world, &["b", "-r sub/more.txt"], &["b==2.0", "c==1.0", "d==1.0"]);
}

#[test]
fn files_that_name_each_other_end() {
    let world = world();
    world.write("other.txt", "c\n-r requirements.txt\n");
    check(&world, &["b", "-r other.txt"], &["b==2.0", "c==2.0"]);
}

#[test]
fn several_files_are_read_together() {
    let world = world();
    world.write("dev.txt", "c<2\n");
    check_with(&world, &["c"], &["-r", "dev.txt"], &["c==1.0"]);
}

#[test]
fn comments_continuations_and_line_ends_are_understood() {
    let world = world();
    let text = "\u{feff}# head\r\nb \\\r\n  <2  # why\r\n\r\nc==1.0 ; python_version > '3'\r\n";
    world.write("requirements.txt", text);
    assert_eq!(world.locked(&[]), ["b==1.0", "c==1.0"]);
}

#[test]
fn index_options_of_the_file_are_honoured() {
    let mut world = world();
    world.index_flags.clear();
    let line = format!("--index-url {}", world.index.url());
    check(&world, &[&line, "b"], &["b==2.0"]);
}

#[test]
fn direct_wheel_url_pins_the_package() {
    let world = world();
    let url = world.index.file_url("b-1.0-py3-none-any.whl");
    check(&world, &[&format!("b @ {url}"), "a[x]"], &["a==1.0", "b==1.0"]);
    assert!(world.read("pylock.toml").contains(&url));
}

#[test]
fn bare_wheel_url_is_named_by_its_file() {
    let world = world();
    check(&world, &[&world.index.file_url("b-1.0-py3-none-any.whl")], &["b==1.0"]);
}

#[test]
fn local_wheel_is_found_by_its_path() {
    let world = world();
    Wheel::new("local", "3.0").requires("b<2").build().write_to(&world.project.join("wheels"));
    check(&world, &["./wheels/local-3.0-py3-none-any.whl"], &["b==1.0", "local==3.0"]);
}

#[test]
fn find_links_directory_stands_in_for_an_index() {
    let world = world();
    Wheel::new("b", "5.0").build().write_to(&world.project.join("wheels"));
    let args = ["--no-index", "--find-links", "wheels"];
    check_with(&world, &["b"], &args, &["b==5.0"]);
    assert_eq!(world.index.seen().len(), 0);
}

#[test]
fn find_links_line_is_relative_to_its_file_and_adds_to_the_index() {
    let world = world();
    Wheel::new("b", "5.0").build().write_to(&world.project.join("sub/wheels"));
    world.write("sub/requirements.txt", "--find-links wheels\nb\nc\n");
    check(&world, &["-r sub/requirements.txt"], &["b==5.0", "c==2.0"]);
}

#[test]
fn find_links_page_stands_in_for_an_index() {
    let world = world();
    let page = world.index.url() + "b/";
    check_with(&world, &["b"], &["--no-index", "--find-links", &page], &["b==2.0"]);
}

#[test]
fn variables_are_expanded_in_index_lines() {
    let mut world = world();
    world.index_flags.clear();
    world.env.insert("MY_INDEX".to_owned(), world.index.url());
    check(&world, &["--index-url ${MY_INDEX}", "b"], &["b==2.0"]);
}

#[test]
fn options_of_pip_without_meaning_here_are_accepted() {
    let lines = ["--prefer-binary", "--trusted-host 127.0.0.1", "b"];
    check(&world(), &lines, &["b==2.0"]);
}

#[test]
fn option_glued_to_its_value_is_accepted() {
    let world = world();
    world.write("more.txt", "c<2\n");
    check(&world, &["-rmore.txt", "--requirement=more.txt"], &["c==1.0"]);
}

#[test]
fn no_deps_takes_only_what_is_named() {
    check_with(&world(), &["a[x]"], &["--no-deps"], &["a==1.0"]);
}

#[test]
fn hashes_select_and_are_enforced() {
    let world = world();
    let right = Wheel::new("b", "1.0").build().sha256;
    let required = ["--require-hashes"];
    let line = format!("b==1.0 --hash=sha256:{right}");
    check_with(&world, &[&line], &required, &["b==1.0"]);
    world.require(&["b==1.0"]).lock(&required).refused(MENDABLE, &["b", "hash"]);
    let wrong = format!("b==1.0 --hash=sha256:{}", "0".repeat(64));
    world.require(&[&wrong]).lock(&required).refused(MENDABLE, &["b", "hash"]);
}

#[test]
fn pins_and_hashes_of_constraints_count() {
    let world = world();
    let right = Wheel::new("b", "1.0").build().sha256;
    world.write("pins.txt", &format!("b==1.0 --hash=sha256:{right}\n"));
    let constrained = ["--require-hashes", "-c", "pins.txt"];
    check_with(&world, &["b"], &constrained, &["b==1.0"]);
    world.write("pins.txt", &format!("b --hash=sha256:{right}\n"));
    world.require(&["b"]).lock(&constrained).refused(MENDABLE, &["b", "not pinned"]);
}

#[test]
fn hashes_count_where_their_marker_does() {
    let world = World::new();
    let (old, new) = (Wheel::new("b", "1.0"), Wheel::new("b", "2.0"));
    world.index.add(&old).add(&new);
    let lines = [
        format!("b==1.0 ; python_version < '3' --hash=sha256:{}", old.build().sha256),
        format!("b==2.0 ; python_version >= '3' --hash=sha256:{}", new.build().sha256),
    ];
    check(&world, &[&lines[0], &lines[1]], &["b==2.0"]);
}

#[test]
fn fragment_of_a_url_asks_for_no_hashes_elsewhere() {
    let world = world();
    let wheel = Wheel::new("e", "1.0");
    world.index.add(&wheel);
    let built = wheel.build();
    let url = format!("{}#sha256={}", world.index.file_url(&built.filename), built.sha256);
    check(&world, &["b", &format!("e @ {url}")], &["b==2.0", "e==1.0"]);
}

#[test]
fn variables_of_this_machine_are_not_expanded_in_metadata() {
    let mut world = World::new();
    world.env.insert("MY_SECRET".to_owned(), "hunter2".to_owned());
    let requirement = "b @ https://h.test/${MY_SECRET}/b-1.0-py3-none-any.whl";
    world.index.add(&Wheel::new("a", "1.0").requires(requirement));
    let ran = world.require(&["a"]).lock(&[]);
    assert!(!ran.stderr.contains("hunter2") && !ran.stdout.contains("hunter2"), "{ran}");
    ran.refused(MENDABLE, &["depends on b by URL"]);
}

#[test]
fn an_option_of_one_requirement_that_has_no_effect_is_told() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0"));
    world.require(&["a==1.0 --global-option=--quiet"]);
    let ran = world.lock(&[]).ok();
    assert!(ran.stderr.contains("requirements.txt:1: --global-option of one requirement"), "{ran}");
    assert_eq!(world.lock_packages(), ["a==1.0"]);
}
