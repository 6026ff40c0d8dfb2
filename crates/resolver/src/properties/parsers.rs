//! Nothing that reads what others wrote panics, whatever it is given.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;
use version_ranges::Ranges;

use crate::candidate::{Policy, Selector};
use crate::fixtures::target;
use crate::fuzzing;
use pyfast_index::page::{File, Listing, Page};
use pyfast_packaging::filename::DistFilename;

/// Pieces that the grammars are made of, in any order and number.
const PIECES: &[&str] = &[
    "a",
    "B.c_d",
    "[",
    "]",
    "x",
    ",",
    ">=",
    "==",
    "~=",
    "!=",
    "===",
    "<",
    ">",
    "1",
    "1.0",
    ".*",
    "*",
    "2!",
    "rc1",
    ".post",
    ".dev0",
    "+cpu",
    "18446744073709551615",
    "99999999999999999999",
    ";",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\\\n",
    "#",
    "'",
    "\"",
    "(",
    ")",
    "and",
    " or ",
    "not in",
    "extra",
    "os_name",
    "python_version",
    "@",
    "https://h/a-1-py3-none-any.whl",
    "file:///",
    "git+https://h/r@v#egg=a",
    "./",
    "../",
    "~",
    "/",
    "\\",
    "-r",
    "-e ",
    "--hash=sha256:",
    "--hash",
    "--find-links ",
    "${X}",
    "%",
    "%2B",
    "%zz",
    "-1-py3-none-any.whl",
    ".tar.gz",
    ".zip",
    "é",
    "\u{202e}",
    "\0",
    "\u{feff}",
    "<",
    "<a href=\"",
    "\">",
    "</a>",
    "<base href=",
    "data-yanked=",
    "&#x41;",
    "<!--",
    "-->",
];

/// Values of markers and specifiers, right ones and strange ones.
const VALUES: &[&str] = &[
    "3.11",
    "3",
    "3.11.*",
    "3.10 3.11",
    "3.10,3.11",
    "18446744073709551615",
    "1.18446744073709551615",
    "99999999999999999999",
    "linux",
    "win32",
    "",
    "x",
    "x-",
    "1!2",
    "3.13.0b1",
    "v3",
    "3.11+x",
    "é",
];
const KEYS: &[&str] = &[
    "python_version",
    "python_full_version",
    "implementation_version",
    "sys_platform",
    "extra",
    "platform_release",
    "os.name",
    "platform_machine",
    "'3.11'",
    "unknown",
];
const OPERATORS: &[&str] =
    &["==", "!=", "<", "<=", ">", ">=", "~=", "===", " in ", " not in ", "=", ""];

/// A requirement that is nearly one.
fn nearly() -> impl Strategy<Value = String> {
    let part = || (select(OPERATORS), select(VALUES));
    let term =
        || (select(KEYS), part()).prop_map(|(key, (op, value))| format!("{key}{op}'{value}'"));
    let marker = prop_oneof![
        term(),
        (term(), term()).prop_map(|(a, b)| format!("{a} and {b}")),
        (term(), term()).prop_map(|(a, b)| format!("({a}) or not {b}")),
        (term(), term(), term()).prop_map(|(a, b, c)| format!("{a} or {b} and {c}")),
    ];
    let name = select(&["a", "a-", "B.c", "a[x]", "a[x,]", "a[-x]", "a[x-]", "a [x , y]"][..]);
    (name, vec(part(), 0..3), marker).prop_map(|(name, parts, marker)| {
        let parts: Vec<String> = parts.iter().map(|(op, value)| format!("{op}{value}")).collect();
        format!("{name}{} ; {marker}", parts.join(","))
    })
}

fn soup() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => nearly(),
        4 => vec(select(PIECES), 0..14).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

fn file(filename: String, requires_python: String, upload_time: String) -> File<'static> {
    File {
        url: format!("https://index.test/{filename}").into(),
        filename: filename.into(),
        requires_python: Some(requires_python.into()),
        upload_time: Some(upload_time.into()),
        core_metadata: true,
        ..File::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requirement_lines(line in soup()) {
        fuzzing::requirement_line(&line);
    }

    #[test]
    fn metadata_texts(value in soup(), version in soup(), python in soup()) {
        fuzzing::metadata_text(&format!(
            "Metadata-Version: 2.1\nName: a\nVersion: {version}\nRequires-Python: {python}\nRequires-Dist: {value}\n"
        ));
        fuzzing::metadata_text(&value);
    }

    #[test]
    fn index_pages_in_json(name in soup(), url in soup(), text in soup(), body in any::<Vec<u8>>()) {
        let page = json!({"meta": {"api-version": "1.1"}, "files": [
            {"filename": name, "url": url, "hashes": {"sha256": text}, "yanked": text,
             "requires-python": text, "upload-time": text, "size": text.len()},
        ]});
        fuzzing::page_in_json(page.to_string().as_bytes());
        fuzzing::page_in_json(&body);
    }

    #[test]
    fn index_pages_in_html(text in soup()) {
        fuzzing::page_in_html(&text);
    }

    #[test]
    fn file_names(name in soup(), python in soup(), time in soup()) {
        fuzzing::file_name(&name);
        let names = [name.clone(), format!("a-{name}-py3-none-any.whl"), format!("a-{name}.tar.gz")];
        let files = names.map(|name| file(name, python.clone(), time.clone()));
        let encoded = Bytes::from(Page::encode("a", files.to_vec()));
        let page = Page::decode(&encoded, Listing::Index(0)).expect("what was encoded is read");
        let cutoff = "2024-01-01".parse().expect("a date");
        let policy = Policy { exclude_newer: Some(cutoff), ..Policy::default() };
        let selector = Selector::new(target(), policy);
        let project = "a".parse().expect("a name");
        if let Some(found) = selector.select(&project, &page, &Ranges::full())
            && let Ok(candidate) = found.as_ref()
        {
            let DistFilename::Wheel(wheel) = &candidate.filename else { return Ok(()) };
            prop_assert_eq!(&wheel.version, &candidate.version);
        }
    }

    #[test]
    fn cached_pages(bytes in any::<Vec<u8>>()) {
        fuzzing::cached_page(&bytes);
    }

    #[test]
    fn locks(name in soup(), version in soup(), url in soup()) {
        let quoted = [&name, &version, &url].map(|text| toml_edit::Value::from(text.as_str()));
        let [name, version, url] = &quoted;
        let lock = format!(
            "lock-version = '1.0'\nrequires-python = {version}\nenvironments = [{name}]\n[[packages]]\n\
             name = {name}\nversion = {version}\nmarker = {url}\nwheels = [{{ url = {url}, hashes = {{ sha256 = {name} }} }}]\n"
        );
        fuzzing::lock(&lock);
        fuzzing::lock(&url.to_string());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requirements_files(lines in vec(soup(), 0..6), raw in any::<Vec<u8>>()) {
        let directory = tempfile::tempdir().expect("a directory");
        fuzzing::requirements_file(lines.join("\n").as_bytes(), directory.path());
        fuzzing::requirements_file(&raw, directory.path());
    }
}
