//! What becomes of a project's dependencies, and of what it needs to be built.

use std::path::Path;

use super::*;
use crate::metadata;
use crate::requirement::Origin;
use crate::requirement_line::parse_line;

const GIT: &str = "{ git = \"https://h.test/b\" }";

/// What `app` of a repository depends on, if it says this of `b`: each in one line.
fn lowered(requires: &str, source: &str, known: &str) -> Vec<String> {
    let origin = Origin { file: "r.txt".into(), line: 1 };
    let line = parse_line("app @ git+https://h.test/app", &origin, Path::new("/w")).unwrap().line;
    let Line::Source(line) = line else { panic!("a source") };
    let text = format!("[tool.uv.sources]\nb = {source}\n");
    let project = SourceProject { source: &line.source, text: &text };
    let metadata = format!("Name: app\nVersion: 1\nRequires-Dist: {requires}\n");
    let metadata = metadata::parse(&metadata).unwrap();
    let known = match known {
        "" => MarkerTree::FALSE,
        "everywhere" => MarkerTree::TRUE,
        marker => marker::read(marker).unwrap(),
    };
    let lowered = project.lower(&metadata, &|_name| known.clone()).unwrap();
    let reasons = lowered.metadata.dependencies.iter().filter_map(|one| one.refused.as_ref());
    assert_eq!(reasons.count(), lowered.refused.len());
    let shown = lowered.metadata.dependencies.iter().map(|one| {
        let Dependency { name, url, refused, marker, .. } = one;
        let place = url.as_ref().map(|url| format!(" @ {url}"));
        let refused = refused.as_ref().map(|reason| format!(" refused: {reason}"));
        let marker = marker::text_or_note(marker).map(|marker| format!(" ; {marker}"));
        format!(
            "{name}{}{}{}",
            place.unwrap_or_default(),
            marker.unwrap_or_default(),
            refused.unwrap_or_default()
        )
    });
    shown.collect()
}

#[test]
fn a_place_that_is_known_somewhere_is_known_there_alone() {
    let placed = "b @ git+https://h.test/b";
    assert_eq!(lowered("b", GIT, ""), [placed]);
    assert_eq!(lowered("b", GIT, "everywhere"), ["b"]);
    assert_eq!(
        lowered("b", GIT, "sys_platform == 'win32'"),
        [&format!("{placed} ; sys_platform != 'win32'"), "b ; sys_platform == 'win32'"]
    );
    // Where the dependency itself does not count, nothing is left to know.
    let windows = "b; sys_platform == 'win32'";
    assert_eq!(lowered(windows, GIT, "sys_platform == 'win32'"), ["b ; sys_platform == 'win32'"]);
}

#[test]
fn what_is_refused_stays_a_dependency_with_the_reason() {
    let slow = "{ workspace = true, extra = \"slow\" }";
    let [dependency] = &lowered("b; extra == 'slow'", slow, "")[..] else { panic!("one") };
    let (dependency, reason) = dependency.split_once(" refused: ").expect("a reason");
    assert_eq!(dependency, "b ; extra == 'slow'");
    assert!(reason.contains("pyproject.toml:2"), "{reason}");
    // Nobody who requires it can write into its files.
    assert!(reason.contains("pin b to an index yourself"), "{reason}");
}

#[test]
fn an_extra_that_is_no_name_is_refused_and_no_other_group() {
    let source = GIT.replace(" }", ", extra = \"a'b\" }");
    let [dependency] = &lowered("b", &source, "")[..] else { panic!("one") };
    assert!(dependency.contains("refused: "), "{dependency}");
    assert!(dependency.contains("`a'b` is not the name of an extra"), "{dependency}");
    let text = format!(
        "[project]\nname = \"own\"\ndependencies = [\"b\"]\n[tool.uv.sources]\nb = {source}\n"
    );
    let own = ProjectFile::read(Path::new("pyproject.toml"), &text).unwrap();
    let error = own.places().expect_err("an extra that is none").to_string();
    assert!(error.contains("`a'b` is not the name of an extra"), "{error}");
    let error = build(&text, None, "").expect_err("an extra that is none");
    assert!(error.contains("`a'b` is not the name of an extra"), "{error}");
}

/// What a project in `/w` needs to be built, if it needs `b`.
fn build(text: &str, unpacked: Option<&Path>, known: &str) -> Result<Vec<String>, String> {
    let directory = unpacked.unwrap_or(Path::new("/w"));
    let known = match known {
        "" => MarkerTree::FALSE,
        marker => marker::read(marker).unwrap(),
    };
    let project = BuildProject { directory, text, unpacked };
    project
        .requirements(&["b>=1".to_owned()], &|_name| known.clone())
        .map_err(|error| error.to_string())
}

#[test]
fn a_build_needs_what_is_known_somewhere_from_its_own_place_elsewhere() {
    let text = format!("[tool.uv.sources]\nb = {GIT}\n");
    let placed = "b @ git+https://h.test/b";
    assert_eq!(build(&text, None, "").unwrap(), [placed]);
    assert_eq!(
        build(&text, None, "sys_platform == 'win32'").unwrap(),
        [&format!("{placed} ; sys_platform != 'win32'"), "b>=1 ; sys_platform == 'win32'"]
    );
}

#[test]
fn what_was_fetched_names_nothing_of_this_machine_for_its_build() {
    let place = tempfile::tempdir().unwrap();
    let (top, private) = (place.path().join("top"), place.path().join("private"));
    fs_err::create_dir_all(top.join("below")).unwrap();
    fs_err::create_dir(&private).unwrap();
    std::os::unix::fs::symlink(&private, top.join("link")).unwrap();
    let check = |source: &str, expected: Result<&str, &str>| {
        let text = format!("[tool.uv.sources]\nb = {source}\n");
        match (build(&text, Some(&top), ""), expected) {
            (Ok(lines), Ok(end)) => assert!(lines[0].ends_with(end), "{lines:?}"),
            (Err(reason), Err(part)) => assert!(reason.contains(part), "{source}: {reason}"),
            (outcome, _) => panic!("{source}: {outcome:?}"),
        }
        // A directory of the user's own may.
        if source.contains(&*private.to_string_lossy()) {
            build(&text, None, "").unwrap();
        }
    };
    let private = private.display();
    let refused = Err("cannot name files of this machine");
    check("{ path = \"below\" }", Ok("/top/below"));
    check("{ path = \"below/missing\" }", Ok("/top/below/missing"));
    check(&format!("{{ path = \"{private}\" }}"), refused);
    check("{ path = \"..\" }", refused);
    check("{ path = \"../missing\" }", refused);
    check("{ path = \"link\" }", refused);
    check("{ path = \".\", subdirectory = \"link\" }", refused);
    check(&format!("{{ git = \"file://{private}\" }}"), refused);
    check(&format!("{{ url = \"file://{private}/b-1.tar.gz\" }}"), refused);
    check(&format!("{{ url = \"file://{private}/b-1-py3-none-any.whl\" }}"), refused);
    check(GIT, Ok("git+https://h.test/b"));
    check("{ workspace = true }", Err("pin b to an index yourself"));
}
