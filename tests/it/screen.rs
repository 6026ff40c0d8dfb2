//! What a real terminal shows while wheels come: one line that fits, and nothing of it afterwards.

use std::net::TcpListener;

use crate::support::http::Break;
use crate::support::index::{ALWAYS, Fault};
use crate::support::ran::Ran;
use crate::support::screen::Screen;
use crate::support::wheel::Wheel;
use crate::support::world::World;

/// A world whose largest wheel stops half-way for as long as anybody waits.
fn world() -> World {
    let world = World::new();
    for name in ["small-one", "small-two"] {
        world.index.add(&Wheel::new(name, "1.0"));
    }
    world.index.add(&Wheel::new("a-large-one", "2.5").padded(4_000_000));
    world.require(&["small-one", "small-two", "a-large-one"]);
    // The lock asks for metadata, whose path begins as that of the wheel does.
    Ran::of(world.command(&["lock"])).ok();
    let wheel = "/files/a_large_one-2.5-py3-none-any.whl";
    world.index.fail(wheel, Fault::Broken(Break::Silence), ALWAYS);
    world
}

/// Waits until the screen shows a speed, and gives the line that does.
fn progress(screen: &Screen) -> String {
    let shown = screen.wait_for("the speed", |shown| shown.contains("B/s"));
    let line = shown.lines().find(|line| line.contains("B/s")).expect("it is there");
    let drawn = shown.lines().filter(|line| line.contains("wheels")).count();
    assert_eq!(drawn, 1, "one line alone is drawn:\n{shown}");
    line.to_owned()
}

fn check(columns: usize, gauge: bool) {
    let world = world();
    let Some(screen) = Screen::open(&world.command(&["sync", "--frozen"]), columns) else { return };
    let line = progress(&screen);
    assert!(line.chars().count() < columns, "{columns}: {line:?}");
    for part in ["2/3 wheels", "2.1/4.2 MB", "a_large_one 2.5"] {
        assert!(line.contains(part), "{columns}: {part} in {line:?}");
    }
    assert_eq!(line.contains('━'), gauge, "{columns}: {line:?}");
}

#[test]
fn a_narrow_terminal_shows_bytes_speed_and_name_without_a_gauge() {
    check(60, false);
}

#[test]
fn a_usual_terminal_shows_a_gauge_too() {
    check(80, true);
}

#[test]
fn a_wide_terminal_shows_the_same_in_one_line() {
    check(200, true);
}

#[test]
fn a_repository_that_takes_long_is_named() {
    let world = World::new();
    // It takes the connection, and never answers.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/r", server.local_addr().unwrap());
    world.require(&[&format!("a @ git+{url}")]);
    let Some(screen) = Screen::open(&world.command(&["sync"]), 80) else { return };
    let cloning = format!("cloning {url}");
    screen.wait_for("the repository", |shown| {
        shown.lines().any(|line| line.contains("resolving") && line.contains(&cloning))
    });
}

#[test]
fn a_terminal_that_becomes_narrower_is_drawn_anew() {
    let world = world();
    let Some(screen) = Screen::open(&world.command(&["sync", "--frozen"]), 120) else { return };
    progress(&screen);
    screen.resize(60);
    let shown = screen.wait_for("a line without a gauge", |shown| {
        shown.lines().any(|line| line.contains("2/3 wheels") && !line.contains('━'))
    });
    assert!(shown.lines().all(|line| line.chars().count() <= 60), "{shown}");
}

#[test]
fn nothing_of_it_stays_when_all_is_done() {
    let world = world();
    let command = world.command(&["sync", "--frozen"]);
    world.index.mend();
    let Some(screen) = Screen::open(&command, 80) else { return };
    let shown = screen.wait_for("the end", |shown| shown.contains("Synced"));
    let shown: Vec<&str> =
        shown.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    assert!(shown[0].starts_with("Using CPython 3."), "{shown:#?}");
    let fetched = shown.iter().position(|line| line.starts_with("Fetched 3 wheels in "));
    let rest = &shown[fetched.expect("it was said")..];
    assert_eq!(
        rest[1..4],
        [" + a-large-one==2.5", " + small-one==1.0", " + small-two==1.0"],
        "{shown:#?}"
    );
    assert!(!shown.iter().any(|line| line.contains("/3 wheels")), "{shown:#?}");
}
