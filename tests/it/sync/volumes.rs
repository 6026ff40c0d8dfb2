//! Environments of volumes, which nobody writes to: links to whole directories.

use std::path::{Component, Path};

use crate::place;
use crate::support::stock::{check, stock};
use crate::support::wheel::Wheel;
use crate::support::world::World;

#[test]
fn package_of_one_wheel_is_one_relative_link_into_the_store() {
    let Some(world) = place::volume().map(stock) else { return };
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let package = synced.site_packages().join("b");
    let target = fs_err::read_link(&package).unwrap();
    assert!(target.is_relative(), "{}", target.display());
    let digest = Wheel::new("b", "2.0").build().sha256;
    assert!(target.components().any(|part| part == Component::Normal(digest.as_ref())));
}

#[test]
fn equal_environments_of_two_projects_are_one() {
    let Some(mut world) = place::volume().map(stock) else { return };
    let first = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    world.project = world.path("second-project");
    fs_err::create_dir(&world.project).unwrap();
    let second = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    assert_eq!(second.id(), first.id());
    assert_ne!(second.current(), first.current());
}

#[test]
fn bytecode_is_compiled_into_the_store() {
    let Some(world) = place::volume().map(stock) else { return };
    let synced = check(&world, &["a"], &["a==2.0", "b==2.0"]);
    let cached = synced.evaluate("import b; print(b.__cached__)");
    let cached = world.place.here(Path::new(cached.trim()));
    assert!(cached.is_file(), "{}", cached.display());
    let real = fs_err::canonicalize(cached).unwrap();
    assert!(real.starts_with(fs_err::canonicalize(world.root.join("store")).unwrap()));
}

/// The files below a directory as Python's own walks see them, which follow no link.
const WALK: &str = "import os, pathlib, NAME as package; top = package.__path__[0]; \
    walked = sorted(os.path.relpath(os.path.join(at, name), top) for at, _, names in os.walk(top) for name in names); \
    found = sorted(str(path.relative_to(top)) for path in pathlib.Path(top).rglob('*') if path.is_file()); \
    assert walked == found, (walked, found); print(' '.join(name for name in walked if '.pyc' not in name)); \
    inside = [name for name in walked if os.path.realpath(os.path.join(top, name)).startswith(os.path.realpath(top))]; \
    assert inside == walked, inside";

/// What two wheels provide is seen by every walk, and is within the directory for who resolves links.
pub(super) fn check_shared(world: &World) {
    let core = Wheel::empty("web-core", "1.0").file("web/__init__.py", "");
    world.index.add(&core.file("web/static/app.css", "a").file("web/core/deep/x.css", "x"));
    let theme = Wheel::empty("web-theme", "1.0").file("web/static/theme.css", "b");
    world.index.add(&theme.file("web/theme/deep/y.css", "y"));
    let synced = world.require(&["web-core", "web-theme"]).sync(&[]);
    let seen = synced.evaluate(&WALK.replace("NAME", "web"));
    let expected = "__init__.py core/deep/x.css static/app.css static/theme.css theme/deep/y.css\n";
    assert_eq!(seen, expected);
}

#[test]
fn what_several_wheels_provide_is_real_all_the_way_down() {
    let Some(world) = place::volume() else { return };
    check_shared(&world);
}

#[test]
fn packages_that_the_configuration_names_are_real() {
    let Some(world) = place::volume().map(stock) else { return };
    world.write("pyfast.toml", "[link]\nreal = [\"b\"]\n");
    let synced = world.require(&["a"]).sync(&[]);
    let site = synced.site_packages();
    assert!(fs_err::symlink_metadata(site.join("a")).unwrap().is_symlink());
    assert!(fs_err::symlink_metadata(site.join("b")).unwrap().is_dir());
}
