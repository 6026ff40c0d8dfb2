//! Lines, encodings and options of requirements files.

use super::*;

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
