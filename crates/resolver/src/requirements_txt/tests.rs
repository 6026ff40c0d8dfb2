//! Lines, encodings and options of requirements files.

use super::*;

fn check(text: &str, expected: &[(usize, &str)]) {
    let lines = logical_lines(text);
    let lines: Vec<(usize, &str)> =
        lines.iter().map(|(number, line)| (*number, line.as_str())).collect();
    assert_eq!(lines, expected);
}

#[test]
fn rule_40_lines_are_joined_and_comments_dropped() {
    check("a\r\nb # c\n\n#d\ne\\\n>=1\nu#f", &[(1, "a"), (2, "b"), (5, "e>=1"), (7, "u#f")]);
    check("a \\\n# comment\nb", &[(1, "a"), (3, "b")]);
    check("a\\", &[(1, "a")]);
    check("a\rb", &[(1, "a"), (2, "b")]);
    check("a>=1,\\\r\n<2", &[(1, "a>=1,<2")]);
    check("a\u{a0}>=1\u{a0}# c", &[(1, "a >=1")]);
}

#[test]
fn rule_40_a_mark_or_a_coding_line_names_the_encoding() {
    let latin = b"# -*- coding: latin-1 -*-\na # \xe9";
    assert_eq!(decode(latin).as_deref(), Some("# -*- coding: latin-1 -*-\na # \u{e9}"));
    assert_eq!(
        decode(b"#!x\n# vim: set fileencoding=cp1252 :\n\x80").map(|t| t.ends_with('\u{20ac}')),
        Some(true)
    );
    assert_eq!(decode(b"\xef\xbb\xbfa").as_deref(), Some("a"));
    assert_eq!(decode(b"\xff\xfea\0").as_deref(), Some("a"));
    assert_eq!(decode(b"\xfe\xff\0a").as_deref(), Some("a"));
    assert_eq!(decode(b"a\n\n# coding: latin-1\n\xe9"), None, "only the first two lines count");
    assert_eq!(decode(b"# coding: nonsense\na"), None);
    assert_eq!(decode(b"\xe9"), None);
}

#[test]
fn rule_44_formats_are_collected_in_order() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("r.txt");
    fs_err::write(&path, "--no-binary a,b\n--only-binary=:all:\n--no-binary :none:\n")
        .expect("written");
    let set = read_requirements(&[path], &[], &[], &ReadContext::default()).expect("read");
    assert_eq!(set.index.no_binary, ["a,b", ":none:"]);
    assert_eq!(set.index.only_binary, [":all:"]);
    assert!(set.warnings.is_empty(), "they have an effect");
}

#[test]
fn rule_41_variables_are_expanded_only_where_set() {
    let variables = BTreeMap::from([("TOKEN".to_owned(), "x".to_owned())]);
    assert_eq!(
        expand_variables("${TOKEN} ${OTHER} $TOKEN ${", &variables, &mut BTreeSet::new()),
        "x ${OTHER} $TOKEN ${"
    );
}

#[test]
fn rule_42_options_are_taken_in_every_spelling() {
    for line in ["-rx.txt", "-r x.txt", "-r=x.txt", "--requirement 'x.txt'", "-r \"x.txt\""] {
        let (name, value, rest) = take_option(line).expect("an option");
        assert!(matches!(name, "-r" | "--requirement"), "{line}");
        assert_eq!((value.as_deref(), rest), (Some("x.txt"), ""), "{line}");
    }
    assert!(take_option("--requirementx").is_none());
    assert!(take_option("--unknown").is_none());
    assert_eq!(take_option("--pre -i u").map(|taken| taken.0), Some("--pre"));
}

#[test]
fn files_include_files_relative_to_themselves() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    fs_err::create_dir(path("sub")).expect("created");
    fs_err::write(path("a.txt"), "-r sub/b.txt\nc==1 --hash=sha256:00\n").expect("written");
    fs_err::write(path("sub/b.txt"), "-c c.txt\n-r ../a.txt\nb\n-f .\n").expect("written");
    fs_err::write(path("sub/c.txt"), "c<2\n").expect("written");
    let context = ReadContext::default();
    let error = read_requirements(&[path("a.txt")], &[], &[], &context).expect_err("a short hash");
    assert!(error.to_string().contains("a.txt:2"), "{error}");
    fs_err::write(path("a.txt"), "-r sub/b.txt\nc==1").expect("written");
    let set = read_requirements(&[path("a.txt")], &[], &[], &context).expect("read");
    let names: Vec<String> = set.requirements.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["b", "c==1"]);
    assert_eq!(set.constraints.len(), 1);
    assert_eq!(set.files.len(), 3);
    assert!(set.index.find_links[0].ends_with("sub/."));
}
