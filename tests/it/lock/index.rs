//! What is read from an index: both page forms, metadata files, byte ranges, caching, retries.

use super::{check, check_with};
use crate::support::http::Break;
use crate::support::index::{ALWAYS, Fault, Form, Freshness};
use crate::support::ran::MENDABLE;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// Larger than anything that would be fetched whole for its metadata alone.
const LARGE: usize = 6 << 20;

fn world_of(form: Form) -> World {
    let world = World::new();
    world.index.set(|options| options.form = form);
    world.index.add(&Wheel::new("a", "1.0").requires("b>=2,<3"));
    for version in ["1.0", "2.0", "2.1", "3.0"] {
        world.index.add(&Wheel::new("b", version));
    }
    world
}

#[test]
fn json_pages_are_read() {
    check(&world_of(Form::Json), &["a"], &["a==1.0", "b==2.1"]);
}

#[test]
fn html_pages_are_read() {
    check(&world_of(Form::Html), &["a"], &["a==1.0", "b==2.1"]);
}

#[test]
fn json_is_preferred_where_both_forms_exist() {
    let world = world_of(Form::Negotiated);
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
    let pages = world.index.asked("/simple/a/");
    assert!(!pages.is_empty());
    let accept = pages[0].request.header("accept").unwrap_or_default();
    assert!(accept.contains("application/vnd.pypi.simple.v1+json"), "{accept}");
}

#[test]
fn metadata_file_is_read_instead_of_the_wheel() {
    let world = World::new();
    world.index.add(&Wheel::new("a", "1.0").requires("b").padded(LARGE));
    world.index.add(&Wheel::new("b", "1.0").padded(LARGE));
    check(&world, &["a"], &["a==1.0", "b==1.0"]);
    assert_eq!(world.index.asked("a-1.0-py3-none-any.whl.metadata").len(), 1);
    assert_eq!(world.index.asked(".whl").len(), 0, "no wheel is read to lock");
}

#[test]
fn wheel_without_metadata_file_is_read_by_ranges() {
    let world = World::new();
    world.index.set(|options| options.metadata_files = false);
    world.index.add(&Wheel::new("a", "1.0").requires("b").padded(LARGE));
    world.index.add(&Wheel::new("b", "1.0").padded(LARGE));
    check(&world, &["a"], &["a==1.0", "b==1.0"]);
    let reads = world.index.asked(".whl");
    let bytes: usize = reads.iter().map(|seen| seen.bytes).sum();
    assert!(reads.iter().any(|seen| seen.status == 206), "{reads:?}");
    assert!(bytes < LARGE / 2, "{bytes} bytes of two large wheels were sent");
}

#[test]
fn a_wheel_of_very_many_files_is_read_by_ranges() {
    let world = World::new();
    world.index.set(|options| options.metadata_files = false);
    let mut many = Wheel::new("a", "1.0").requires("b").padded(LARGE);
    for number in 0..12_000 {
        many = many.file(&format!("a/quite_a_long_name_of_a_module_{number:05}.py"), "");
    }
    world.index.add(&many).add(&Wheel::new("b", "1.0"));
    check(&world, &["a"], &["a==1.0", "b==1.0"]);
    let reads = world.index.asked("a-1.0-py3-none-any.whl");
    assert!(reads.iter().all(|seen| seen.status == 206) && reads.len() <= 4, "{}", reads.len());
}

#[test]
fn wheel_is_read_whole_where_there_are_no_ranges() {
    let world = World::new();
    world.index.set(|options| {
        options.metadata_files = false;
        options.ranges = false;
    });
    world.index.add(&Wheel::new("a", "1.0").requires("b").padded(100_000));
    world.index.add(&Wheel::new("b", "1.0"));
    check(&world, &["a"], &["a==1.0", "b==1.0"]);
}

/// Removes the lock, so that nothing but the cache remembers.
fn forget_lock(world: &World) {
    fs_err::remove_file(world.project.join("pylock.toml")).unwrap();
}

#[test]
fn fresh_pages_are_not_asked_for_again() {
    let world = world_of(Form::Json);
    world.index.set(|options| options.freshness = Freshness::MaxAge(600));
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
    world.index.forget();
    forget_lock(&world);
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
    assert_eq!(world.index.asked("/simple/a/").len(), 0);
}

#[test]
fn stale_pages_are_revalidated_by_their_etag() {
    let world = world_of(Form::Json);
    world.index.set(|options| options.freshness = Freshness::Etag);
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
    world.index.forget();
    forget_lock(&world);
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
    let pages = world.index.asked("/simple/a/");
    assert_eq!(pages.iter().map(|seen| seen.status).collect::<Vec<_>>(), [304]);
    world.index.add(&Wheel::new("b", "2.2"));
    check_with(&world, &["a"], &["--upgrade"], &["a==1.0", "b==2.2"]);
}

#[test]
fn pages_without_freshness_are_not_taken_for_current() {
    let world = world_of(Form::Json);
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
    world.index.add(&Wheel::new("b", "2.2"));
    check_with(&world, &["a"], &["--upgrade"], &["a==1.0", "b==2.2"]);
}

#[test]
fn passing_failures_of_the_index_are_retried() {
    let world = world_of(Form::Json);
    world.index.fail("/simple/a/", Fault::Status(500), 1);
    world.index.fail("/simple/b/", Fault::Broken(Break::Truncated), 1);
    world.index.fail("a-1.0", Fault::Broken(Break::Reset), 1);
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
}

#[test]
fn lasting_failure_ends_after_few_tries() {
    let world = world_of(Form::Json);
    world.index.fail("/simple/a/", Fault::Status(503), ALWAYS);
    world.require(&["a"]).lock(&[]).refused(MENDABLE, &["503", "a"]);
    let tries = world.index.asked("/simple/a/").len();
    assert!((2..=6).contains(&tries), "{tries} tries");
}

#[test]
fn offline_locks_from_a_warm_cache() {
    let world = world_of(Form::Json);
    check(&world, &["a"], &["a==1.0", "b==2.1"]);
    let lock = world.read("pylock.toml");
    forget_lock(&world);
    world.index.stop();
    check_with(&world, &["a"], &["--offline"], &["a==1.0", "b==2.1"]);
    assert_eq!(world.read("pylock.toml"), lock);
}

#[test]
fn offline_with_a_cold_cache_says_what_is_missing() {
    let world = world_of(Form::Json);
    world.require(&["a"]).lock(&["--offline"]).refused(MENDABLE, &["a", "offline"]);
    assert_eq!(world.index.seen().len(), 0);
}

#[test]
fn page_of_another_project_gives_no_files() {
    let world = world_of(Form::Json);
    world.index.fail("/simple/c-old/", Fault::Redirect(world.index.url() + "b/"), ALWAYS);
    world.require(&["c-old"]).lock(&[]).refused(MENDABLE, &["c-old"]);
}

#[test]
fn links_of_a_redirected_page_are_relative_to_where_it_was_found() {
    let world = world_of(Form::Json);
    let other = World::new();
    other.index.add(&Wheel::new("a", "1.0"));
    world.index.fail("/simple/a/", Fault::Redirect(other.index.url() + "a/"), ALWAYS);
    check(&world, &["a"], &["a==1.0"]);
    assert!(world.read("pylock.toml").contains(&other.index.file_url("a-1.0-py3-none-any.whl")));
}

#[test]
fn page_of_a_later_api_is_refused() {
    let world = world_of(Form::Json);
    let page = r#"{"meta": {"api-version": "2.0"}, "name": "a", "files": []}"#;
    world.index.fail("/simple/a/", Fault::Page(page.to_owned()), ALWAYS);
    world.require(&["a"]).lock(&[]).refused(MENDABLE, &["/simple/a/", "2.0"]);
}

#[test]
fn entry_of_a_page_that_cannot_be_read_does_not_hide_the_others() {
    let world = World::new();
    let wheel = Wheel::new("a", "1.0").build();
    let page = format!(
        r#"{{"meta": {{"api-version": "1.1"}}, "name": "a", "files": [
            {{"filename": "a-9.0-py3-none-any.whl", "url": 7, "hashes": {{}}}},
            {{"filename": "a-not!a!version-py3-none-any.whl", "url": "x", "hashes": {{}}}},
            {{"filename": "{}", "url": "../../files/{}", "hashes": {{"sha256": "{}"}}}}]}}"#,
        wheel.filename, wheel.filename, wheel.sha256
    );
    world.index.add(&Wheel::new("a", "1.0"));
    world.index.fail("/simple/a/", Fault::Page(page), ALWAYS);
    check(&world, &["a"], &["a==1.0"]);
}

#[test]
fn deeply_nested_page_does_not_overflow() {
    let world = World::new();
    world.index.fail("/simple/a/", Fault::Page("[".repeat(200_000)), ALWAYS);
    world.require(&["a"]).lock(&[]).refused(MENDABLE, &["/simple/a/"]);
}

#[test]
fn index_that_asks_to_wait_a_day_is_given_up() {
    let world = world_of(Form::Json);
    world.index.fail("/simple/a/", Fault::RetryAfter(86_400), ALWAYS);
    world.require(&["a"]).lock(&[]).refused(MENDABLE, &["503"]);
    assert!((1..=4).contains(&world.index.asked("/simple/a/").len()), "a few times in a minute");
}

#[test]
fn index_that_falls_silent_is_given_up() {
    let world = world_of(Form::Json);
    world.index.fail("/simple/a/", Fault::Broken(Break::Silence), ALWAYS);
    world.require(&["a"]).lock(&[]).refused(MENDABLE, &["/simple/a/"]);
    assert!((1..=4).contains(&world.index.asked("/simple/a/").len()), "each silence is long");
}
