//! What files are after an edit, byte by byte. Knows nothing of where they lie.

use super::*;

fn wanted(text: &str) -> Wanted {
    Wanted::new(text, Path::new("/")).expect(text)
}

#[track_caller]
fn add_to(file: &str, (before, text): (&str, &str), list: List<'_>) -> (String, Outcome) {
    let mut edited = Edited::new(Path::new(file), before.as_bytes()).expect(before);
    let outcome = edited.add(&wanted(text), list).expect(text);
    (String::from_utf8(edited.content()).expect("UTF-8"), outcome)
}

#[track_caller]
fn adds(before: &str, text: &str, expected: &str) {
    let (after, _) = add_to("r.txt", (before, text), List::Dependencies);
    assert_eq!(after, expected, "{text} in {before:?}");
}

#[track_caller]
fn adds_to_project(before: &str, text: &str, expected: &str) {
    let (after, _) = add_to("pyproject.toml", (before, text), List::Dependencies);
    assert_eq!(after, expected, "{text} in {before:?}");
}

#[track_caller]
fn removes(file: &str, before: &str, (name, gone): (&str, &[&str]), expected: &str) {
    let mut edited = Edited::new(Path::new(file), before.as_bytes()).expect(before);
    let name = name.parse().expect(name);
    assert_eq!(edited.remove(&name, None).expect(before), gone, "of {before:?}");
    assert_eq!(String::from_utf8(edited.content()).expect("UTF-8"), expected);
}

#[test]
fn a_new_line_goes_to_the_end_or_into_the_order_of_names() {
    adds("", "a", "a\n");
    adds("b\na\n", "c", "b\na\nc\n");
    adds("b\na", "c", "b\na\nc");
    adds("b\r\na\r\n", "c", "b\r\na\r\nc\r\n");
    adds("b\r\na", "c", "b\r\na\r\nc");
    adds("\u{feff}b\na\n", "c", "\u{feff}b\na\nc\n");
    adds("z\na\n\n\n", "c", "z\na\nc\n\n\n");
    adds("a\nc\n", "b>=1", "a\nb>=1\nc\n");
    adds("# all\n\nB\nd\n", "a", "# all\n\na\nB\nd\n");
    adds("# head\nb\nd\n", "a", "# head\na\nb\nd\n");
    adds("-r x.txt\n\n# of b\nb\nd\n", "a", "-r x.txt\n\na\n# of b\nb\nd\n");
    adds("a==1\n    # via x\nc\n", "b", "a==1\n    # via x\nb\nc\n");
    adds("a==1 \\\n    --hash=sha256:00\n", "b", "a==1 \\\n    --hash=sha256:00\nb\n");
    adds("b\na\\", "c", "b\na\\\n\nc");
    adds("b\na # x\\", "c", "b\na # x\\\n\nc");
    adds("b\n# x\\", "c", "b\n# x\\\nc");
    adds("a\n", "-e ./src", "a\n-e ./src\n");
}

#[test]
fn what_is_there_is_changed_in_its_place() {
    adds("Rich>=1 # why\na", "rich>=2", "Rich>=2 # why\na");
    adds("a\n", "A", "a\n");
    adds("a[x] ; os_name == 'nt' # c\n", "a[y]>=2", "a[x,y]>=2 ; os_name == 'nt' # c\n");
    adds("a>=1,\\\r\n  <2 # c\r\nb\r\n", "a>=3", "a>=3 # c\r\nb\r\n");
    adds(
        "a ; os_name == 'x'\n",
        "a>=1 ; os_name == 'y'",
        "a ; os_name == 'x'\na>=1 ; os_name == 'y'\n",
    );
    adds("a @ ./x  # c\n", "a==2", "a ==2  # c\n");
    adds("a==1 \\\n    -C x=y\n", "a==2", "a==2 \\\n    -C x=y\n");
}

#[test]
fn digests_are_those_of_what_is_wanted_now() {
    let file = format!("a==1 \\\n    --hash=sha256:{} \\\n    -C x=y  # c\nb==1\n", "0".repeat(64));
    let mut edited = Edited::new(Path::new("r.txt"), file.as_bytes()).unwrap();
    assert!(edited.has_hashes());
    let hashes = vec![crate::hash::Sha256([0x11; 32]), crate::hash::Sha256([0x22; 32])];
    edited.add(&wanted("a==2").hashed(hashes.clone()), List::Dependencies).unwrap();
    edited.add(&wanted("c==2").hashed(hashes), List::Dependencies).unwrap();
    let (one, two) = ("11".repeat(32), "22".repeat(32));
    let written = format!(" \\\n    --hash=sha256:{one} \\\n    --hash=sha256:{two}");
    let expected = format!("a==2 -C x=y{written}  # c\nb==1\nc==2{written}\n");
    assert_eq!(String::from_utf8(edited.content()).unwrap(), expected);
}

#[test]
fn digests_of_another_version_go() {
    let hash = "0".repeat(64);
    let file = format!("a==1 \\\n    --hash=sha256:{hash} # c\nb==1 --hash=sha256:{hash}\n");
    adds(&file, "a==2", &format!("a==2 # c\nb==1 --hash=sha256:{hash}\n"));
    adds(&file, "b", &file);
}

#[test]
fn one_of_several_is_named_by_its_marker() {
    let file = "a==1 ; os_name == 'x'\na==2 ; os_name == 'y'\n";
    let mut edited = Edited::new(Path::new("r.txt"), file.as_bytes()).unwrap();
    let error = edited.add(&wanted("a==3"), List::Dependencies).unwrap_err().to_string();
    assert!(error.contains("more than once (line 1, line 2)"), "{error}");
    adds(file, "a==3 ; os_name == 'y'", "a==1 ; os_name == 'x'\na==3 ; os_name == 'y'\n");
}

#[test]
fn a_line_goes_with_all_that_belongs_to_it() {
    removes("r.txt", "a\nB_x>=1 # c\nc", ("b-x", &["B_x>=1"]), "a\nc");
    removes(
        "r.txt",
        "a==1 \\\n  --hash=sha256:0 # x\nb\n",
        ("a", &[]),
        "a==1 \\\n  --hash=sha256:0 # x\nb\n",
    );
    let hash = "0".repeat(64);
    let file = format!("a==1 \\\r\n  --hash=sha256:{hash}\r\n    # via b\r\n# of b\r\nb\r\n");
    removes("r.txt", &file, ("a", &["a==1"]), "# of b\r\nb\r\n");
    removes("r.txt", "a\na ; os_name == 'x'\nb", ("a", &["a", "a ; os_name == 'x'"]), "b");
    removes(
        "r.txt",
        "-e git+https://h.test/a#egg=a\nb\n",
        ("a", &["-e git+https://h.test/a#egg=a"]),
        "b\n",
    );
    removes("r.txt", "b\n", ("a", &[]), "b\n");
}

#[test]
fn text_of_other_encodings_is_written_in_them() {
    let latin = b"# -*- coding: latin-1 -*-\n# \xe9\na\n";
    let mut edited = Edited::new(Path::new("r.txt"), latin).unwrap();
    edited.add(&wanted("b"), List::Dependencies).unwrap();
    assert_eq!(edited.content(), b"# -*- coding: latin-1 -*-\n# \xe9\na\nb\n");
    let mut wide = vec![0xff, 0xfe];
    wide.extend("a\r\n".encode_utf16().flat_map(u16::to_le_bytes));
    let mut edited = Edited::new(Path::new("r.txt"), &wide).unwrap();
    edited.add(&wanted("b"), List::Dependencies).unwrap();
    wide.extend("b\r\n".encode_utf16().flat_map(u16::to_le_bytes));
    assert_eq!(edited.content(), wide);
    assert!(Edited::new(Path::new("r.txt"), b"a\xff").is_err());
}

#[test]
fn a_string_goes_into_the_list_as_its_neighbours_are_written() {
    adds_to_project(
        "[project]\ndependencies = [\"b\"]\n",
        "a",
        "[project]\ndependencies = [\"b\", \"a\"]\n",
    );
    adds_to_project(
        "[project]\ndependencies = ['b', 'd']\n",
        "c",
        "[project]\ndependencies = ['b', 'c', 'd']\n",
    );
    adds_to_project(
        "[project]\r\ndependencies = []\r\n",
        "c",
        "[project]\r\ndependencies = [\r\n    \"c\",\r\n]\r\n",
    );
    let tall = "[project]\ndependencies = [ # all\n  # of b\n  \"b\", # why b\n  \"d\"  # why d\n] # end\n";
    adds_to_project(
        tall,
        "e",
        "[project]\ndependencies = [ # all\n  # of b\n  \"b\", # why b\n  \"d\",  # why d\n  \"e\"\n] # end\n",
    );
    adds_to_project(
        tall,
        "c",
        "[project]\ndependencies = [ # all\n  # of b\n  \"b\", # why b\n  \"c\",\n  \"d\"  # why d\n] # end\n",
    );
    adds_to_project(
        tall,
        "a",
        "[project]\ndependencies = [ # all\n  \"a\",\n  # of b\n  \"b\", # why b\n  \"d\"  # why d\n] # end\n",
    );
    adds_to_project(
        "[project]\ndependencies = [\n  \"b\", \"d\",\n]\n",
        "c",
        "[project]\ndependencies = [\n  \"b\", \"c\", \"d\",\n]\n",
    );
    adds_to_project(
        "[project]\ndependencies = [\n  \"b\", \"d\"]\n",
        "e",
        "[project]\ndependencies = [\n  \"b\", \"d\",\n  \"e\"]\n",
    );
    adds_to_project(
        "[project]\ndependencies = [\"b>=1\"]\n",
        "b[x]>=2",
        "[project]\ndependencies = [\"b[x]>=2\"]\n",
    );
    adds_to_project(
        "[project]\ndependencies = [\"b\"]\n",
        "a; os_name == \"x\"",
        "[project]\ndependencies = [\"b\", 'a; os_name == \"x\"']\n",
    );
}

#[test]
fn a_list_that_is_missing_is_made() {
    adds_to_project(
        "[project] # x\r\nname = 'p'\r\n\r\n[tool.x]\r\ny = 1\r\n",
        "a",
        "[project] # x\r\nname = 'p'\r\ndependencies = [\r\n    \"a\",\r\n]\r\n\r\n[tool.x]\r\ny = 1\r\n",
    );
    let (text, _) = add_to("pyproject.toml", ("[project]\nname = 'p'\n", "a"), List::Group("dev"));
    assert_eq!(text, "[project]\nname = 'p'\n\n[dependency-groups]\ndev = [\n    \"a\",\n]\n");
    let has = "[dependency-groups]\nDev_x = [{include-group = \"t\"}]\nt = []\n";
    let (text, _) = add_to("pyproject.toml", (has, "a"), List::Group("dev-x"));
    assert_eq!(text, "[dependency-groups]\nDev_x = [{include-group = \"t\"}, \"a\"]\nt = []\n");
}

#[test]
fn a_string_goes_with_its_comma_and_its_line() {
    let project = |list: &str| format!("[project]\ndependencies = {list}\n");
    let check = |before: &str, after: &str| {
        removes("pyproject.toml", &project(before), ("b", &["b"]), &project(after));
    };
    check("[\"a\", \"b\", \"c\"]", "[\"a\", \"c\"]");
    check("[\"a\", \"b\"]", "[\"a\"]");
    check("[\"b\"]", "[]");
    check(
        "[\n  \"a\",\n  \"b\", # why\n  # of c\n  \"c\",\n]",
        "[\n  \"a\",\n  # of c\n  \"c\",\n]",
    );
    check("[\n  \"a\", # , c\n  \"b\" # why\n]", "[\n  \"a\", # , c\n]");
    check("[\"a\", \"b\",]", "[\"a\",]");
    check("[\n  \"a\", \"b\",\n]", "[\n  \"a\",\n]");
    let groups = "[dependency-groups]\nx = [\"b\"]\ny = [\"a\", \"B>1\"]\n";
    removes(
        "pyproject.toml",
        groups,
        ("b", &["b", "B>1"]),
        "[dependency-groups]\nx = []\ny = [\"a\"]\n",
    );
}

#[track_caller]
fn adds_to_script(before: &str, text: &str, expected: &str) {
    let (after, _) = add_to("script.py", (before, text), List::Dependencies);
    assert_eq!(after, expected, "{text} in {before:?}");
}

#[test]
fn the_header_of_a_script_is_edited_as_the_list_that_it_has() {
    adds_to_script(
        "# /// script\n# dependencies = []\n# ///\nimport a\n",
        "a>=1",
        "# /// script\n# dependencies = [\n#     \"a>=1\",\n# ]\n# ///\nimport a\n",
    );
    // What nobody asked to change stays, whatever blanks it has.
    adds_to_script(
        "x\r\n# /// script  \r\n# requires-python = '>=3'  \r\n#\t\r\n# dependencies = ['b']\r\n#  \r\n# ///\r\n",
        "a",
        "x\r\n# /// script  \r\n# requires-python = '>=3'  \r\n#\t\r\n# dependencies = ['b', 'a']\r\n#  \r\n# ///\r\n",
    );
    adds_to_script(
        "# /// script\n# requires-python = '>=3'\n#\n# [tool.uv]\n# exclude-newer = '2024-01-01'\n# ///",
        "a",
        "# /// script\n# requires-python = '>=3'\n# dependencies = [\n#     \"a\",\n# ]\n#\n# [tool.uv]\n\
         # exclude-newer = '2024-01-01'\n# ///",
    );
    let tall = "# /// script\n# dependencies = [\n#   'a',\n#   'b', # why\n# ]\n# ///\n";
    let rest = "# /// script\n# dependencies = [\n#   'a',\n# ]\n# ///\n";
    removes("script.py", tall, ("b", &["b"]), rest);
    removes("script.py", rest, ("b", &[]), rest);
}

#[test]
fn a_script_without_a_header_gets_one() {
    let header = "# /// script\n# dependencies = [\n#     \"a\",\n# ]\n# ///\n";
    adds_to_script("", "a", header);
    adds_to_script("import a\n", "a", &format!("{header}\nimport a\n"));
    let head = "#!/usr/bin/env python3\n# -*- coding: utf-8 -*-\n";
    adds_to_script(&format!("{head}\nimport a\n"), "a", &format!("{head}{header}\nimport a\n"));
    adds_to_script("#!/bin/python3", "a", &format!("#!/bin/python3\n{header}"));
    adds_to_script(
        "#!/bin/python3\r\nimport a\r\n",
        "a",
        &format!("#!/bin/python3\n{header}\nimport a\n").replace('\n', "\r\n"),
    );
}

#[test]
fn what_cannot_be_edited_is_refused() {
    let refused = |file: &str, text: &str, list: List<'_>| {
        let edited = Edited::new(Path::new(file), text.as_bytes());
        let done = edited.and_then(|mut edited| edited.add(&wanted("./a"), list));
        done.unwrap_err().to_string()
    };
    let check = |found: String, reason: &str| assert!(found.contains(reason), "{found}");
    let all = List::Dependencies;
    check(refused("pyproject.toml", "[project]\n", all), "`./a` needs a name");
    check(refused("pyproject.toml", "[tool.poetry]\n", all), "needs a name");
    check(refused("pyproject.toml", "[", all), "no TOML");
    check(refused("script.py", "", all), "`./a` needs a name");
    check(refused("script.py", "# /// script\n# [\n# ///\n", all), "no TOML");
    check(refused("script.py", "# /// script\nimport a\n", all), "no end");
    check(refused("script.py", "", List::Group("dev")), "no group `dev`");
    check(refused("r.txt", "", List::Group("dev")), "no group `dev`");
    let named = |text: &str| {
        let mut edited = Edited::new(Path::new("pyproject.toml"), text.as_bytes()).unwrap();
        edited.add(&wanted("a"), all).unwrap_err().to_string()
    };
    check(named("[tool.poetry]\n"), "no [project] table");
    check(named("[project]\ndynamic = [\"dependencies\"]\n"), "`dynamic`");
}

#[test]
fn a_limit_is_written_as_the_neighbours_have_it() {
    let check = |file: &str, version: &str, expected: &str| {
        let edited = Edited::new(Path::new("r.txt"), file.as_bytes()).unwrap();
        let limited =
            wanted("a[x]; os_name == 'x'").limited(edited.bound(), &version.parse().unwrap());
        assert_eq!(limited.text, format!("a[x]{expected}; os_name == 'x'"), "beside {file:?}");
    };
    check("b\nc", "1.2", ">=1.2");
    check("b==1\nc", "1.2+local", "==1.2+local");
    check("b==1\nc>=2\nd>=1", "1.2+local", ">=1.2");
    check("b~=1.0", "1.2.3", "~=1.2.3");
    check("b~=1.0", "1", ">=1");
}
