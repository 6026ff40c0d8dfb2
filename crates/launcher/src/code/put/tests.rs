//! In which order a container gets code, and what it has when that ends early.

use std::time::Duration;

use super::*;
use crate::engine::{Recorded, Run, Status};

/// A container whose commands succeed or not.
fn engine(removes: bool) -> (Recorded, Container) {
    let answers_after = removes.then_some(Duration::ZERO);
    let facts = Container { id: "c1".into(), status: Status::Running, ..Container::default() };
    let runs = vec![Run { answers_after, ..Run::default() }];
    (Recorded::new().with_container(facts.clone(), runs), facts)
}

/// What was done to the container, without times.
fn acts(engine: &Recorded) -> Vec<String> {
    let timeline = engine.timeline().into_iter();
    timeline.map(|act| act.trim_start_matches([' ', '0']).trim_start().to_owned()).collect()
}

fn code(context: &Path) -> Code {
    fs_err::write(context.join("main.py"), "print(1)\n").unwrap();
    let kind = ItemKind::File { sha256: Sha256::digest("print(1)\n").into(), executable: false };
    let item = Item { source: "main.py".into(), kind, owner: None, mode: None, covers: false };
    Code { items: [("/app/main.py".to_owned(), item)].into() }
}

fn changes(remove: &[&str]) -> Changes {
    Changes {
        put: ["/app/main.py".to_owned()].into(),
        remove: remove.iter().map(|&place| place.to_owned()).collect(),
        uncovered: BTreeSet::new(),
    }
}

fn putting<'a>(
    container: &'a Container,
    context: &'a Path,
    now: &'a Code,
    changes: &'a Changes,
) -> Putting<'a> {
    Putting { container, context, now, changes, restart: true, at: SystemTime::UNIX_EPOCH }
}

const BEGUN: &str = "put .pyfast-code begun in c1";
const REMOVAL: &str = "exec /pyfast/bin/pyfast remove-code -- /app/old.py as 0:0 in c1";

#[tokio::test(start_paused = true)]
async fn a_container_is_unsettled_before_the_first_file_and_settled_after_the_last() {
    let context = tempfile::tempdir().unwrap();
    let now = &code(context.path());
    let context = context.path();

    let (world, container) = engine(true);
    let changes_alone = changes(&[]);
    put(&world, &putting(&container, context, now, &changes_alone)).await.unwrap();
    // One archive: engines unpack it in its order.
    let whole = "put .pyfast-code begun, app/main.py print(1), .pyfast-code put in c1";
    assert_eq!(acts(&world), [whole]);

    let (world, container) = engine(true);
    let with_removal = changes(&["/app/old.py"]);
    put(&world, &putting(&container, context, now, &with_removal)).await.unwrap();
    let last = "put app/main.py print(1), .pyfast-code put in c1";
    assert_eq!(acts(&world), [BEGUN, REMOVAL, last]);
}

#[tokio::test(start_paused = true)]
async fn a_container_stays_unsettled_when_files_cannot_be_removed() {
    let context = tempfile::tempdir().unwrap();
    let now = &code(context.path());
    let (world, container) = engine(false);
    let changes = changes(&["/app/old.py"]);
    let putting = putting(&container, context.path(), now, &changes);
    let error = put(&world, &putting).await.unwrap_err();
    assert!(matches!(error, Error::CodeNotPut { .. }), "{error}");
    assert_eq!(acts(&world), [BEGUN, REMOVAL]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_where_a_file_is_not_what_was_read() {
    let context = tempfile::tempdir().unwrap();
    let now = &code(context.path());
    fs_err::write(context.path().join("main.py"), "print(2)\n").unwrap();
    let (world, container) = engine(true);
    let changes = changes(&["/app/old.py"]);
    let putting = putting(&container, context.path(), now, &changes);
    let error = put(&world, &putting).await.unwrap_err();
    assert!(matches!(error, Error::CodeChanged { .. }), "{error}");
    assert_eq!(acts(&world), [""; 0]);
}

#[test]
fn files_are_younger_than_the_start_of_what_may_have_stored_bytecode_for_them() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let started = |text: &str| Container { started_at: text.into(), ..Container::default() };
    let late = started("1970-01-01T00:01:40.9Z");
    assert_eq!(time_of_files(&late, at(99)), 101);
    assert_eq!(time_of_files(&late, at(100)), 101);
    assert_eq!(time_of_files(&late, at(500)), 500);
    for never in ["", "0001-01-01T00:00:00Z"] {
        assert_eq!(time_of_files(&started(never), at(7)), 7);
    }
}
