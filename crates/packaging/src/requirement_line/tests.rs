//! What lines mean, and what is wrong with them.

use super::*;

fn parse_line(line: &str) -> Result<Requirement, Error> {
    let origin = Origin { file: "r.txt".into(), line: 7 };
    parse(line, &origin, Path::new("/w"))
}

fn check(line: &str, expected: &str) {
    assert_eq!(parse_line(line).expect("a requirement").to_string(), expected, "{line}");
}

fn check_error(line: &str, reason: &str) {
    let error = parse_line(line).expect_err("no requirement").to_string();
    assert!(error.contains("r.txt:7") && error.contains(reason), "{line}: {error}");
}

#[test]
fn rule_43_requirements_are_read() {
    check("Fast_API[all, x] >= 1, <2", "fast-api[all,x]>=1,<2");
    check("a (>=1)", "a>=1");
    check("a==1;", "a==1");
    check("a ; os_name == 'nt'", "a ; os_name == 'nt'");
    check(
        "./a-1-py3-none-any.whl[x] ; os_name == 'posix'",
        "a[x] @ /w/./a-1-py3-none-any.whl ; os_name == 'posix'",
    );
    check(
        "a @ https://h/a-1%2Bcpu-py3-none-any.whl#egg=a",
        "a @ https://h/a-1%2Bcpu-py3-none-any.whl",
    );
    let digest = "ab".repeat(32);
    let pinned = parse_line(&format!("a==1 --hash=sha256:{digest} --hash sha256:{digest}"));
    assert_eq!(pinned.expect("a requirement").hashes.len(), 2);
    let pinned = parse_line(&format!("https://h/a-1-py3-none-any.whl#sha256={digest}"));
    let pinned = pinned.expect("a requirement");
    assert!(pinned.hashes.is_empty(), "rule 33: a fragment asks for no hashes elsewhere");
    assert!(matches!(pinned.source, Source::Wheel(wheel) if wheel.digest.is_some()));
}

fn check_source(line: &str, expected: &str) {
    let origin = Origin { file: "r.txt".into(), line: 7 };
    let parsed = match line.strip_prefix("-e ") {
        Some(rest) => parse_editable(rest, &origin, Path::new("/w"))
            .map(|(source, _)| Line::Source(Box::new(source))),
        None => super::parse_line(line, &origin, Path::new("/w")).map(|read| read.line),
    };
    let Line::Source(source) = parsed.expect("a requirement") else { panic!("{line}") };
    assert_eq!(source.to_string(), expected, "{line}");
}

#[test]
fn rule_43_sources_are_read() {
    check_source("./p[x, y] ; os_name == 'nt'", "./p[x,y] ; os_name == 'nt'");
    check_source("a @ file:///d", "a @ file:///d");
    check_source("a[x]@git+https://u:w@h/r@v1", "a @ git+https://****@h/r@v1[x]");
    check_source("git+https://h/r#egg=a[x]", "a @ git+https://h/r#egg=a[x][x]");
    check_source("-e .", "-e .");
    check_source("-e ./p[x]", "-e ./p[x]");
    check_source("-e a @ file:///d ; os_name == 'nt'", "-e a @ file:///d ; os_name == 'nt'");
    check_source("https://h/v1.zip", "https://h/v1.zip");
}

#[test]
fn other_lines_are_refused_with_file_line_and_reason() {
    check_error("a=1", "");
    check_error("git+https://h/a", "cannot be named here");
    check_error("hg+https://h/a", "only git is");
    check_error("a==1 --hash=md5:00", "too weak");
    check_error("a==1 --foo", "not an option");
    check_error("b @ https://h/a-1-py3-none-any.whl", "not b");
    check_error(&format!("a ; {}os_name=='x'", "(".repeat(5000)), "100 deep");
}
