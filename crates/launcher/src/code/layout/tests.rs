//! Which files sources and destinations mean.

use super::*;
use crate::build_context::{Ignore, walk};

/// A context of these files (directories end with `/`, links have `->`).
fn context(names: &[&str]) -> (tempfile::TempDir, Vec<Entry>) {
    let directory = tempfile::tempdir().unwrap();
    for name in names {
        let (name, target) = name.split_once("->").map_or((*name, None), |(a, b)| (a, Some(b)));
        let path = directory.path().join(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        match target {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None if name.ends_with('/') => fs_err::create_dir_all(path).unwrap(),
            None => fs_err::write(path, name).unwrap(),
        }
    }
    let entries = walk(directory.path(), &Ignore::parse("*.log")).unwrap();
    (directory, entries)
}

fn place(path: &str, directory: bool) -> Place {
    Place { path: path.into(), directory, archives: false }
}

fn copy(sources: &[&str], place: Place) -> Step {
    let sources = sources.iter().map(|&one| one.to_owned()).collect();
    Step::Copied { sources, place, owner: None, mode: None, covers: false }
}

fn read(sources: &[&str], place: Option<Place>) -> Step {
    Step::Read { sources: sources.iter().map(|&one| one.to_owned()).collect(), place }
}

/// What is read, and what is copied where (`!` covers something); `None` where nothing is certain.
fn laid_out(names: &[&str], steps: &[Step]) -> Option<(Vec<String>, Vec<String>)> {
    let (directory, entries) = context(names);
    let layout = lay_out(steps, &entries, directory.path())?;
    let read = layout.read.iter().map(|at| entries[*at].name.clone()).collect();
    let copied = layout.copied.iter().map(|(place, copied)| {
        let mark = if copied.covers { "!" } else { "" };
        format!("{}->{place}{mark}", entries[copied.entry].name)
    });
    Some((read, copied.collect()))
}

#[track_caller]
fn check(names: &[&str], steps: &[Step], seen: &[&str], copied: &[&str]) {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    assert_eq!(laid_out(names, steps), Some((owned(seen), owned(copied))), "{steps:?}");
}

#[test]
fn of_directories_the_contents_are_copied() {
    let names = ["backend/a.py", "backend/sub/b.py", "other/c.py", "backend/x.log", "d.log"];
    let expected = [
        "backend->/app",
        "backend/a.py->/app/a.py",
        "backend/sub->/app/sub",
        "backend/sub/b.py->/app/sub/b.py",
    ];
    // The context's rules are those of its top: a log further down counts.
    let all: Vec<&str> = expected.iter().copied().chain(["backend/x.log->/app/x.log"]).collect();
    check(&names, &[copy(&["backend"], place("/app", false))], &[], &all);
    check(
        &["a.py", "b/c.py"],
        &[copy(&[""], place("/", true))],
        &[],
        &["a.py->/a.py", "b->/b", "b/c.py->/b/c.py"],
    );
}

#[test]
fn files_keep_their_names_in_directories() {
    let names = ["a.py", "b.py", "sub/c.py"];
    check(
        &names,
        &[copy(&["a.py", "sub/c.py"], place("/x", true))],
        &[],
        &["a.py->/x/a.py", "sub/c.py->/x/c.py"],
    );
    check(&names, &[copy(&["*.py"], place("/x", true))], &[], &["a.py->/x/a.py", "b.py->/x/b.py"]);
    check(&names, &[copy(&["a.py"], place("/x/main.py", false))], &[], &["a.py->/x/main.py"]);
    check(&names, &[copy(&["s*"], place("/x", true))], &[], &["sub->/x", "sub/c.py->/x/c.py"]);
}

#[test]
fn a_file_that_may_come_into_a_directory_is_read() {
    check(&["a.py"], &[copy(&["a.py"], place("/app", false))], &["a.py"], &[]);
    let unpacked = Place { archives: true, ..place("/app", true) };
    check(
        &["a.tar", "d/b.tar"],
        &[copy(&["a.tar", "d"], unpacked)],
        &["a.tar"],
        &["d->/app!", "d/b.tar->/app/b.tar!"],
    );
}

#[test]
fn what_an_archive_may_hold_lies_over_what_was_there_and_below_what_comes() {
    let unpacked = || Place { archives: true, ..place("/app", true) };
    let names = ["a.tar", "d/b.py"];
    let directory = || copy(&["d"], place("/app", false));
    check(
        &names,
        &[copy(&["a.tar"], unpacked()), directory()],
        &["a.tar"],
        &["d->/app!", "d/b.py->/app/b.py!"],
    );
    let before_a_run = [read(&["a.tar"], Some(unpacked())), directory()];
    check(&names, &before_a_run, &["a.tar"], &["d->/app!", "d/b.py->/app/b.py!"]);
    check(&names, &[directory(), copy(&["a.tar"], unpacked())], &["a.tar", "d", "d/b.py"], &[]);
}

#[test]
fn what_is_read_anywhere_is_not_only_copied() {
    let names = ["app/a.py", "app/req.txt"];
    let steps =
        [read(&["app/req.txt"], Some(place("/tmp", true))), copy(&["app"], place("/app", false))];
    check(&names, &steps, &["app/req.txt"], &["app->/app", "app/a.py->/app/a.py"]);
    let later = [copy(&["app"], place("/app", false)), read(&["app/a.py"], None)];
    check(&names, &later, &["app/a.py"], &["app->/app", "app/req.txt->/app/req.txt"]);
}

#[test]
fn the_last_copy_to_a_place_counts_and_what_it_covers_is_known() {
    let names = ["one/a.py", "two/a.py", "two/b.py"];
    let steps = [copy(&["one"], place("/x", false)), copy(&["two"], place("/x", false))];
    check(&names, &steps, &[], &["two->/x!", "two/a.py->/x/a.py!", "two/b.py->/x/b.py"]);
    let foreign = Step::Foreign { path: "/x/a.py".into() };
    let first = [foreign.clone(), copy(&["two"], place("/x", false))];
    check(&names, &first, &[], &["two->/x", "two/a.py->/x/a.py!", "two/b.py->/x/b.py"]);
    let then = [copy(&["two"], place("/x", false)), foreign];
    check(&names, &then, &["two/a.py"], &["two->/x", "two/b.py->/x/b.py"]);
    let read = [copy(&["two"], place("/x", false)), read(&["one/a.py"], Some(place("/x", true)))];
    check(&names, &read, &["one/a.py", "two/a.py"], &["two->/x", "two/b.py->/x/b.py"]);
}

#[test]
fn what_something_from_elsewhere_may_cover_is_read() {
    let names = ["a.py", "dist/b.py"];
    let foreign = || Step::Foreign { path: "/app".into() };
    let all = || copy(&[""], place("/app", false));
    check(&names, &[all(), foreign()], &["a.py", "dist", "dist/b.py"], &[]);
    let elsewhere = [all(), copy(&["dist"], place("/srv", false)), foreign()];
    check(&names, &elsewhere, &["a.py", "dist", "dist/b.py"], &[]);
}

#[test]
fn a_step_whose_place_may_be_filled_covers_it() {
    let Step::Copied { sources, place, owner, mode, .. } = copy(&["a.py"], place("/x", true))
    else {
        unreachable!()
    };
    let over = Step::Copied { sources, place, owner, mode, covers: true };
    check(&["a.py"], &[over], &[], &["a.py->/x/a.py!"]);
}

#[test]
fn what_has_no_name_in_text_is_read() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"a\xe9.txt");
    fs_err::write(directory.path().join(name), "").unwrap();
    std::os::unix::fs::symlink(name, directory.path().join("link")).unwrap();
    fs_err::write(directory.path().join("a.py"), "").unwrap();
    let entries = walk(directory.path(), &Ignore::parse("")).unwrap();
    let steps = [copy(&[""], place("/app", false))];
    let layout = lay_out(&steps, &entries, directory.path()).unwrap();
    assert_eq!(layout.copied.keys().collect::<Vec<_>>(), ["/app/a.py"]);
    let read: Vec<_> =
        layout.read.iter().map(|at| entries[*at].path.file_name().unwrap()).collect();
    assert_eq!(read, [name, std::ffi::OsStr::new("link")]);
    // What nothing takes counts for nothing.
    let taken = [copy(&["a.py"], place("/app", true))];
    assert!(lay_out(&taken, &entries, directory.path()).unwrap().read.is_empty());
}

#[test]
fn links_are_copied_in_directories_and_not_certain_as_sources() {
    check(&["d/l->a"], &[copy(&["d"], place("/x", false))], &[], &["d->/x", "d/l->/x/l"]);
    for source in ["l", "l*", "up/a.py"] {
        let steps = [copy(&[source], place("/x", true))];
        assert_eq!(laid_out(&["a.py", "l->a.py", "up->.", "d/"], &steps), None, "{source}");
    }
}

#[test]
fn what_is_not_there_is_nothing_and_two_stars_are_not_certain() {
    check(&["a.py"], &[copy(&["gone.txt", "no/*.py"], place("/x", true))], &[], &[]);
    assert_eq!(laid_out(&["a.py"], &[copy(&["**/a.py"], place("/x", true))]), None);
}
