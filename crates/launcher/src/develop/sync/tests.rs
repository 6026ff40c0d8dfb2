//! What of a sync goes into a container, and what one that is refused keeps out.

use super::*;
use crate::engine::{Recorded, Run};

fn engine(removes: bool) -> (Recorded, Container) {
    let facts = Container { id: "c1".into(), status: Status::Running, ..Container::default() };
    let answers_after = removes.then_some(Duration::ZERO);
    let runs = vec![Run { answers_after, ..Run::default() }];
    (Recorded::new().with_container(facts.clone(), runs), facts)
}

/// What is done to sync these files and remove these places, without times, and what is refused.
async fn synced(
    (engine, container): &(Recorded, Container),
    put: &[Mapped],
    gone: &Gone,
) -> (Vec<String>, Refused) {
    let at = SystemTime::UNIX_EPOCH;
    let syncing = Syncing { container, put, gone, remover: false, at };
    let refused = sync(engine, &syncing).await.unwrap();
    let timeline = engine.timeline().into_iter();
    let acts = timeline.map(|act| act.trim_start_matches([' ', '0']).trim_start().to_owned());
    (acts.collect(), refused)
}

fn places(places: &[&str]) -> BTreeSet<String> {
    places.iter().map(|&place| place.to_owned()).collect()
}

/// A file of this name with this text, and its place.
fn file(directory: &tempfile::TempDir, name: &str) -> Mapped {
    let path = directory.path().join(name);
    fs_err::write(&path, name).unwrap();
    Mapped { path, place: format!("/srv/{name}") }
}

#[tokio::test(start_paused = true)]
async fn a_file_takes_the_place_of_no_directory_and_removes_none() {
    let directory = tempfile::tempdir().unwrap();
    let (world, container) = engine(true);
    let world = (world.with_directory("c1", "/srv/thing"), container);
    let put = [file(&directory, "thing"), file(&directory, "other")];
    let (acts, refused) = synced(&world, &put, &Gone::default()).await;
    assert_eq!(acts, ["put srv/other other in c1"]);
    assert_eq!(refused.places, places(&["/srv/thing"]));
    let said = refused.error(&world.1).unwrap().to_string();
    assert!(said.contains("`/srv/thing` is a directory there, and a file here"), "{said}");

    let (world, container) = engine(true);
    let world = (world.with_directory("c1", "/srv/thing"), container);
    let gone = Gone { files: places(&["/srv/thing"]), ..Gone::default() };
    let (acts, refused) = synced(&world, &[], &gone).await;
    assert_eq!(acts, [""; 0]);
    assert_eq!(refused.places, gone.files);
}

#[tokio::test(start_paused = true)]
async fn files_come_although_others_cannot_be_removed() {
    let directory = tempfile::tempdir().unwrap();
    let gone =
        Gone { files: places(&["/srv/a", "/srv/old/b"]), directories: places(&["/srv/old"]) };
    let put = [file(&directory, "new")];
    let expected = [
        "put srv/new new in c1",
        "exec rm -f -- /srv/a /srv/old/b as 0:0 in c1",
        "exec rmdir -- /srv/old as 0:0 in c1",
    ];
    let (acts, refused) = synced(&engine(true), &put, &gone).await;
    assert_eq!((acts, refused.places.len()), (expected.map(str::to_owned).to_vec(), 0));
    let world = engine(false);
    let (acts, refused) = synced(&world, &put, &gone).await;
    assert_eq!(acts, expected);
    assert_eq!(refused.places, places(&["/srv/a", "/srv/old", "/srv/old/b"]));
    let said = refused.error(&world.1).unwrap().to_string();
    assert!(said.contains("removing files ended with 1"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_was_a_directory_makes_place_for_a_file_first() {
    let directory = tempfile::tempdir().unwrap();
    let (world, container) = engine(true);
    let world = (world.with_directory("c1", "/srv/thing"), container);
    let gone = Gone { files: places(&["/srv/thing/a"]), directories: places(&["/srv/thing"]) };
    let (acts, refused) = synced(&world, &[file(&directory, "thing")], &gone).await;
    let expected = [
        "exec rm -f -- /srv/thing/a as 0:0 in c1",
        "exec rmdir -- /srv/thing as 0:0 in c1",
        "put srv/thing thing in c1",
    ];
    assert_eq!((acts, refused), (expected.map(str::to_owned).to_vec(), Refused::default()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_removed_in_a_container_that_does_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let (world, container) = engine(true);
    let world = (world, Container { status: Status::Exited, ..container });
    let gone = Gone { files: places(&["/srv/a"]), ..Gone::default() };
    let (acts, refused) = synced(&world, &[file(&directory, "new")], &gone).await;
    assert_eq!(acts, ["put srv/new new in c1"]);
    assert_eq!((&refused.places, refused.error(&world.1).is_none()), (&gone.files, true));
}
