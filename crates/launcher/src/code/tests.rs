//! What differs between two states of an image's code.

use super::*;

fn item(kind: ItemKind) -> Item {
    Item { source: "s".into(), kind, owner: None, mode: None, covers: false }
}

fn file(content: u8) -> Item {
    item(ItemKind::File { sha256: [content; 32], executable: false })
}

fn code(items: &[(&str, Item)]) -> Code {
    Code { items: items.iter().map(|(place, item)| ((*place).to_owned(), item.clone())).collect() }
}

fn places(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

#[test]
fn new_changed_and_gone_files_are_told_apart() {
    let was = code(&[("/a/x", file(1)), ("/a/y", file(1)), ("/a/z", file(1))]);
    let now = code(&[("/a/n", file(1)), ("/a/x", file(1)), ("/a/y", file(2))]);
    let changes = was.changes(&now);
    assert_eq!(places(&changes.put), ["/a/n", "/a/y"]);
    assert_eq!(places(&changes.remove), ["/a/z"]);
    assert_eq!((changes.count(), changes.is_empty()), (3, false));
    assert!(was.changes(&was).is_empty());
}

#[test]
fn modes_owners_and_kinds_are_changes_and_where_a_file_came_from_is_none() {
    let was = code(&[("/a", file(1))]);
    for other in [
        item(ItemKind::File { sha256: [1; 32], executable: true }),
        Item { owner: Some("1".into()), ..file(1) },
        Item { mode: Some(0o600), ..file(1) },
        item(ItemKind::Link { target: "x".into() }),
    ] {
        let now = code(&[("/a", other)]);
        assert_eq!(places(&was.changes(&now).put), ["/a"], "{now:?}");
        assert_ne!(was.digest(), now.digest());
    }
    let moved = code(&[("/a", Item { source: "t".into(), ..file(1) })]);
    assert!(was.changes(&moved).is_empty());
    assert_eq!(was.digest(), moved.digest());
}

#[test]
fn a_directory_goes_with_what_is_known_in_it_and_makes_room_for_a_file() {
    let was = code(&[("/a", item(ItemKind::Directory)), ("/a/b", file(1)), ("/ab", file(1))]);
    let gone = was.changes(&Code::default());
    assert_eq!(places(&gone.remove), ["/a", "/a/b", "/ab"]);
    let changes = was.changes(&code(&[("/a", file(1)), ("/ab", file(1))]));
    assert_eq!((places(&changes.remove), places(&changes.put)), (vec!["/a", "/a/b"], vec!["/a"]));
}

#[test]
fn what_may_show_what_lies_below_it_is_told() {
    let was =
        code(&[("/a", Item { covers: true, ..file(1) }), ("/etc/b", file(1)), ("/c", file(1))]);
    assert_eq!(places(&was.changes(&Code::default()).uncovered), ["/a", "/etc/b"]);
}

#[test]
fn what_mounts_hide_is_left_and_nothing_is_removed_around_them() {
    let changes = || {
        let was = code(&[("/app/gone", item(ItemKind::Directory)), ("/app/data/x", file(1))]);
        was.changes(&code(&[("/app/new", file(1)), ("/app/data/y", file(1))]))
    };
    let mounts = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>();
    let beside = changes().beside(&mounts(&["/app/data", "/pyfast"])).unwrap();
    assert_eq!(
        (places(&beside.put), places(&beside.remove)),
        (vec!["/app/new"], vec!["/app/gone"])
    );
    assert_eq!(changes().beside(&mounts(&["/app/gone/deep"])), None);
}
