//! Passwords that break the URL they are written in: wherever the URL is written, none is shown.

use crate::support::ran::{MENDABLE, Ran, USAGE};
use crate::support::world::World;

/// Passwords with what ends the first part of a URL, or the URL; the last two URLs are not whole ones.
const URLS: [&str; 8] = [
    "https://someone:s3cr/et@h.invalid/simple",
    "https://someone:s3cr?et@h.invalid/simple",
    "https://someone:s3cr#et@h.invalid/simple",
    "https://someone:s3cr@et@h.invalid/simple",
    "https://someone:s3cr%et@h.invalid/simple",
    "https://someone:s3cr\\et@h.invalid/simple",
    "https:/someone:s3cr@h.invalid/simple",
    "someone:s3cr@h.invalid/simple",
];

/// Runs with a URL in some place, and says that nothing of its password was shown.
#[track_caller]
fn check(url: &str, ran: Ran) {
    let ran = ran.refused(&[MENDABLE, USAGE].concat(), &[]);
    for part in ["s3cr", "someone", "et@"] {
        let shown = [&ran.stdout, &ran.stderr].iter().any(|text| text.contains(part));
        assert!(!shown, "`{part}` of {url} is shown: {ran}");
    }
}

/// A world without the index of the flags, so that the one that is written counts. Nothing is asked of
/// any server.
fn world() -> World {
    let mut world = World::new();
    world.index_flags.clear();
    world.require(&["a"]);
    world
}

#[test]
fn of_an_index_no_part_is_shown_wherever_it_is_written() {
    for url in URLS {
        let world = world();
        check(url, world.lock(&["--offline", "--json", "--index-url", url]));
        check(url, world.lock(&["--offline", "-v", "--extra-index-url", url]));
        world.write("pyfast.toml", &format!("[index]\nurl = '{url}'\n"));
        check(url, world.lock(&["--offline"]));
        world.write(
            "pyfast.toml",
            &format!("[index.named]\ncorp = '{url}'\n[index.packages]\na = 'corp'\n"),
        );
        check(url, world.lock(&["--offline"]));
        world.write("pyfast.toml", "");
        // What is no whole URL names a file there.
        let files = ["-f", "-r", "-c"].iter().filter(|_| url.contains("://"));
        for option in ["-i", "--extra-index-url"].iter().chain(files) {
            world.require(&[&format!("{option} '{url}'"), "a"]);
            check(url, world.lock(&["--offline"]));
        }
    }
}

#[test]
fn of_a_requirement_no_part_is_shown() {
    // What is no whole URL names a file.
    for url in URLS.iter().filter(|url| url.contains("://")) {
        let world = world();
        let wheel = url.replace("simple", "a-1-py3-none-any.whl");
        for line in
            [format!("git+{url}@v1"), format!("a @ {wheel}"), wheel, format!("-e git+{url}")]
        {
            world.require(&[&line]);
            check(url, world.lock(&["--offline", "--no-index"]));
            let toml = format!("[project]\nname = 'p'\nversion = '1'\ndependencies = ['{line}']\n");
            world.write("pyproject.toml", &toml);
            check(url, world.pyfast(&["lock", "-r", "pyproject.toml", "--offline", "--no-index"]));
        }
    }
}
