//! The line of progress at terminals of each width. Draws nothing.

use super::*;

/// A view of 114 wheels, one of which is large and half there.
fn busy() -> View {
    let mut view = View::default();
    view.begin("resolving");
    view.expect(114, 812_000_000);
    for wheel in 0..12 {
        view.admitted(&format!("small{wheel}-1.0-py3-none-any.whl"));
    }
    for (wheel, size, received) in [
        ("numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.whl", 18_000_000, 4_500_000),
        ("torch-2.4.0-cp311-cp311-manylinux1_x86_64.whl", 797_000_000, 30_000_000),
        ("idna-3.10-py3-none-any.whl", 70_000, 70_000),
    ] {
        view.fetching(wheel.to_owned(), Some(size), Arc::new(AtomicU64::new(received)));
    }
    view
}

/// The whole line as a terminal of `width` shows it, two seconds after it was first drawn, in which all bytes came.
fn line(view: &mut View, width: usize) -> String {
    let first = view.speed.samples.front().map(|(began, _)| *began);
    let began = first.unwrap_or_else(Instant::now);
    if first.is_none() {
        view.speed.samples.push_back((began, 0));
    }
    let took = Duration::from_secs(2);
    let words = view.words(width, began + took, took);
    format!("* {}{words}", view.gauge(width))
}

#[test]
fn a_narrow_terminal_has_words_alone() {
    let line = line(&mut busy(), 60);
    assert_eq!(line, "* 12/114 wheels  34.5/812 MB  17.2 MB/s  torch 2.4.0, +2");
}

#[test]
fn a_usual_terminal_has_a_gauge_too() {
    let line = line(&mut busy(), 80);
    assert_eq!(line, "* ━───────────── 12/114 wheels  34.5/812 MB  17.2 MB/s  torch 2.4.0, +2");
}

#[test]
fn a_wide_terminal_names_all_that_goes_on() {
    let line = line(&mut busy(), 200);
    assert_eq!(
        line,
        "* ━━━─────────────────────────── 12/114 wheels  34.5/812 MB  17.2 MB/s  torch 2.4.0, numpy 1.26.4, \
         unpacking idna 3.10"
    );
}

#[test]
fn no_line_is_wider_than_its_terminal() {
    for width in 0..260 {
        let mut view = busy();
        view.begins(
            "building a long path of a source that was named directly, with 汉字 in it".to_owned(),
        );
        let line = line(&mut view, width);
        let columns: usize =
            line.chars().map(|c| if "━─".contains(c) { 1 } else { char_columns(c) }).sum();
        assert!(columns < width.max(3), "{width}: {columns} {line:?}");
    }
}

#[test]
fn what_was_in_the_store_is_not_to_be_fetched() {
    let mut view = View::default();
    view.expect(2, 3_000_000);
    view.present("a-1.0-py3-none-any.whl", Some(2_000_000));
    view.fetching(
        "b-1.0-py3-none-any.whl".to_owned(),
        Some(1_000_000),
        Arc::new(AtomicU64::new(500_000)),
    );
    assert_eq!(line(&mut view, 60), "* 1/2 wheels  0.5/1 MB  250 kB/s  b 1.0");
    view.admitted("b-1.0-py3-none-any.whl");
    assert_eq!(line(&mut view, 60), "* 2/2 wheels  0.5/1 MB");
}

#[test]
fn what_comes_while_versions_are_chosen_is_shown() {
    let mut view = View::default();
    view.begin("resolving");
    assert_eq!(line(&mut view, 60), "* resolving 2 s");
    view.fetching("a-1.0-py3-none-any.whl".to_owned(), None, Arc::new(AtomicU64::new(1_500)));
    view.begins("building b==1.0".to_owned());
    assert_eq!(line(&mut view, 60), "* resolving 2 s  1.5 kB  750 B/s  building b==1.0, a 1.0");
    view.ends("building b==1.0");
    assert_eq!(line(&mut view, 60), "* resolving 2 s  1.5 kB  750 B/s  a 1.0");
}

#[test]
fn sizes_have_at_most_three_digits() {
    let shown =
        [0, 999, 1_000, 1_230, 45_600, 999_999, 1_000_000, 812_300_000, 2_100_000_000].map(size);
    let expected =
        ["0 B", "999 B", "1 kB", "1.2 kB", "45.6 kB", "999 kB", "1 MB", "812 MB", "2.1 GB"];
    assert_eq!(shown, expected);
}
