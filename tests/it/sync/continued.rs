//! Large files that break off on their way: what has come is gone on with, and nothing of it is believed.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::http::Break;
use crate::support::index::{ALWAYS, Fault, Form, Misread, Seen};
use crate::support::ran::Ran;
use crate::support::wheel::{Built, Wheel};
use crate::support::world::World;

const SIZE: usize = 6 << 20;

/// A world with one large wheel, which an index of plain links lists without its size.
fn world() -> (World, Built) {
    let mut world = World::new();
    world.env.insert("PIP_RETRIES".to_owned(), "0".to_owned());
    world.index.set(|options| options.form = Form::Html);
    let wheel = Wheel::new("large", "1.0").padded(SIZE);
    world.index.add(&wheel);
    world.require(&["large"]);
    (world, wheel.build())
}

fn kept(world: &World) -> PathBuf {
    world.path("home/.cache/pyfast/partial-1")
}

/// How many files are kept that are not whole.
fn partial(world: &World) -> usize {
    fs_err::read_dir(kept(world)).map_or(0, Iterator::count)
}

/// The requests for the wheel itself since the last look.
fn asked(world: &World, wheel: &Built) -> Vec<Seen> {
    let asked = world.index.asked(&wheel.filename);
    world.index.forget();
    asked
}

fn range(seen: &Seen) -> Option<&str> {
    seen.request.header("range")
}

/// The wheel is in the store as it should be, and nothing is left of its way there.
fn check_whole(world: &World) {
    world.pyfast(&["verify"]).ok();
    assert_eq!(partial(world), 0);
}

/// Another root, in which nothing is.
fn elsewhere(world: &mut World) {
    let name = world.root.file_name().unwrap().to_str().unwrap();
    world.root = world.path(&format!("{name}-more"));
}

/// The world with its lock, in which what fails is tried twice more.
fn locked() -> (World, Built) {
    let (mut world, wheel) = world();
    world.env.insert("PIP_RETRIES".to_owned(), "2".to_owned());
    world.lock(&[]).ok();
    asked(&world, &wheel);
    (world, wheel)
}

/// The first half has come, and no more.
fn broken_off(world: &World, wheel: &Built) {
    world.lock(&[]).ok();
    asked(world, wheel);
    world.index.fail(&wheel.filename, Fault::Broken(Break::Truncated), 1);
    world.try_sync(&[]).refused(&[1, 2, 3], &[&wheel.filename]);
    assert_eq!(asked(world, wheel).len(), 1);
    assert_eq!(partial(world), 1);
}

#[test]
fn download_that_breaks_off_goes_on_where_it_was() {
    let (world, wheel) = locked();
    // More often than it may be tried, but each time with something new.
    world.index.fail(&wheel.filename, Fault::Broken(Break::Truncated), 2);
    world.sync(&[]);
    let asked = asked(&world, &wheel);
    let half = wheel.bytes.len() / 2;
    let rest = half + (wheel.bytes.len() - half) / 2;
    let ranges: Vec<Option<String>> =
        asked.iter().map(|seen| range(seen).map(str::to_owned)).collect();
    assert_eq!(
        ranges,
        [None, Some(format!("bytes={half}-")), Some(format!("bytes={rest}-"))],
        "{asked:?}"
    );
    check_whole(&world);
}

#[test]
fn next_run_goes_on_with_what_has_come() {
    let (world, wheel) = world();
    broken_off(&world, &wheel);
    world.sync(&[]);
    let asked = asked(&world, &wheel);
    let half = format!("bytes={}-", wheel.bytes.len() / 2);
    assert_eq!(asked.iter().map(range).collect::<Vec<_>>(), [Some(&*half)]);
    check_whole(&world);
}

#[test]
fn size_that_is_known_changes_nothing() {
    let (mut world, _) = world();
    world.index.set(|options| options.form = Form::Json);
    let wheel = Wheel::new("larger", "1.0").padded(20 << 20);
    world.index.add(&wheel);
    world.require(&["larger"]);
    let wheel = wheel.build();
    broken_off(&world, &wheel);
    world.sync(&[]);
    let asked = asked(&world, &wheel);
    let half = format!("bytes={}-", wheel.bytes.len() / 2);
    assert_eq!(asked.iter().map(range).collect::<Vec<_>>(), [Some(&*half)]);
    check_whole(&world);
    // And what has come whole needs no server.
    elsewhere(&mut world);
    broken_off(&world, &wheel);
    fs_err::write(kept(&world).join(&wheel.sha256), &wheel.bytes).unwrap();
    world.sync(&["--offline"]);
    check_whole(&world);
}

#[test]
fn after_a_kill_the_next_run_goes_on_with_what_has_come() {
    let (world, wheel) = world();
    world.lock(&[]).ok();
    asked(&world, &wheel);
    world.index.fail(&wheel.filename, Fault::Broken(Break::Silence), 1);
    let mut child = start(&mut world.command(&["sync", "-r", "requirements.txt"]));
    let half = wheel.bytes.len() / 2;
    let file = kept(&world).join(&wheel.sha256);
    let started = Instant::now();
    while fs_err::metadata(&file).map_or(0, |found| found.len()) < half as u64 {
        assert!(started.elapsed() < Duration::from_mins(1), "the first half does not come");
        sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    asked(&world, &wheel);
    world.sync(&[]);
    let half = format!("bytes={half}-");
    assert_eq!(asked(&world, &wheel).iter().map(range).collect::<Vec<_>>(), [Some(&*half)]);
    check_whole(&world);
}

#[test]
fn what_has_come_whole_is_not_asked_for_again() {
    let (world, wheel) = world();
    broken_off(&world, &wheel);
    fs_err::write(kept(&world).join(&wheel.sha256), &wheel.bytes).unwrap();
    world.sync(&[]);
    let asked = asked(&world, &wheel);
    assert!(asked.iter().all(|seen| seen.status == 416), "{asked:?}");
    check_whole(&world);
}

#[test]
fn what_was_altered_meanwhile_is_found_out_and_comes_again() {
    let (mut world, wheel) = world();
    let mut check = |alter: &dyn Fn(&mut Vec<u8>)| {
        elsewhere(&mut world);
        broken_off(&world, &wheel);
        let file = kept(&world).join(&wheel.sha256);
        let mut content = fs_err::read(&file).unwrap();
        alter(&mut content);
        fs_err::write(&file, content).unwrap();
        world.sync(&[]);
        let asked = asked(&world, &wheel);
        assert_eq!(range(asked.last().unwrap()), None, "{asked:?}");
        check_whole(&world);
    };
    check(&|content| content[SIZE / 4] ^= 1);
    check(&|content| content.resize(2 * SIZE, 0));
    check(&|content| *content = wheel.bytes.iter().map(|byte| byte ^ 1).collect());
}

#[test]
fn index_that_misunderstands_ranges_gives_the_file_once_from_its_beginning() {
    let (mut world, wheel) = world();
    let whole = wheel.bytes.len();
    let statuses = [400, 403, 404, 416, 501].map(Misread::Status);
    let misread = [Misread::Whole, Misread::Later, Misread::Elsewhere, Misread::Unsaid];
    for misread in statuses.into_iter().chain(misread) {
        elsewhere(&mut world);
        broken_off(&world, &wheel);
        world.index.fail(&wheel.filename, Fault::Range(misread), ALWAYS);
        world.sync(&[]);
        let asked = asked(&world, &wheel);
        let came = asked.iter().filter(|seen| seen.status == 200 && seen.bytes == whole);
        assert_eq!(came.count(), 1, "{asked:?}");
        assert!(asked.len() <= 2, "{asked:?}");
        check_whole(&world);
        world.index.mend();
    }
}

#[test]
fn index_that_gives_little_at_once_is_asked_until_all_has_come() {
    let (world, wheel) = world();
    broken_off(&world, &wheel);
    world.index.fail(&wheel.filename, Fault::Range(Misread::Little), ALWAYS);
    world.sync(&[]);
    let asked = asked(&world, &wheel);
    assert!(asked.iter().all(|seen| range(seen).is_some()), "{asked:?}");
    check_whole(&world);
}

#[test]
fn outage_throws_nothing_away() {
    let (mut world, wheel) = world();
    broken_off(&world, &wheel);
    world.env.insert("PIP_RETRIES".to_owned(), "5".to_owned());
    world.index.fail(&wheel.filename, Fault::Status(503), 4);
    world.sync(&[]);
    let half = format!("bytes={}-", wheel.bytes.len() / 2);
    let asked = asked(&world, &wheel);
    assert_eq!(asked.iter().map(range).collect::<Vec<_>>(), [Some(&*half); 5], "{asked:?}");
    check_whole(&world);
}

#[test]
fn file_that_is_gone_before_it_has_come_is_not_asked_for_for_ever() {
    let (mut world, wheel) = world();
    for status in [404, 410] {
        elsewhere(&mut world);
        broken_off(&world, &wheel);
        world.index.fail(&wheel.filename, Fault::Range(Misread::Little), 1);
        world.index.fail(&wheel.filename, Fault::Status(status), ALWAYS);
        world.try_sync(&[]).refused(&[1, 2, 3], &[&wheel.filename, &status.to_string()]);
        // A part, then none, then not all either.
        assert_eq!(asked(&world, &wheel).len(), 3);
        world.index.mend();
        fs_err::remove_dir_all(kept(&world)).unwrap();
    }
}

#[test]
fn other_bytes_than_asked_for_are_found_out_and_the_file_comes_whole() {
    let (mut world, wheel) = world();
    broken_off(&world, &wheel);
    world.index.fail(&wheel.filename, Fault::Corrupted, 1);
    world.sync(&[]);
    let asked = asked(&world, &wheel);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert_eq!(range(&asked[1]), None, "{asked:?}");
    check_whole(&world);
    // An index that lies each time is refused in the end.
    elsewhere(&mut world);
    broken_off(&world, &wheel);
    world.index.fail(&wheel.filename, Fault::Corrupted, ALWAYS);
    world.try_sync(&[]).refused(&[1], &["SHA-256"]);
    assert_eq!(partial(&world), 0, "what is wrong is not gone on with");
}

#[test]
fn rest_is_asked_for_by_the_files_tag_where_it_has_one() {
    let (world, wheel) = locked();
    world.index.set(|options| options.freshness = crate::support::index::Freshness::Etag);
    world.index.fail(&wheel.filename, Fault::Broken(Break::Truncated), 1);
    world.sync(&[]);
    let asked = asked(&world, &wheel);
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[1].request.header("if-range").is_some_and(|tag| tag.starts_with('"')));
    check_whole(&world);
}

#[test]
fn two_at_once_do_not_disturb_each_other() {
    let (mut world, wheel) = world();
    broken_off(&world, &wheel);
    world.index.delay(&wheel.filename, 300);
    let mut running = Vec::new();
    for _ in 0..2 {
        elsewhere(&mut world);
        let child = start(&mut world.command(&["sync", "-r", "requirements.txt"]));
        running.push((world.root.clone(), child));
    }
    for (root, child) in running {
        Ran::wait(child).ok();
        world.root = root;
        world.pyfast(&["verify"]).ok();
    }
    assert_eq!(partial(&world), 0);
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
