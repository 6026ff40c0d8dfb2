//! The lock's part in a sync: made, kept, trusted, refused.

use std::path::Path;

use crate::support::ran::{EITHER, MENDABLE};
use crate::support::stock::stocked;
use crate::support::synced::snapshot;
use crate::support::wheel::Wheel;

#[test]
fn sync_writes_the_lock_that_it_names() {
    let Some(world) = stocked() else { return };
    let synced = world.require(&["a"]).sync(&[]);
    let path = world.place.here(Path::new(synced.json["lock"].as_str().unwrap()));
    let lock: toml::Table = fs_err::read_to_string(path).unwrap().parse().unwrap();
    assert_eq!(lock["lock-version"].as_str(), Some("1.0"));
    assert_eq!(lock["packages"].as_array().map(Vec::len), Some(2));
}

#[test]
fn sync_keeps_to_the_lock_when_newer_versions_appear() {
    let Some(mut world) = stocked() else { return };
    world.require(&["a"]).lock(&[]).ok();
    world.index.add(&Wheel::new("b", "3.0"));
    assert_eq!(world.sync(&[]).packages().last().unwrap(), "b==2.0");
    world.move_on();
    assert_eq!(world.sync(&[]).packages().last().unwrap(), "b==2.0");
    assert_eq!(world.sync(&["--upgrade"]).packages().last().unwrap(), "b==3.0");
}

#[test]
fn nothing_is_installed_beside_a_lock() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).lock(&[]).ok();
    let refused = |args: &[&str]| {
        let args = [&["sync"][..], args].concat();
        world.pyfast(&args).refused(EITHER, &["pylock.toml", "nothing can be named besides"]);
    };
    refused(&["-r", "pylock.toml", "-r", "requirements.txt"]);
    refused(&["-r", "pylock.toml", "--extra", "x"]);
    let requirements = "requirements = [\"requirements.txt\", \"pylock.toml\"]\n";
    world.write("pyfast.toml", &format!("[env.default]\n{requirements}"));
    refused(&[]);
}

#[test]
fn locked_accepts_a_lock_that_fits() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).lock(&[]).ok();
    let synced = world.sync(&["--locked"]);
    assert_eq!(synced.installed(), ["a==2.0", "b==2.0"]);
}

#[test]
fn locked_refuses_a_lock_that_is_out_of_date() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).lock(&[]).ok();
    let lock = world.read("pylock.toml");
    world.require(&["a<2"]).try_sync(&["--locked"]).refused_with_hint(MENDABLE, &["lock"]);
    assert_eq!(world.read("pylock.toml"), lock);
    let activated = snapshot(&world.root.join("projects"));
    assert!(!activated.keys().any(|path| path.ends_with("current")), "nothing is activated");
}

#[test]
fn lock_of_an_earlier_pyfast_is_kept_to_and_made_anew() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).lock(&[]).ok();
    let lock = world.read("pylock.toml");
    let at = lock.find("inputs = ").unwrap();
    let earlier = format!("{}inputs = \"sha256:{}\"\n", &lock[..at], "0".repeat(64));
    world.write("pylock.toml", &earlier);
    world.index.add(&Wheel::new("b", "3.0"));
    let locked = world.try_sync(&["--locked"]);
    locked.refused_with_hint(MENDABLE, &["another version of pyfast"]);
    assert_eq!(world.read("pylock.toml"), earlier);
    assert_eq!(world.sync(&[]).packages(), ["a==2.0", "b==2.0"], "its versions are kept");
    assert_eq!(world.read("pylock.toml"), lock, "it says what it answers in today's words");
}

#[test]
fn locked_refuses_a_lock_that_is_not_there() {
    let Some(world) = stocked() else { return };
    let refused = world.require(&["a"]).try_sync(&["--locked"]);
    // The file that is to be committed, and not the one in the root.
    let own = world.project.join("pylock.toml").display().to_string();
    refused.refused_with_hint(EITHER, &[&own, "is missing"]);
}

#[test]
fn frozen_uses_the_lock_as_it_is() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).lock(&[]).ok();
    let lock = world.read("pylock.toml");
    world.index.forget();
    let synced = world.require(&["a<2"]).sync(&["--frozen"]);
    assert_eq!(synced.installed(), ["a==2.0", "b==2.0"]);
    assert_eq!(world.read("pylock.toml"), lock);
    assert_eq!(world.index.asked("/").len(), 0, "no index page is asked for");
}

#[test]
fn frozen_without_a_lock_is_refused() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).try_sync(&["--frozen"]).refused_with_hint(EITHER, &["lock"]);
}

#[test]
fn lock_that_is_not_one_is_refused() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]);
    world.write("pylock.toml", "lock-version = \"9.0\"\npackages = []\n");
    world.try_sync(&["--frozen"]).refused_with_hint(EITHER, &["pylock.toml"]);
    world.write("pylock.toml", "this is { not TOML");
    world.try_sync(&["--frozen"]).refused_with_hint(EITHER, &["pylock.toml"]);
}

#[test]
fn lock_of_another_tool_can_be_installed() {
    let Some(world) = stocked() else { return };
    let wheel = Wheel::new("b", "1.0").build();
    let url = world.index.file_url(&wheel.filename);
    let lock = format!(
        "lock-version = \"1.0\"\ncreated-by = \"another\"\n[[packages]]\nname = \"b\"\n\
         version = \"1.0\"\nwheels = [{{ name = \"{}\", url = \"{url}\", hashes = {{ sha256 = \"{}\" }} }}]\n",
        wheel.filename, wheel.sha256
    );
    world.write("pylock.toml", &lock);
    let synced = world.require(&["b"]).sync(&["--frozen"]);
    assert_eq!(synced.installed(), ["b==1.0"]);
}

#[test]
fn pyfast_toml_says_which_requirements_an_environment_has() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]);
    world.write("web/reqs.txt", "b==1.0\n");
    world.write("pyfast.toml", "[env.web]\nrequirements = [\"web/reqs.txt\"]\n");
    let synced = world.synced(world.pyfast(&["sync", "--json", "--env", "web"]));
    assert_eq!(synced.packages(), ["b==1.0"]);
}
