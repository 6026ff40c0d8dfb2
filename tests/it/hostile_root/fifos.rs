//! FIFOs and devices where files are expected: to open one may wait for ever, to read one never ends.

use super::plant::{Kind, plant};
use super::{Planted, READERS, WRITERS};

#[track_caller]
fn check(pattern: &str) {
    for kind in [Kind::Fifo, Kind::Device, Kind::Socket] {
        // With something to do, and with a generation that is there already and only has to be looked at.
        for change in [true, false] {
            check_kind(pattern, &kind, change);
        }
    }
}

#[track_caller]
fn check_kind(pattern: &str, kind: &Kind, change: bool) {
    let planted = Planted::new();
    for args in READERS.iter().chain(WRITERS) {
        if change {
            planted.change();
        } else {
            planted.forget_state();
        }
        plant(&planted.world.root, planted.place(pattern).as_ref(), kind);
        planted.check(pattern, &[args]);
    }
}

#[test]
fn special_file_as_layout_is_told_at_once() {
    check("layout");
}

#[test]
fn special_file_in_tmp_is_told_at_once() {
    check("tmp/x");
    check("tmp/1-0-0123456789abcdef");
}

#[test]
fn special_file_as_the_lock_of_the_store_is_told_at_once() {
    check("locks/store");
}

#[test]
fn special_file_as_the_lock_of_a_project_is_told_at_once() {
    check("locks/project-p--default");
}

#[test]
fn special_file_as_the_lock_of_a_generation_is_told_at_once() {
    check("locks/env-<id>");
    check("locks/wheels-<aa>");
}

#[test]
fn special_file_as_history_is_told_at_once() {
    check("projects/p/default/history.jsonl");
}

#[test]
fn special_file_as_state_is_told_at_once() {
    check("projects/p/default/state.json");
}

#[test]
fn special_file_as_memory_of_earlier_generations_is_told_at_once() {
    check("projects/p/default/looks.json");
}

#[test]
fn special_file_as_a_lock_file_of_a_project_is_told_at_once() {
    check("projects/p/default/pylock.toml");
}

#[test]
fn special_file_as_a_lock_file_of_a_generation_is_told_at_once() {
    check("envs/v1/<id>/pylock.toml");
}

#[test]
fn special_file_as_a_description_of_a_generation_is_told_at_once() {
    check("envs/v1/<id>/env.json");
}

#[test]
fn special_file_as_a_manifest_is_told_at_once() {
    check("<wheel>/manifest");
}

#[test]
fn special_file_as_current_is_told_at_once() {
    check("projects/p/default/current");
}
