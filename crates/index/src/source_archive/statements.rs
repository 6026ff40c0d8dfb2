//! Metadata that a source states for good, so that nothing of it has to run: `PKG-INFO` of metadata
//! 2.2 and later, or a static `[project]` table.
//!
//! <https://packaging.python.org/en/latest/specifications/core-metadata/#dynamic>,
//! <https://packaging.python.org/en/latest/specifications/pyproject-toml/>

use std::fmt::Write as _;
use std::io::{self, Read};

use super::walk::{Member, walk_source};
use crate::receiver::Body;
use pyfast_packaging::Version;
use pyfast_packaging::metadata::{LARGEST, headers};

/// What resolving needs and a backend may compute.
const COMPUTED: [&str; 5] =
    ["version", "dependencies", "optional-dependencies", "requires-python", "name"];

/// The files of a source that may state its metadata.
#[derive(Debug, Default)]
pub struct Statements {
    /// `PKG-INFO`.
    pub pkg_info: Option<String>,
    /// `pyproject.toml`.
    pub pyproject: Option<String>,
}

impl Statements {
    /// Reads them from an archive; `subdirectory` has the project.
    ///
    /// # Errors
    /// What is wrong with the archive.
    pub fn read(filename: &str, body: &Body, subdirectory: Option<&str>) -> io::Result<Self> {
        let below = subdirectory.map(|below| format!("{}/", below.trim_matches('/')));
        let below = below.unwrap_or_default();
        let mut found = Self::default();
        walk_source(filename, body, &mut |path, member| {
            let content = match member {
                Member::File { content, .. } => content,
                Member::Again => {
                    found = Self::default();
                    return Ok(true);
                }
                _ => return Ok(true),
            };
            match path.strip_prefix(&below) {
                Some("PKG-INFO") => found.pkg_info = Some(text(content)?),
                Some("pyproject.toml") => found.pyproject = Some(text(content)?),
                _ => {}
            }
            // With both at hand nothing else matters; what follows is audited when it is unpacked.
            Ok(found.pkg_info.is_none() || found.pyproject.is_none())
        })?;
        Ok(found)
    }

    /// The metadata in the form of `METADATA`, where it is stated for good. Of a distribution whose file name says its
    /// version, a backend that computes it computes that one.
    pub fn metadata(&self, version: Option<&Version>) -> Option<String> {
        let stated = self.pkg_info.as_deref().filter(|text| is_static(text)).map(str::to_owned);
        stated.or_else(|| project_metadata(self.pyproject.as_deref()?, version))
    }
}

fn text(content: &mut dyn Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    content.take(LARGEST as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether `PKG-INFO` promises that a wheel says the same.
fn is_static(text: &str) -> bool {
    let mut modern = false;
    for (field, value) in headers(text) {
        if field.eq_ignore_ascii_case("metadata-version") {
            let mut parts = value.trim().split('.').map(|part| part.parse::<u32>().unwrap_or(0));
            modern = (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (2, 2);
        }
        let matters = ["requires-dist", "requires-python", "provides-extra", "version", "name"];
        if field.eq_ignore_ascii_case("dynamic")
            && matters.contains(&value.trim().to_ascii_lowercase().as_str())
        {
            return false;
        }
    }
    modern
}

/// A `[project]` table of which nothing that matters is dynamic, as `METADATA`.
pub fn project_table(text: &str) -> Option<String> {
    project_metadata(text, None)
}

fn project_metadata(text: &str, version: Option<&Version>) -> Option<String> {
    let document: toml::Table = toml::from_str(text).ok()?;
    let project = document.get("project")?.as_table()?;
    let dynamic = project.get("dynamic").and_then(toml::Value::as_array);
    let dynamic = dynamic.into_iter().flatten().filter_map(toml::Value::as_str);
    let is_unknown =
        |field: &str| COMPUTED.contains(&field) && (field != "version" || version.is_none());
    if dynamic.into_iter().any(is_unknown) {
        return None;
    }
    let field = |name: &str| project.get(name)?.as_str();
    let version = field("version").map(str::to_owned).or_else(|| version.map(Version::to_string));
    let mut metadata = String::from("Metadata-Version: 2.2\n");
    // Writing to a String cannot fail.
    let _ = writeln!(metadata, "Name: {}\nVersion: {}", field("name")?, version?);
    if let Some(python) = project.get("requires-python") {
        let _ = writeln!(metadata, "Requires-Python: {}", python.as_str()?);
    }
    for dependency in strings(project.get("dependencies"))? {
        let _ = writeln!(metadata, "Requires-Dist: {}", one_line(dependency));
    }
    let extras = project.get("optional-dependencies");
    for (extra, dependencies) in extras.and_then(toml::Value::as_table).into_iter().flatten() {
        let _ = writeln!(metadata, "Provides-Extra: {}", one_line(extra));
        for dependency in strings(Some(dependencies))? {
            let dependency = one_line(dependency);
            let _ = match dependency.split_once(';') {
                Some((requirement, marker)) => writeln!(
                    metadata,
                    "Requires-Dist: {requirement}; ({}) and extra == '{extra}'",
                    marker.trim()
                ),
                None => writeln!(metadata, "Requires-Dist: {dependency} ; extra == '{extra}'"),
            };
        }
    }
    Some(metadata)
}

/// The strings of an array that may be absent; `None` where it holds anything else.
fn strings(value: Option<&toml::Value>) -> Option<Vec<&str>> {
    let Some(value) = value else { return Some(Vec::new()) };
    value.as_array()?.iter().map(toml::Value::as_str).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pkg_info_counts_from_2_2_and_without_dynamic_requirements() {
        assert!(is_static("Metadata-Version: 2.2\nName: a\nDynamic: description\n"));
        assert!(is_static("Metadata-Version: 2.10\n"));
        assert!(!is_static("Metadata-Version: 2.1\nName: a\n"));
        assert!(!is_static("Metadata-Version: 2.4\nDynamic: Requires-Dist\n"));
        assert!(!is_static("Metadata-Version: 2.4\nDynamic: version\n"));
    }

    #[test]
    fn a_static_project_table_is_metadata() {
        let text = "[project]\nname='a'\nversion='1'\nrequires-python='>=3.8'\n\
                    dependencies=['b>1']\n[project.optional-dependencies]\n\
                    x=['c', \"d; python_version > '3'\"]\n";
        let metadata = project_table(text).expect("static");
        let metadata = pyfast_packaging::metadata::parse(&metadata).expect("metadata");
        assert_eq!(metadata.dependencies.len(), 3);
        assert_eq!(metadata.extras.len(), 1);
        let marker = pyfast_packaging::marker::text_or_note(&metadata.dependencies[2].marker);
        let marker = marker.expect("not always true");
        assert!(marker.contains("extra == 'x'") && marker.contains("python_"), "{marker}");
    }

    #[test]
    fn a_dynamic_project_table_is_none() {
        let table = |text: &str| project_table(&format!("[project]\nname='a'\n{text}"));
        assert!(table("version='1'\ndynamic=['readme']").is_some());
        assert!(table("dynamic=['version']").is_none());
        assert!(table("version='1'\ndynamic=['dependencies']").is_none());
        let version = "1.5".parse().expect("a version");
        let named =
            |text: &str| project_metadata(&format!("[project]\nname='a'\n{text}"), Some(&version));
        assert!(named("dynamic=['version']").expect("known").contains("Version: 1.5\n"));
        assert!(named("dynamic=['version', 'dependencies']").is_none());
        assert!(table("").is_none());
        assert!(project_table("[build-system]\nrequires=[]").is_none());
    }
}
