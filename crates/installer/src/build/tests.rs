//! What a backend may have made of a source.

use super::*;
use crate::fixtures::interpreter;

#[test]
fn a_wheel_of_something_else_than_the_source_does_not_fit() {
    let source = SourceDist {
        name: Some("local".parse().unwrap()),
        version: Some("1.0".parse().unwrap()),
        tree: SourceTree::Directory("/not/here/local".into()),
        subdirectory: None,
        editable: false,
    };
    let check = |filename: &str, reason: Option<&str>| match (
        fits(&source, &filename.parse().unwrap(), &interpreter()),
        reason,
    ) {
        (Ok(()), None) => {}
        (Err(found), Some(reason)) => assert!(found.contains(reason), "{filename}: {found}"),
        (outcome, _) => panic!("{filename}: {outcome:?}"),
    };
    check("local-1.0-py3-none-any.whl", None);
    check("local-1.0+cpu-py3-none-any.whl", None);
    check("other-1.0-py3-none-any.whl", Some("another project's wheel"));
    check("local-1.1-py3-none-any.whl", Some("another version"));
    check("local-1.0-cp27-cp27m-win32.whl", Some("another Python"));
}
