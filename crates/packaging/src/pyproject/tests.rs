//! What files of each form say, and how their faults are told.

use super::*;

const PROJECT: &str = r#"[project]
name = "Shop"
requires-python = ">=3.9"
dependencies = [
    "requests>=2",  # why
    "tomli; python_version < '3.11'",
]

[project.optional-dependencies]
fast = ["orjson"]
test = ["pytest", "shop[fast]"]
all = ["shop[test,fast]; sys_platform == 'linux'"]

[dependency-groups]
lint = ["ruff"]
Dev_Tools = [{ include-group = "lint" }, "mypy", { include-group = "lint" }]
round = [{ include-group = "trip" }]
trip = [{ include-group = "round" }]
"#;

fn shown(requirements: Result<Stated, Error>) -> Vec<String> {
    let requirements = requirements.unwrap();
    let lines = requirements.lines.iter().map(|one| match one {
        Line::Project(one) => format!("{}: {one}", one.origin.line),
        Line::Source(one) => format!("{}: {one}", one.origin.line),
    });
    lines.collect()
}

fn wanted(names: &[&str]) -> WantedExtras {
    WantedExtras { all: false, names: names.iter().map(|name| name.parse().unwrap()).collect() }
}

fn project() -> ProjectFile<'static> {
    ProjectFile::read(Path::new("d/pyproject.toml"), PROJECT).unwrap()
}

#[test]
fn dependencies_carry_their_lines() {
    let requirements = project().requirements(&wanted(&[]), &mut BTreeSet::new());
    assert_eq!(shown(requirements), ["5: requests>=2", "6: tomli ; python_full_version < '3.11'"]);
    let python = project().requires_python().unwrap().unwrap();
    assert_eq!((python.specifiers.to_string(), python.origin.line), (">=3.9".to_owned(), 3));
}

#[test]
fn extras_bring_their_own_and_those_of_the_project_that_they_name() {
    let mut found = BTreeSet::new();
    let requirements = project().requirements(&wanted(&["test", "gone"]), &mut found);
    assert_eq!(shown(requirements)[2..], ["11: pytest", "10: orjson"]);
    assert_eq!(found, wanted(&["test"]).names);
    let requirements = project().requirements(&wanted(&["all"]), &mut found);
    let linux = "sys_platform == 'linux'";
    let expected = [format!("11: pytest ; {linux}"), format!("10: orjson ; {linux}")];
    assert_eq!(shown(requirements)[2..], expected);
    let all = WantedExtras { all: true, ..WantedExtras::default() };
    assert_eq!(project().requirements(&all, &mut found).unwrap().lines.len(), 4);
}

#[test]
fn groups_that_include_others_twice_are_read_in_no_time() {
    let group = |level: usize| {
        let below = format!("{{ include-group = \"g{}\" }}", level - 1);
        format!("g{level} = [{below}, {below}]")
    };
    let groups: Vec<String> = (1..60).map(group).collect();
    let text = format!("[dependency-groups]\ng0 = [\"a\"]\n{}\n", groups.join("\n"));
    let project = ProjectFile::read(Path::new("d/pyproject.toml"), &text).unwrap();
    assert_eq!(shown(project.group("g59")), ["2: a"]);
}

#[test]
fn groups_include_others_under_whatever_spelling() {
    assert_eq!(shown(project().group("dev-tools")), ["15: ruff", "16: mypy"], "once is enough");
    let error = project().group("trip").unwrap_err().to_string();
    assert!(error.contains("includes itself by way of trip, round"), "{error}");
    let error = project().group("absent").unwrap_err().to_string();
    assert!(error.contains("no dependency group `absent`; it has Dev_Tools, lint"), "{error}");
}

#[test]
fn a_script_states_its_dependencies_in_its_header() {
    let text = "#!/usr/bin/env python\n# /// script\n# requires-python = \">=3.11\"\n# dependencies = [\n#   \"rich\",\n# ]\n# ///\nimport rich\n";
    let script = ProjectFile::read(Path::new("job.py"), text).unwrap();
    let requirements = script.requirements(&wanted(&[]), &mut BTreeSet::new());
    assert_eq!(shown(requirements), ["5: rich"]);
    assert_eq!(script.requires_python().unwrap().unwrap().origin.line, 3);
}

#[test]
fn faults_name_file_and_line() {
    let check = |path: &str, text: &str, words: &[&str]| {
        let read = ProjectFile::read(Path::new(path), text);
        let error = read.and_then(|file| {
            file.requires_python()?;
            file.requirements(&wanted(&[]), &mut BTreeSet::new())
        });
        let error = error.unwrap_err().to_string();
        for word in words {
            assert!(error.contains(word), "no `{word}` in {error}");
        }
    };
    check("job.py", "import this\n", &["`job.py`", "no header"]);
    check("job.py", "# /// script\n# dependencies = []\n", &["begins on line 1 has no end"]);
    check("a/pyproject.toml", "[tool.x]\n", &["a/pyproject.toml", "no [project] table"]);
    check("pyproject.toml", "[project]\nname = \n", &["pyproject.toml:2"]);
    check(
        "pyproject.toml",
        "[project]\ndependencies = [\n  'a==',\n]\n",
        &["pyproject.toml:3", "a=="],
    );
    check(
        "pyproject.toml",
        "[project]\ndynamic = ['dependencies']\n",
        &["pyproject.toml:2", "only a build"],
    );
    check("pyproject.toml", "[project]\nrequires-python = 'new'\n", &["pyproject.toml:2", "new"]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in ".*", script in "(# ///( script)?\n|# [a-z]* = .*\n|#\n)*") {
        let _ = ProjectFile::read(Path::new("pyproject.toml"), &text);
        let _ = ProjectFile::read(Path::new("x.py"), &script);
    }
}
