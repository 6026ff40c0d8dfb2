//! What holds for everything that reads what others wrote, whatever it is given: a door for `fuzz/`, and
//! for the property tests. Exists in builds for fuzzing and in tests only.

use std::path::Path;
use std::str::FromStr;

use bytes::Bytes;
use url::Url;

use crate::lock::Lock;
use pyfast_index::html;
use pyfast_index::page::{File, Listing, Page};
use pyfast_index::simple;
use pyfast_packaging::filename::SourceFilename;
use pyfast_packaging::filename::WheelFilename;
use pyfast_packaging::marker;
use pyfast_packaging::metadata::{self, excerpt, python_specifiers};
use pyfast_packaging::platform::named_target;
use pyfast_packaging::requirement::{Origin, Source};
use pyfast_packaging::requirement_line;
use pyfast_packaging::requirement_source::parse_source;
use pyfast_packaging::requirements_txt::{ReadContext, read_requirements};
use pyfast_packaging::tags;
use pyfast_packaging::target::Target;
use pyfast_packaging::version_range as range;

/// A line of a requirements file: it is read and written again, or refused with its place.
///
/// # Panics
/// Where that is not so.
pub fn requirement_line(line: &str) {
    let origin = Origin { file: "r.txt".into(), line: 1 };
    match requirement_line::parse(line, &origin, Path::new("/w")) {
        Ok(requirement) => {
            if let Source::Registry(specifiers) = &requirement.source {
                range::describe(&range::of(specifiers));
                let text = requirement.to_string();
                let again = requirement_line::parse(&text, &origin, Path::new("/w"));
                let is_written = marker::text(&requirement.marker).is_ok();
                assert!(again.is_ok() || !is_written, "written as `{text}`: {again:?}");
            }
        }
        Err(error) => assert!(error.to_string().contains("r.txt:1"), "no place: {error}"),
    }
    let _ = parse_source(line, Path::new("/w"));
}

/// A requirements file of any encoding, which is written to `directory`.
///
/// # Panics
/// Where reading it does, or where the directory cannot be written to.
pub fn requirements_file(text: &[u8], directory: &Path) {
    let path = directory.join("r.txt");
    fs_err::write(&path, text).expect("the directory is the caller's");
    let context = ReadContext { working_directory: directory.to_owned(), ..ReadContext::default() };
    let _ = read_requirements(std::slice::from_ref(&path), &[], &[], &context);
}

/// The METADATA of a distribution: the excerpt that the cache keeps says the same.
///
/// # Panics
/// Where that is not so.
pub fn metadata_text(text: &str) {
    let parsed = metadata::parse(text);
    assert_eq!(metadata::parse(&excerpt(text)), parsed, "the excerpt says something else");
    for dependency in parsed.iter().flat_map(|metadata| &metadata.dependencies) {
        range::describe(&range::of(&dependency.specifiers));
    }
    let _ = python_specifiers(text);
}

/// A project's page in JSON: what is in it comes over the network, and is cached as it is.
///
/// # Panics
/// Where that is not so.
pub fn page_in_json(body: &[u8]) {
    check_files(simple::json(body, &base()).unwrap_or_default());
}

/// A project's page in HTML, as [`page_in_json`].
///
/// # Panics
/// As [`page_in_json`].
pub fn page_in_html(body: &str) {
    let (links, base) = html::links(body, &base());
    check_files(links.iter().filter_map(|link| simple::link_to_file(link, &base)).collect());
}

fn base() -> Url {
    Url::parse("https://index.test/simple/a/").expect("a URL")
}

fn check_files(files: Vec<File<'_>>) {
    for file in &files {
        assert!(file.url.starts_with("http"), "a file at {}", file.url);
    }
    let encoded = Bytes::from(Page::encode("a", files));
    let page = Page::decode(&encoded, Listing::Index(0)).expect("what was encoded is read");
    page.versions().iter().for_each(|version| drop(version.files()));
}

/// A page as the cache has it, or whatever a damaged cache has.
pub fn cached_page(bytes: &[u8]) {
    if let Some(page) = Page::decode(&Bytes::copy_from_slice(bytes), Listing::Index(0)) {
        page.versions().iter().for_each(|version| drop(version.files()));
    }
}

/// The name of a file: a wheel's is written as it was read, and fits where a marker says.
///
/// # Panics
/// Where that is not so.
pub fn file_name(name: &str) {
    if let Ok(wheel) = WheelFilename::from_str(name) {
        let mut marker = tags::python_marker(&wheel);
        marker.and(tags::platform_marker(&wheel));
        let target = target();
        // A marker knows nothing of the C library, so it may only be wrong by saying yes.
        let fits = target.tags.rank(&wheel).is_some();
        assert!(
            !fits || marker.evaluate(&target.markers, &[]),
            "{name} fits, not where {marker:?}"
        );
    }
    let project = name.split('-').next().and_then(|stem| stem.parse().ok());
    drop(project.and_then(|project| SourceFilename::of(&project, name)));
}

/// A lock: it is read and written again, for a target and as a whole.
///
/// # Panics
/// Where that is not so.
pub fn lock(text: &str) {
    let path = Path::new("/p/pylock.toml");
    let target = target();
    if let Ok(read) = Lock::from_toml(text, path, &target) {
        let written = read.to_toml(Path::new("/p"));
        let again = Lock::from_toml(&written, path, &target);
        assert!(again.is_ok(), "{again:?} of\n{written}");
    }
    if let Ok(read) = Lock::whole(text, path) {
        let written = read.to_toml(Path::new("/p"));
        let again = Lock::whole(&written, path);
        assert!(again.is_ok(), "{again:?} of\n{written}");
    }
}

fn target() -> Target {
    named_target(Some("3.11"), Some("linux/amd64"), None).expect("a target")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the fuzzers begin with, and what they found.
    fn seeds(name: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
        let entries = fs_err::read_dir(folder).expect("there are seeds");
        let seeds: Vec<_> = entries
            .map(|entry| fs_err::read(entry.expect("listed").path()).expect("read"))
            .collect();
        assert!(!seeds.is_empty(), "no seeds of {name}");
        seeds
    }

    fn replay(name: &str, reads: impl Fn(&str)) {
        for seed in seeds(name) {
            reads(&String::from_utf8_lossy(&seed));
        }
    }

    #[test]
    fn what_the_fuzzers_know_is_read_as_it_should_be() {
        replay("requirement_line", requirement_line);
        replay("metadata", metadata_text);
        replay("html", page_in_html);
        replay("file_name", file_name);
        replay("lock", lock);
        for seed in seeds("json") {
            page_in_json(&seed);
        }
        let directory = tempfile::tempdir().expect("a directory");
        for seed in seeds("requirements_file") {
            requirements_file(&seed, directory.path());
        }
    }

    #[test]
    fn seeds_are_of_use() {
        let taken = |name: &str, reads: &dyn Fn(&str) -> bool| {
            let seeds = seeds(name);
            let texts = seeds.iter().map(|seed| String::from_utf8_lossy(seed));
            assert!(texts.into_iter().any(|text| reads(&text)), "all seeds of {name} are refused");
        };
        let origin = Origin { file: "r.txt".into(), line: 1 };
        let line = |line: &str| requirement_line::parse(line, &origin, Path::new("/w")).is_ok();
        taken("requirement_line", &line);
        taken("metadata", &|text| metadata::parse(text).is_ok());
        taken("html", &|text| !html::links(text, &base()).0.is_empty());
        taken("json", &|text| simple::json(text.as_bytes(), &base()).is_ok_and(|f| !f.is_empty()));
        taken("file_name", &|name| WheelFilename::from_str(name).is_ok());
        taken("lock", &|text| {
            Lock::from_toml(text, Path::new("/p/pylock.toml"), &target())
                .is_ok_and(|lock| !lock.packages.is_empty())
        });
    }
}
