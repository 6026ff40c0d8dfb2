//! Links where a root has its files: what they lead to is neither read nor written.

use super::plant::{Kind, plant};
use super::{Args, Planted, READERS, WRITERS};

const SYNC: Args = &["sync", "-r", "requirements.txt"];

/// Replaces the file by a link before each command.
#[track_caller]
fn check(pattern: &str, target: &str) {
    let planted = Planted::new();
    let kind = Kind::Link(planted.decoy.path(target));
    for args in READERS.iter().chain(WRITERS) {
        planted.change();
        plant(&planted.world.root, planted.place(pattern).as_ref(), &kind);
        planted.check(pattern, &[args]);
    }
}

#[test]
fn layout_that_is_a_link_is_not_told() {
    let planted = Planted::new();
    plant(&planted.world.root, "layout".as_ref(), &Kind::Link(planted.decoy.path("shadow")));
    for args in READERS.iter().chain(WRITERS) {
        planted.run(args).names(&["layout"]);
    }
    assert_ne!(planted.run(SYNC).code(), Some(0), "a root says itself what it is");
}

#[test]
fn history_that_is_a_link_is_not_appended_to() {
    check("projects/p/default/history.jsonl", ".bashrc");
    check("projects/p/default/history.jsonl", "shadow");
}

#[test]
fn history_that_is_a_dangling_link_makes_no_file() {
    check("projects/p/default/history.jsonl", "shared/new");
}

#[test]
fn state_that_is_a_link_is_not_believed() {
    check("projects/p/default/state.json", "shadow");
}

#[test]
fn lock_of_a_project_that_is_a_link_is_not_copied() {
    check("projects/p/default/pylock.toml", "shadow");
}

#[test]
fn lock_of_a_generation_that_is_a_link_is_not_copied() {
    let planted = Planted::new();
    let state = planted.at("projects/p/default/state.json");
    plant(
        &planted.world.root,
        planted.place("envs/v1/<id>/pylock.toml").as_ref(),
        &Kind::Link(planted.decoy.path("shadow")),
    );
    for args in [SYNC, &["rollback"], &["rollback"], SYNC] {
        let _ = fs_err::remove_file(&state);
        planted.run(args);
    }
}

#[test]
fn description_of_a_generation_that_is_a_link_is_not_told() {
    check("envs/v1/<id>/env.json", "shadow");
}

#[test]
fn configuration_of_a_generation_that_is_a_link_is_not_written() {
    check("envs/v1/<id>/pyvenv.cfg", ".bashrc");
}

#[test]
fn manifest_that_is_a_link_is_not_told() {
    check("<wheel>/manifest", "shadow");
}

#[test]
fn marks_of_a_wheel_that_are_links_make_no_file() {
    check("<wheel>/settled", "shared/new");
    check("<wheel>/settled", ".bashrc");
    check("<wheel>/compiled-2-cpython-311", "shared/new");
}

#[test]
fn current_that_leads_outside_is_not_followed() {
    check("projects/p/default/current", "looks");
    check("projects/p/default/current", "private");
}

#[test]
fn file_of_a_wheel_that_is_a_link_is_not_copied_into_an_environment() {
    let planted = Planted::new();
    let kind = Kind::Link(planted.decoy.path("shadow"));
    plant(&planted.world.root, planted.place("<wheel>/root/a/__init__.py").as_ref(), &kind);
    for mode in ["auto", "tree", "hardlink", "copy"] {
        let args = ["sync", "-r", "requirements.txt", "--reinstall", "--link-mode", mode];
        planted.run(&args);
    }
}
