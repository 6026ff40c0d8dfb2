//! Lines, encodings and options of requirements files.

use super::*;
use crate::spot::Spot;
use std::path::Path;

/// Reads `requirements.txt` beside other files, all given with their text.
fn read(files: &[(&str, &str)], context: &ReadContext) -> Result<RequirementSet, Error> {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        fs_err::write(directory.path().join(name), text).expect("written");
    }
    let first = directory.path().join("requirements.txt");
    read_requirements(&[first], &[], &[], context)
}

/// A context in which URLs have these texts.
fn serving(texts: &'static [(&'static str, &'static str)]) -> ReadContext {
    let fetch = FetchText::new(move |url, _| {
        let found = texts.iter().find(|(known, _)| *known == url.as_str());
        let missing = || format!("there is no {url}").into();
        found.map(|(_, text)| text.as_bytes().into()).ok_or_else(missing)
    });
    ReadContext { fetch: Some(fetch), ..ReadContext::default() }
}

#[track_caller]
fn check_place(text: &str, reason: &str, expected: (usize, usize, &str)) -> Error {
    let error = read(&[("requirements.txt", text)], &ReadContext::default()).expect_err(text);
    let shown = error.to_string();
    let (_, spot) = error.spot().unwrap_or_else(|| panic!("{text}: no place in {shown}"));
    let Spot { line, column, text: shown_line, before, width } = spot;
    let part: String = shown_line.chars().skip(*before).take(*width).collect();
    assert_eq!((*line, *column, part.as_str()), expected, "{shown}");
    assert!(shown.contains(reason), "{text}: {shown}");
    assert!(shown.contains(&format!("requirements.txt:{line}:{column}: ")), "{shown}");
    error
}

#[test]
fn every_error_of_reading_shows_its_part() {
    check_place("a\nb >>= 1", "b >>= 1", (2, 3, ">>= 1"));
    check_place("a ; os_name = 'x'", "", (1, 13, "="));
    check_place("  a==1 --hash=sha256:00 # c", "--hash", (1, 8, "--hash=sha256:00"));
    check_place("a==1 \\\n  --hash=md5:00", "too weak", (2, 3, "--hash=md5:00"));
    check_place("a==1 --hash", "needs a value", (1, 6, "--hash"));
    check_place("a==1 --nonsense", "not an option of", (1, 6, "--nonsense"));
    check_place("a==1 -C x", "KEY=VALUE", (1, 9, "x"));
    check_place("--pre --nonsense x", "not an option", (1, 7, "--nonsense"));
    check_place("-r 'x", "not closed", (1, 4, "'x"));
    check_place("a @ ftp://h.test/a.zip", "not supported", (1, 5, "ftp://h.test/a.zip"));
    check_place("b @ ./a-1-py3-none-any.whl", "not b", (1, 5, "./a-1-py3-none-any.whl"));
    check_place("./d[x,-]", "", (1, 7, "-"));
    check_place("-e ./a-1.zip", "only a directory", (1, 4, "./a-1.zip"));
    check_place("-e", "missing after -e", (1, 3, ""));
    check_place("a>1;;", "", (1, 5, ";"));
    check_place("--pre a", "its own line", (1, 7, "a"));
    check_place("-r gone.txt", "gone.txt", (1, 4, "gone.txt"));
    check_place("\u{e9}", "", (1, 1, "\u{e9}"));
}

#[test]
fn control_characters_of_a_file_are_in_no_message() {
    let error = read(&[("requirements.txt", "a \u{1b}[31m")], &ReadContext::default());
    let error = error.expect_err("an escape");
    let shown = format!("{error} {}", error.spot().expect("a place").1);
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_slip_of_the_pen_is_told_what_may_be_meant() {
    for (line, expected) in [
        ("--index-ulr x", "was `--index-url` meant?"),
        ("a==1 --hahs=sha256:0", "was `--hash` meant?"),
        ("requirements.txt", "was `-r requirements.txt` meant?"),
        ("--hash=sha256:0", "a comment line ends a continuation, as does a line without `\\`"),
        (
            "a==${UNSET}",
            "the variable UNSET is not set, and so nothing takes the place of `${UNSET}`",
        ),
    ] {
        let error = read(&[("requirements.txt", line)], &ReadContext::default()).expect_err(line);
        let Error::Requirement { advice, .. } = error else { panic!("{line}: {error}") };
        assert_eq!(advice.as_deref(), Some(expected), "{line}");
    }
}

#[test]
fn a_place_in_an_included_file_is_that_file_s() {
    let files = [("requirements.txt", "\n-r b.txt"), ("b.txt", "\n\n b==")];
    let error = read(&files, &ReadContext::default()).expect_err("a version is missing");
    let (file, spot) = error.spot().expect("a place");
    assert!(file.ends_with("b.txt") && spot.line == 3, "{file} {spot}");
}

#[test]
fn an_included_file_without_end_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let (first, link) = (directory.path().join("r.txt"), directory.path().join("more.txt"));
    fs_err::write(&first, "-r more.txt").expect("written");
    std::os::unix::fs::symlink("/dev/zero", &link).expect("linked");
    for named in [first, link] {
        let error = read_requirements(&[named], &[], &[], &ReadContext::default());
        let Err(Error::ReadRequirements { path, source, .. }) = error else { panic!("{error:?}") };
        assert!(path.ends_with("more.txt"));
        let source = source.to_string();
        assert!(source.contains("no regular file") || source.contains("larger than"), "{source}");
    }
}

#[test]
fn rule_41_variables_are_put_into_files_of_this_machine_only() {
    let mut context = serving(&[
        ("https://h.test/r.txt", "-r https://h.test/${TOKEN}/a.txt\n-c c.txt # ${NONE}"),
        ("https://h.test/$%7BTOKEN%7D/a.txt", "a @ https://h.test/${TOKEN}/a-1.zip"),
        ("https://h.test/c.txt", "--extra-index-url https://h.test/${OTHER}/${OTHER}/"),
        ("https://h.test/v.txt", "a==${TOKEN}"),
    ]);
    for (name, value) in [("HOST", "h.test"), ("TOKEN", "s3cr3t"), ("OTHER", "s3cr3t")] {
        context.variables.insert(name.to_owned(), value.to_owned());
    }
    let set = read(&[("requirements.txt", "-r https://${HOST}/r.txt")], &context).expect("read");
    assert!(!format!("{set:?}").contains("s3cr3t"), "{set:?}");
    assert_eq!(set.index.extra_index_urls, ["https://h.test/${OTHER}/${OTHER}/"]);
    assert_eq!(set.variables.iter().collect::<Vec<_>>(), ["HOST"], "others shape nothing");
    let stays = |place: &str, name: &str| {
        format!(
            "{place}: `${{{name}}}` stays as it is written: variables are put into files of this machine only"
        )
    };
    let expected = [
        stays("https://h.test/r.txt:1", "TOKEN"),
        stays("https://h.test/$%7BTOKEN%7D/a.txt:1", "TOKEN"),
        stays("https://h.test/c.txt:1", "OTHER"),
    ];
    assert_eq!(set.warnings, expected);
    let error = read(&[("requirements.txt", "-r https://h.test/v.txt")], &context);
    let Err(Error::Requirement { advice: Some(advice), .. }) = error else { panic!("{error:?}") };
    assert!(advice.contains("files of this machine only"), "{advice}");
}

#[test]
fn files_of_servers_include_files_relative_to_themselves() {
    let context = serving(&[
        ("https://h.test/d/r.txt", "-r more/a.txt\n-c /c.txt\n-r r.txt\n-f links"),
        ("https://h.test/d/more/a.txt", "a\n-r ../b.txt"),
        ("https://h.test/d/b.txt", "b"),
        ("https://h.test/c.txt", "a<2"),
    ]);
    let set = read(&[("requirements.txt", "-r https://u:p@h.test/d/r.txt")], &context);
    let set = set.expect("read");
    let names: Vec<String> = set.requirements.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(set.constraints[0].origin.to_string(), "https://h.test/c.txt:1");
    let fetched: Vec<&str> = set.remote_files.iter().map(Url::as_str).collect();
    assert_eq!(fetched.len(), 4, "the circle ends: {fetched:?}");
    assert_eq!(set.index.find_links, ["https://h.test/d/links"]);
    assert_eq!(set.files.len(), 1);
    let [login] = &set.logins[..] else { panic!("one file names a user: {:?}", set.logins) };
    let kept = Some(("u".to_owned(), Some("p".to_owned())));
    assert_eq!((login.login(), login.bare().as_str()), (kept, "https://h.test/d/r.txt"));
}

#[test]
fn a_token_in_a_query_is_in_no_name() {
    let context = serving(&[
        ("https://h.test/pyproject.toml?token=secret", "[project]\ndependencies = ['a']"),
        ("https://h.test/r.txt?token=secret", "b"),
    ]);
    let text =
        "-r https://h.test/pyproject.toml?token=secret\n-r https://h.test/r.txt?token=secret";
    let set = read(&[("requirements.txt", text)], &context).expect("read");
    let origins: Vec<String> =
        set.requirements.iter().map(|requirement| requirement.origin.to_string()).collect();
    assert_eq!(origins, ["https://h.test/pyproject.toml:2", "https://h.test/r.txt:1"]);
}

#[test]
fn without_a_way_to_fetch_files_of_servers_are_refused() {
    let files = [("requirements.txt", "-r https://h.test/r.txt")];
    let error = read(&files, &ReadContext::default()).expect_err("there is none");
    assert!(error.to_string().contains("requirements.txt:1:4: "), "{error}");
}

#[test]
fn files_of_servers_name_nothing_of_this_machine() {
    for (line, context) in [
        ("./p", serving(&[("https://h.test/r.txt", "./p")])),
        ("-e .", serving(&[("https://h.test/r.txt", "-e .")])),
        ("wheel", serving(&[("https://h.test/r.txt", "a @ file:///a-1-py3-none-any.whl")])),
        ("repository", serving(&[("https://h.test/r.txt", "git+file:///r")])),
        ("file", serving(&[("https://h.test/r.txt", "-c file:///etc/c.txt")])),
    ] {
        let files = [("requirements.txt", "-r https://h.test/r.txt")];
        let error = read(&files, &context).expect_err(line).to_string();
        assert!(error.starts_with("https://h.test/r.txt:1:"), "{line}: {error}");
        assert!(error.contains("of this machine"), "{line}: {error}");
    }
}

#[test]
fn a_file_that_a_server_lacks_names_the_line_that_wants_it() {
    let files = [("requirements.txt", "a\n-r https://u:secret@h.test/gone.txt")];
    let error = read(&files, &serving(&[])).expect_err("it is gone");
    let shown = format!("{error}\n{}", error.spot().expect("a place").1);
    assert!(
        shown.contains("requirements.txt:2:4: cannot read the requirements file https://h.test")
    );
    assert!(!shown.contains("secret"), "{shown}");
}

#[test]
fn settings_of_one_requirement_are_its_own() {
    let text = "a --config-settings=x=1 -C 'y=2 3' --config-settings \"x=4\"\n\
                ./d --config-setting=--global-option=z\nb --global-option=q --pre";
    let context = ReadContext { working_directory: "/w".into(), ..ReadContext::default() };
    let set = read(&[("requirements.txt", text)], &context).expect("read");
    let [a, d] = &set.build_settings[..] else { panic!("{:?}", set.build_settings) };
    assert_eq!(a.name.as_ref().map(ToString::to_string).as_deref(), Some("a"));
    assert_eq!(a.settings["x"], ["1", "4"]);
    assert_eq!(a.settings["y"], ["2 3"]);
    assert_eq!(d.place, Some(Place::Directory("/w/d".into())));
    assert_eq!(d.settings["--global-option"], ["z"]);
    assert_eq!(set.warnings.len(), 2, "{:?}", set.warnings);
}

#[test]
fn a_name_may_be_quoted_and_have_spaces() {
    let files = [("requirements.txt", "-r 'a b.txt' --pre\n-c a\\ b.txt"), ("a b.txt", "x")];
    let set = read(&files, &ReadContext::default()).expect("read");
    assert_eq!((set.requirements.len(), set.constraints.len(), set.index.pre), (1, 1, true));
}

#[track_caller]
fn check_read(text: &str, expected: &str) {
    let context = ReadContext { working_directory: "/w".into(), ..ReadContext::default() };
    let set = read(&[("requirements.txt", text)], &context).expect(text);
    let sources = set.sources.iter().map(ToString::to_string);
    let read: Vec<String> =
        set.requirements.iter().map(ToString::to_string).chain(sources).collect();
    assert_eq!(read.join(" | "), expected, "{text}");
}

#[test]
fn forms_that_pip_or_uv_take_are_read() {
    check_read("a>=1,", "a>=1");
    check_read("a (>=1,)", "a>=1");
    check_read("a>=1, ; os_name == 'nt'", "a>=1 ; os_name == 'nt'");
    check_read(
        "a @ https://h.test/a.zip; os_name == 'nt'",
        "a @ https://h.test/a.zip ; os_name == 'nt'",
    );
    check_read("./d;os_name == 'nt'", "./d ; os_name == 'nt'");
    check_read("--pre -e ./d", "-e ./d");
    check_read("-e \"./d\"", "-e ./d");
    check_read("file:d", "d");
    check_read("a\\\\\nb", "ab");
    check_read("a ;", "a");
    check_read("more.txt", "more-txt");
}

#[test]
fn a_file_url_is_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("r.txt");
    fs_err::write(&path, "a").expect("written");
    let url = format!("file://{}", path.display());
    let set = read_requirements(&[url.into()], &[], &[], &ReadContext::default()).expect("read");
    assert_eq!((set.requirements.len(), set.files[0].as_path()), (1, Path::new(&path)));
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
