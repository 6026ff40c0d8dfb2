//! What is known of places before anything is looked at, and which extras count.

use pyfast_packaging::requirement::Origin;

use super::*;
use crate::fixtures::target;

/// The source that a line names.
fn source(text: &str) -> SourceRequirement {
    let origin = Origin { file: "r.txt".into(), line: 1 };
    match requirement_line::read(text, &origin, Path::new("/w")).expect("a line") {
        Line::Source(source) => *source,
        Line::Project(_) => panic!("{text} is no source"),
    }
}

#[test]
fn a_place_is_known_where_its_line_counts() {
    let lines = ["a @ git+https://h.test/a", "b @ git+https://h.test/b ; sys_platform == 'win32'"];
    let sources = lines.map(source).into();
    let set = RequirementSet { sources, ..RequirementSet::default() };
    let known = placed(&set, &Scope::from(target()));
    let names: Vec<_> =
        known.iter().map(|(name, marker)| (name.as_ref(), marker.is_true())).collect();
    assert_eq!(names, [("a", true)]);
}

#[test]
fn an_extra_asks_for_the_extras_that_it_names_of_its_own_project() {
    let requires =
        ["app[more] ; extra == 'all'", "app[slow] ; extra == 'more'", "app[gone]; extra == 'win'"];
    let requires = requires.map(|one| format!("Requires-Dist: {one}\n")).concat();
    let metadata =
        metadata::parse(&format!("Name: app\nVersion: 1\n{requires}")).expect("metadata");
    let extras = DirectSources::default().extras(
        &metadata,
        &source("app[all] @ git+https://h.test/app"),
        &Scope::from(target()),
    );
    let extras: Vec<&str> = extras.iter().map(AsRef::as_ref).collect();
    assert_eq!(extras, ["all", "more", "slow"]);
}
