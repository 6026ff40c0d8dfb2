//! Nothing has changed: the answer comes from `state.json` alone.

use crate::support::stock::stocked;
use crate::support::synced::snapshot;
use crate::support::world::World;

#[test]
fn noop_writes_nothing_into_root_and_project() {
    let Some(world) = stocked() else { return };
    world.require(&["a"]).sync(&[]);
    let root = |folder: &str| snapshot(&world.root.join(folder));
    let everything = || (["store", "envs", "projects", "tmp"].map(root), snapshot(&world.project));
    let before = everything();
    world.sync(&[]);
    assert_eq!(everything(), before);
}

#[test]
fn touched_file_with_the_same_text_is_nothing_new() {
    let Some(world) = stocked() else { return };
    let first = world.require(&["a"]).sync(&[]);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let second = world.require(&["a"]).sync(&[]);
    assert!(!second.changed());
    assert_eq!(second.id(), first.id());
}

#[test]
fn change_of_the_same_length_at_once_is_noticed() {
    let Some(world) = stocked() else { return };
    world.require(&["a==1.0"]).sync(&[]);
    let second = world.require(&["a==2.0"]).sync(&[]);
    assert!(second.changed());
    assert!(second.packages().contains(&"a==2.0".to_owned()));
}

#[test]
fn change_in_a_nested_file_is_noticed() {
    let Some(world) = stocked() else { return };
    world.write("sub/more.txt", "b==1.0\n");
    world.require(&["-r sub/more.txt"]).sync(&[]);
    world.write("sub/more.txt", "b==2.0\n");
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}

/// A file whose time is the one that image layers and reproducible checkouts give to all.
fn write_normalised(world: &World, name: &str, text: &str) {
    let path = world.write(name, text);
    let file = fs_err::File::options().write(true).open(path).unwrap();
    file.file().set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).unwrap();
}

/// Puts a link in the place of another.
fn link(world: &World, target: &str, name: &str) {
    let path = world.project.join(name);
    let _ = fs_err::remove_file(&path);
    std::os::unix::fs::symlink(target, path).unwrap();
}

#[test]
fn other_content_of_the_same_size_and_time_is_noticed() {
    let Some(world) = stocked() else { return };
    write_normalised(&world, "requirements.txt", "b==1.0\n");
    assert_eq!(world.sync(&[]).packages(), ["b==1.0"]);
    std::thread::sleep(std::time::Duration::from_millis(150));
    assert!(!world.sync(&[]).changed());
    write_normalised(&world, "requirements.txt", "b==2.0\n");
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}

#[test]
fn requirements_that_are_a_link_are_followed_to_where_it_leads_now() {
    let Some(world) = stocked() else { return };
    write_normalised(&world, "one.txt", "b==1.0\n");
    write_normalised(&world, "two.txt", "b==2.0\n");
    link(&world, "one.txt", "requirements.txt");
    assert_eq!(world.sync(&[]).packages(), ["b==1.0"]);
    link(&world, "two.txt", "requirements.txt");
    assert_eq!(world.sync(&[]).packages(), ["b==2.0"]);
}

#[test]
fn a_directory_above_the_requirements_that_leads_elsewhere_is_noticed() {
    let Some(world) = stocked() else { return };
    for (release, version) in [("release-1", "1.0"), ("release-2", "2.0")] {
        write_normalised(&world, &format!("{release}/more.txt"), &format!("b=={version}\n"));
        write_normalised(&world, &format!("{release}/requirements.txt"), "-r more.txt\n");
    }
    link(&world, "release-1", "current");
    let sync = || world.synced(world.pyfast(&["sync", "--json", "-r", "current/requirements.txt"]));
    assert_eq!(sync().packages(), ["b==1.0"]);
    link(&world, "release-2", "current");
    assert_eq!(sync().packages(), ["b==2.0"]);
}

#[test]
fn lost_current_link_is_made_again() {
    let Some(world) = stocked() else { return };
    let first = world.require(&["a"]).sync(&[]);
    fs_err::remove_file(first.current()).unwrap();
    let second = world.sync(&[]);
    assert_eq!(second.id(), first.id());
    assert!(second.bin("python").exists());
}

#[test]
fn lost_generation_is_composed_again() {
    let Some(world) = stocked() else { return };
    let first = world.require(&["a"]).sync(&[]);
    fs_err::remove_dir_all(first.environment()).unwrap();
    let second = world.sync(&[]);
    assert_eq!(second.id(), first.id());
    assert_eq!(second.installed(), ["a==2.0", "b==2.0"]);
}

#[test]
fn damaged_state_file_is_not_an_obstacle() {
    let Some(world) = stocked() else { return };
    let first = world.require(&["a"]).sync(&[]);
    let state = first.current().with_file_name("state.json");
    for text in ["", "{", "[1,2]", "null"] {
        fs_err::write(&state, text).unwrap();
        assert_eq!(world.sync(&[]).id(), first.id(), "with state {text:?}");
    }
}
