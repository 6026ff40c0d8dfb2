//! Environments of volumes, which nobody writes to: links to whole directories.

use std::path::{Component, Path};

use super::{check, site_packages, world};
use crate::support::python::evaluate;
use crate::support::wheel::Wheel;

#[test]
fn package_of_one_wheel_is_one_relative_link_into_the_store() {
    let world = world().in_volume();
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let package = site_packages(&synced.environment()).join("b");
    let target = fs_err::read_link(&package).unwrap();
    assert!(target.is_relative(), "{}", target.display());
    let digest = Wheel::new("b", "2.0").build().sha256;
    assert!(target.components().any(|part| part == Component::Normal(digest.as_ref())));
}

#[test]
fn equal_environments_of_two_projects_are_one() {
    let mut world = world().in_volume();
    let first = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    world.project = world.path("second-project");
    fs_err::create_dir(&world.project).unwrap();
    let second = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    assert_eq!(second.id(), first.id());
    assert_ne!(second.current(), first.current());
}

#[test]
fn bytecode_is_compiled_into_the_store() {
    let world = world().in_volume();
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let cached = evaluate(&synced.bin("python"), "import b; print(b.__cached__)");
    assert!(Path::new(cached.trim()).is_file(), "{cached}");
    let real = fs_err::canonicalize(cached.trim()).unwrap();
    assert!(real.starts_with(fs_err::canonicalize(world.root.join("store")).unwrap()));
}
