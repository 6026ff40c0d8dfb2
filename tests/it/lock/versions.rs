//! Which version and which file is chosen.

use super::{check, check_with};
use crate::support::page::File;
use crate::support::python::python_minor;
use crate::support::ran::USAGE;
use crate::support::wheel::Wheel;
use crate::support::world::World;

fn world_with(wheels: &[Wheel]) -> World {
    let world = World::new();
    for wheel in wheels {
        world.index.add(wheel);
    }
    world
}

fn versions(name: &str, versions: &[&str]) -> World {
    world_with(&versions.iter().map(|version| Wheel::new(name, version)).collect::<Vec<_>>())
}

#[test]
fn newest_version_is_chosen_by_version_order() {
    let world = versions("a", &["1.9", "1.10", "1.2", "1.10.dev1"]);
    check(&world, &["a"], &["a==1.10"]);
}

#[test]
fn specifiers_of_repeated_requirements_intersect() {
    check(&versions("a", &["1.0", "2.0", "3.0"]), &["a>1", "A<3"], &["a==2.0"]);
}

#[test]
fn solver_goes_back_where_the_newest_does_not_fit() {
    let world = world_with(&[
        Wheel::new("a", "2.0").requires("c>=2"),
        Wheel::new("a", "1.0").requires("c>=1"),
        Wheel::new("b", "1.0").requires("c<2"),
        Wheel::new("c", "1.0"),
        Wheel::new("c", "2.0"),
    ]);
    check(&world, &["a", "b"], &["a==1.0", "b==1.0", "c==1.0"]);
}

#[test]
fn version_for_a_later_python_is_passed_over() {
    let world =
        world_with(&[Wheel::new("a", "1.0"), Wheel::new("a", "2.0").requires_python(">=3.99")]);
    check(&world, &["a"], &["a==1.0"]);
}

#[test]
fn python_version_flag_changes_the_target() {
    let world = world_with(&[
        Wheel::new("a", "1.0").requires("b; python_version < '3.12'"),
        Wheel::new("a", "2.0").requires_python(">=3.12"),
        Wheel::new("b", "1.0"),
    ]);
    check_with(&world, &["a"], &["--python-version", "3.11"], &["a==1.0", "b==1.0"]);
    check_with(&world, &["a"], &["--python-version", "3.12", "--upgrade"], &["a==2.0"]);
}

#[test]
fn yanked_version_is_passed_over() {
    let world = versions("a", &["1.0"]);
    world.index.publish(File::new(Wheel::new("a", "2.0").build()).yanked(""));
    check(&world, &["a"], &["a==1.0"]);
}

#[test]
fn yanked_version_is_allowed_where_pinned_with_a_warning() {
    let world = versions("a", &["1.0"]);
    world.index.publish(File::new(Wheel::new("a", "2.0").build()).yanked("eats data"));
    let ran = world.require(&["a==2.0"]).lock(&[]).ok();
    assert_eq!(world.lock_packages(), ["a==2.0"]);
    assert!(ran.stderr.contains("eats data"), "{ran}");
}

#[test]
fn yanked_without_value_counts_in_html() {
    let world = versions("a", &["1.0"]);
    world.index.set(|options| options.form = crate::support::index::Form::Html);
    world.index.publish(File::new(Wheel::new("a", "2.0").build()).yanked(""));
    check(&world, &["a"], &["a==1.0"]);
}

#[test]
fn best_wheel_of_a_version_is_the_one_with_the_closest_tag() {
    let abi = format!("cp{}", python_minor().replace('.', ""));
    let native = format!("{abi}-{abi}-manylinux_2_5_x86_64");
    let world = world_with(&[
        Wheel::new("a", "1.0").requires("b"),
        Wheel::new("a", "1.0").tag(&format!("{abi}-{abi}-win_amd64")).requires("b"),
        Wheel::new("a", "1.0").tag(&native),
    ]);
    check(&world, &["a"], &["a==1.0"]);
    assert!(world.read("pylock.toml").contains(&native));
}

#[test]
fn python_platform_flag_changes_the_target() {
    let arm = "cp311-cp311-manylinux_2_17_aarch64";
    let world =
        world_with(&[Wheel::new("a", "1.0"), Wheel::new("a", "2.0").tag(arm).requires("b")]);
    world.index.add(&Wheel::new("b", "1.0"));
    let target = ["--python-version", "3.11", "--python-platform", "aarch64-unknown-linux-gnu"];
    check_with(&world, &["a"], &target, &["a==2.0", "b==1.0"]);
}

#[test]
fn version_without_compatible_wheel_is_passed_over() {
    let world =
        world_with(&[Wheel::new("a", "1.0"), Wheel::new("a", "2.0").tag("cp27-cp27m-win32")]);
    check(&world, &["a"], &["a==1.0"]);
}

#[test]
fn stable_version_is_preferred_to_a_pre_release() {
    check(&versions("a", &["1.0", "2.0rc1"]), &["a"], &["a==1.0"]);
}

#[test]
fn pre_release_is_chosen_where_nothing_else_is_there() {
    check(&versions("a", &["2.0a1", "2.0rc1"]), &["a"], &["a==2.0rc1"]);
}

#[test]
fn pre_release_is_chosen_where_no_stable_version_fits() {
    check(&versions("a", &["1.0", "2.0rc1"]), &["a>1.0"], &["a==2.0rc1"]);
}

#[test]
fn pre_release_modes_allow_and_disallow() {
    let world = versions("a", &["1.0", "2.0rc1"]);
    check_with(&world, &["a"], &["--prerelease", "allow"], &["a==2.0rc1"]);
    let args = ["--prerelease", "disallow", "--upgrade"];
    check_with(&world, &["a"], &args, &["a==1.0"]);
}

#[test]
fn lowest_resolution_takes_the_oldest_that_fits() {
    let world = world_with(&[
        Wheel::new("a", "1.0").requires("b>=1.5"),
        Wheel::new("a", "2.0"),
        Wheel::new("b", "1.0"),
        Wheel::new("b", "1.6"),
        Wheel::new("b", "2.0"),
    ]);
    check_with(&world, &["a"], &["--resolution", "lowest"], &["a==1.0", "b==1.6"]);
    let direct = ["--resolution", "lowest-direct", "--upgrade"];
    check_with(&world, &["a"], &direct, &["a==1.0", "b==2.0"]);
}

#[test]
fn files_uploaded_after_the_cutoff_do_not_exist() {
    let world = World::new();
    for (version, time) in [("1.0", "2023-06-01T00:00:00Z"), ("2.0", "2024-06-01T00:00:00Z")] {
        world.index.publish(File::new(Wheel::new("a", version).build()).uploaded(time));
    }
    let cutoff = ["--exclude-newer", "2024-01-01T00:00:00Z"];
    check_with(&world, &["a"], &cutoff, &["a==1.0"]);
}

#[test]
fn a_cutoff_that_is_no_time_is_refused_with_its_place() {
    let world = versions("a", &["1.0"]);
    world.require(&["a"]);
    for (text, place) in [
        ("2026-99-99", "character 6"),
        ("2026-01-31T25:61:61Z", "character 12"),
        ("2026-01-31T12:00:00garbageZ", "character 20"),
    ] {
        let ran = world.lock(&["--exclude-newer", text]);
        ran.refused(USAGE, &["--exclude-newer", place, "2026-01-31T12:00:00Z"]);
    }
}

#[test]
fn earlier_lock_is_kept_until_upgraded() {
    let world = versions("a", &["1.0"]);
    world.index.add(&Wheel::new("b", "1.0"));
    check(&world, &["a", "b"], &["a==1.0", "b==1.0"]);
    world.index.add(&Wheel::new("a", "1.1")).add(&Wheel::new("b", "1.1"));
    check(&world, &["a", "b"], &["a==1.0", "b==1.0"]);
    check_with(&world, &["a", "b"], &["--upgrade-package", "a"], &["a==1.1", "b==1.0"]);
    check_with(&world, &["a", "b"], &["--upgrade"], &["a==1.1", "b==1.1"]);
}

#[test]
fn local_version_matches_its_public_version() {
    check(&versions("a", &["1.0+cpu", "0.9"]), &["a==1.0"], &["a==1.0+cpu"]);
}

#[test]
fn build_number_decides_between_equal_tags() {
    let world = world_with(&[
        Wheel::new("a", "1.0").tag("1-py3-none-any"),
        Wheel::new("a", "1.0").tag("2-py3-none-any"),
    ]);
    check(&world, &["a"], &["a==1.0"]);
    assert!(world.read("pylock.toml").contains("a-1.0-2-py3-none-any.whl"));
}
