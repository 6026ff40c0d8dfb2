//! The specifications in `openspec/specs`: each scenario names a test, and each named test exists.

use std::path::{Path, PathBuf};

/// Every specification with its text.
fn specs() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("openspec/specs");
    let mut specs: Vec<_> = fs_err::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("spec.md"))
        // What is promised about security names its tests in the same way.
        .chain([Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md")])
        .map(|path| (path.clone(), fs_err::read_to_string(path).unwrap()))
        .collect();
    specs.sort();
    specs
}

/// The names after `**TEST**` in a specification.
fn named_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("- **TEST** ")).map(str::trim)
}

/// Where a test of this name is written: `it::sync::noop::name` is `fn name` in
/// `tests/it/sync/noop.rs`, `docker::name` is in `tests/docker/main.rs`; `launcher::image::plan::name` is a unit test in
/// `crates/launcher/src/image/plan.rs`, or one of the crate's own black-box tests below `crates/launcher/tests`.
fn source_of(test: &str) -> Option<PathBuf> {
    let mut parts: Vec<&str> = test.split("::").collect();
    parts.pop()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if root.join("crates").join(parts[0]).is_dir() {
        let below = |folder: &str| {
            let mut path = root.join("crates").join(parts[0]).join(folder);
            path.extend(&parts[1..]);
            path.with_extension("rs")
        };
        let source = below("src");
        return Some(if source.is_file() { source } else { below("tests") });
    }
    if parts.len() == 1 {
        parts.push("main");
    }
    let mut path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    path.extend(parts);
    Some(path.with_extension("rs"))
}

/// Whether the source has a `#[test]` of this name.
fn has_test(source: &str, name: &str) -> bool {
    let head = format!("fn {name}()");
    let mut marked = false;
    for line in source.lines().map(str::trim) {
        if line.ends_with("test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if line.contains(&head) {
            return marked;
        } else if !line.starts_with('#') {
            marked = false;
        }
    }
    false
}

#[test]
fn specs_name_existing_tests() {
    for (spec, text) in specs() {
        let mut count = 0;
        for test in named_tests(&text) {
            let source = source_of(test).expect("a test has a path");
            let code = fs_err::read_to_string(&source)
                .unwrap_or_else(|error| panic!("{}: {test}: {error}", spec.display()));
            let name = test.rsplit("::").next().unwrap_or_default();
            assert!(has_test(&code, name), "{}: {test} does not exist", spec.display());
            count += 1;
        }
        assert!(count > 0, "{} names no test", spec.display());
    }
}

#[test]
fn every_scenario_names_a_test() {
    for (spec, text) in specs() {
        for scenario in text.split("#### Scenario:").skip(1) {
            let title = scenario.lines().next().unwrap_or_default();
            let body = scenario.split("\n### ").next().unwrap_or_default();
            let tests = named_tests(body).count();
            assert!(tests > 0, "{}: `{}` names no test", spec.display(), title.trim());
        }
    }
}

#[test]
fn no_file_of_the_tests_names_a_registry() {
    let hosts = [["py", "pi.org"], ["files.python", "hosted.org"], ["crat", "es.io"]];
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")];
    while let Some(next) = open.pop() {
        for entry in fs_err::read_dir(next).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if let Ok(text) = fs_err::read_to_string(entry.path()) {
                let found =
                    hosts.iter().map(|parts| parts.concat()).find(|host| text.contains(host));
                assert_eq!(found, None, "{}", entry.path().display());
            }
        }
    }
}
