//! Large and hostile projects: reading them takes a time that grows with them, and ends.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::Asked;

/// Reads a project of these files; the message of the refusal, if it is refused.
fn read(files: &[(String, String)]) -> Result<usize, String> {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs_err::write(directory.path().join(name), text).unwrap();
    }
    let asked = Asked::new(Path::new(directory.path()));
    asked.read().map(|project| project.services.len()).map_err(|error| error.to_string())
}

fn one(text: String) -> Vec<(String, String)> {
    vec![("compose.yaml".to_owned(), text)]
}

/// Services, each of which waits for the next and has what `more` gives it.
fn chain(length: usize, more: &dyn Fn(usize) -> String) -> String {
    let mut text = "services:\n".to_owned();
    for number in 0..length {
        let _ = write!(text, "  s{number}:\n    image: x\n");
        if number + 1 < length {
            let _ = writeln!(text, "    depends_on: [s{}]", number + 1);
        }
        text.push_str(&more(number));
    }
    text
}

/// The least that an act takes of this thread's processor time: others may keep the thread waiting.
pub(in crate::compose_file) fn least_time(act: &dyn Fn()) -> Duration {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(time).unwrap()
    };
    let took = (0..3).map(|_| {
        let began = now();
        act();
        now().saturating_sub(began)
    });
    took.min().unwrap()
}

#[test]
fn a_chain_of_services_is_read_in_a_time_that_grows_with_it() {
    let of = |length| {
        let files = one(chain(length, &|_| String::new()));
        least_time(&|| assert_eq!(read(&files), Ok(length)))
    };
    let (short, long) = (of(400), of(3200));
    // Eight times as many: quadratic would be 64 times.
    assert!(long < short * 24, "{short:?}, {long:?}");
}

#[test]
fn a_chain_of_any_length_does_not_end_the_process() {
    assert_eq!(read(&one(chain(25_000, &|_| String::new()))), Ok(25_000));
    let round = chain(20_000, &|n| {
        if n == 19_999 { "    depends_on: [s0]\n".to_owned() } else { String::new() }
    });
    let refused = read(&one(round)).unwrap_err();
    assert!(refused.contains("services wait for each other: s0 -> s1 -> "), "{refused:.200}");
}

#[test]
fn services_extend_one_another_over_so_many_levels_and_no_more() {
    let extending = |length: usize| {
        let of =
            |n| if n + 1 < length { format!("    extends: s{}\n", n + 1) } else { String::new() };
        let text = chain(length, &of);
        one(text.lines().filter(|line| !line.contains("depends_on")).collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(read(&extending(100)), Ok(100));
    let refused = read(&extending(20_000)).unwrap_err();
    assert!(refused.contains("services extend one another over more than 100 levels"), "{refused}");
}

#[test]
fn files_that_each_include_the_next_twice_come_to_an_end() {
    let file = |n: usize| {
        let next = format!("include: [f{0}.yaml, f{0}.yaml]\n", n + 1);
        let name = if n == 0 { "compose.yaml".to_owned() } else { format!("f{n}.yaml") };
        (name, format!("{next}services: {{s: {{image: x}}}}\n"))
    };
    let mut files: Vec<_> = (0..30).map(file).collect();
    files.push(("f30.yaml".to_owned(), "services: {s: {image: x}}\n".to_owned()));
    let refused = read(&files).unwrap_err();
    assert!(refused.contains("more than 1000 entries are included"), "{refused}");
}

#[test]
fn long_lists_are_merged_in_a_time_that_grows_with_them() {
    let list = |length: usize, from: usize| {
        let items = (from..from + length).map(|n| format!("n{n}"));
        format!(
            "services: {{s: {{image: x, dns_search: [{}]}}}}\n",
            items.collect::<Vec<_>>().join(", ")
        )
    };
    let took = |length: usize| {
        let files = vec![
            ("compose.yaml".to_owned(), list(length, 0)),
            ("compose.override.yaml".to_owned(), list(length, length)),
        ];
        least_time(&|| assert_eq!(read(&files), Ok(1)))
    };
    let (short, long) = (took(1_000), took(8_000));
    assert!(long < short * 24, "{short:?}, {long:?}");
}
