//! Links where a root has its directories: they lead to the decoy, and nothing there changes.

use super::decoy::set_mode;
use super::plant::{Kind, plant, put};
use super::{Args, Planted, WRITERS};

/// Replaces the place by a link to this part of the decoy, and runs the commands.
#[track_caller]
fn check(pattern: &str, target: &str, commands: &[Args]) {
    let planted = Planted::new();
    let kind = Kind::Link(planted.decoy.path(target));
    for args in commands {
        planted.forget_state();
        plant(&planted.world.root, planted.place(pattern).as_ref(), &kind);
        planted.check(pattern, &[args]);
    }
}

#[test]
fn link_as_tmp_leads_nowhere() {
    check("tmp", "private", WRITERS);
    check("tmp", "", &[&["sync", "-r", "requirements.txt", "--frozen"], &["verify"], &["gc"]]);
}

#[test]
fn link_below_tmp_leads_nowhere() {
    let planted = Planted::new();
    for (name, target) in
        [("x", "private"), ("1-0-0123456789abcdef", "private"), ("y", "shadow"), ("z", ".ssh")]
    {
        put(&planted.at("tmp").join(name), &Kind::Link(planted.decoy.path(target)));
    }
    for args in WRITERS {
        planted.run(args).ok();
    }
}

#[test]
fn link_as_the_store_leads_nowhere() {
    check("store", "looks", WRITERS);
    check("store/v1", "looks", WRITERS);
}

#[test]
fn link_as_the_directory_of_wheels_leads_nowhere() {
    check("store/v1/wheels", "shared", WRITERS);
}

#[test]
fn link_as_the_directory_of_some_wheels_leads_nowhere() {
    let planted = Planted::new();
    plant(
        &planted.world.root,
        planted.place("store/v1/wheels/<aa>").as_ref(),
        &Kind::Link(planted.decoy.path("shared")),
    );
    // The wheel is missing, as far as the program may see: it is fetched again, or that is refused.
    planted.check(
        "store/v1/wheels/<aa>",
        &[
            &["sync", "-r", "requirements.txt", "--reinstall", "--compile"],
            &["verify", "--all", "--repair"],
            &["gc", "--keep", "0", "--recent", "0"],
        ],
    );
}

#[test]
fn link_as_a_wheel_leads_nowhere() {
    check("<wheel>", "private", WRITERS);
    check("<wheel>/root", "private", WRITERS);
    check("<wheel>/data", "private", WRITERS);
}

#[test]
fn link_as_a_package_is_not_compiled_through() {
    let planted = Planted::new();
    fs_err::remove_file(uncompiled(&planted)).unwrap();
    let kind = Kind::Link(planted.decoy.path("private"));
    plant(&planted.world.root, planted.place("<wheel>/root/a").as_ref(), &kind);
    planted.check("<wheel>", &[COMPILE, &["verify", "--all", "--repair"], COMPILE]);
}

#[test]
fn link_as_a_cache_of_bytecode_is_not_compiled_through() {
    let planted = Planted::new();
    fs_err::remove_file(uncompiled(&planted)).unwrap();
    let kind = Kind::Link(planted.decoy.path("private"));
    plant(&planted.world.root, planted.place("<wheel>/root/a/__pycache__").as_ref(), &kind);
    planted.check("<wheel>", &[COMPILE, &["verify", "--all", "--repair"], COMPILE]);
}

const COMPILE: Args = &["sync", "-r", "requirements.txt", "--compile", "--reinstall"];

/// The file that says that the wheel's modules have been compiled.
fn uncompiled(planted: &Planted) -> std::path::PathBuf {
    let entries = fs_err::read_dir(planted.at("<wheel>")).unwrap().flatten();
    let mut marks =
        entries.filter(|one| one.file_name().as_encoded_bytes().starts_with(b"compiled-"));
    marks.next().expect("the wheel was compiled").path()
}

#[test]
fn link_as_the_directory_of_projects_leads_nowhere() {
    check("projects", "looks", WRITERS);
}

#[test]
fn link_as_a_project_leads_nowhere() {
    check("projects/p", "looks", WRITERS);
}

#[test]
fn link_as_a_projects_environment_leads_nowhere() {
    check("projects/p/default", "looks", WRITERS);
}

#[test]
fn link_as_the_directory_of_locks_leads_nowhere() {
    check("locks", "shared", WRITERS);
}

#[test]
fn dangling_link_as_a_lock_makes_no_file() {
    let planted = Planted::new();
    let names: Vec<_> = fs_err::read_dir(planted.at("locks"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .chain(["store".into(), "project-p--default".into()])
        .collect();
    for (number, name) in names.iter().enumerate() {
        let target = planted.decoy.path(&format!("shared/new-{number}"));
        put(&planted.at("locks").join(name), &Kind::Link(target));
    }
    planted.check("locks", WRITERS);
}

#[test]
fn link_as_the_directory_of_generations_leads_nowhere() {
    check("envs", "looks", WRITERS);
    check("envs/v1", "looks", WRITERS);
}

#[test]
fn link_as_a_generation_leads_nowhere() {
    check("envs/v1/<id>", "looks", WRITERS);
    check("envs/v1/<old>", "private", WRITERS);
}

#[test]
fn link_as_bin_leads_nowhere() {
    check("bin", "private", WRITERS);
    check("bin/pyfast", "shadow", WRITERS);
}

#[test]
fn link_as_the_directory_of_built_wheels_leads_nowhere() {
    check("store/v1/built", "private", WRITERS);
}

#[test]
fn link_as_a_cache_of_the_root_loses_nothing() {
    let planted = Planted::new();
    let commands: &[Args] =
        &[&["gc", "--max-size", "0"], &["cache", "clean"], &["sync", "-r", "other.txt"]];
    for (pattern, target) in [("cache", "private"), ("cache/v1", "private"), ("cache/v1/x", "")] {
        plant(&planted.world.root, pattern.as_ref(), &Kind::Link(planted.decoy.path(target)));
        planted.check(pattern, commands);
    }
}

#[test]
fn link_as_the_users_cache_that_a_clean_removes_loses_nothing() {
    let planted = Planted::new();
    let home = planted.world.path("home");
    let cache = home.join(".cache/pyfast");
    fs_err::create_dir_all(&cache).unwrap();
    put(&cache.join("v1"), &Kind::Link(planted.decoy.path("private")));
    put(&cache.join("x"), &Kind::Link(planted.decoy.path("shared")));
    for args in [&["gc", "--max-size", "0"], &["cache", "clean"][..]] {
        planted.run(args);
    }
}

#[test]
fn directory_of_the_root_that_is_shut_opens_nothing_outside() {
    let planted = Planted::new();
    let shut = planted.at("tmp/1-0-0123456789abcdef");
    fs_err::create_dir(&shut).unwrap();
    put(&shut.join("x"), &Kind::Link(planted.decoy.path("private")));
    put(&shut.join("y"), &Kind::Link(planted.decoy.path("shadow")));
    set_mode(&shut, 0o500);
    for args in WRITERS {
        planted.run(args).ok();
    }
}
