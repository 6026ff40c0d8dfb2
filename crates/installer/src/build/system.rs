//! `[build-system]`: which backend builds a source, and what it needs. Opens and runs nothing.
//!
//! <https://packaging.python.org/en/latest/specifications/pyproject-toml/#declaring-build-system-dependencies-the-build-system-table>

use std::path::{Component, Path};

use serde::Deserialize;

/// What setuptools calls the backend of sources that name none.
const LEGACY: &str = "setuptools.build_meta:__legacy__";

/// The build system of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuildSystem {
    /// Requirements, as written.
    pub(super) requires: Vec<String>,
    /// The backend: a module, and what in it after a colon.
    pub(super) backend: String,
    /// Directories of the source that the backend is in, relative to it.
    pub(super) backend_path: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    build_system: Option<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    requires: Vec<String>,
    build_backend: Option<String>,
    #[serde(default)]
    backend_path: Vec<String>,
}

impl BuildSystem {
    /// The build system that a `pyproject.toml` has.
    ///
    /// # Errors
    /// In words what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let document: Document = toml::from_str(text)
            .map_err(|error| format!("its pyproject.toml cannot be read: {}", error.message()))?;
        let Some(table) = document.build_system else {
            return Ok(Self {
                requires: vec!["setuptools>=40.8.0".to_owned()],
                backend: LEGACY.to_owned(),
                backend_path: Vec::new(),
            });
        };
        let inside = |path: &&String| {
            Path::new(path)
                .components()
                .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        };
        if let Some(outside) = table.backend_path.iter().find(|path| !inside(path)) {
            return Err(format!("its backend-path `{outside}` leads outside the source"));
        }
        Ok(Self {
            requires: table.requires,
            backend: table.build_backend.unwrap_or_else(|| LEGACY.to_owned()),
            backend_path: table.backend_path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&[&str], &str), &str>) {
        let found = BuildSystem::parse(text);
        match expected {
            Ok((requires, backend)) => {
                let found = found.expect("a build system");
                assert_eq!(found.requires, requires);
                assert_eq!(found.backend, backend);
            }
            Err(part) => assert!(found.expect_err("refused").contains(part)),
        }
    }

    #[test]
    fn a_source_without_a_table_is_built_by_setuptools() {
        check("", Ok((&["setuptools>=40.8.0"], LEGACY)));
        check("[project]\nname='a'", Ok((&["setuptools>=40.8.0"], LEGACY)));
        check("[build-system]\nrequires=['x']", Ok((&["x"], LEGACY)));
        let text = "[build-system]\nrequires=[]\nbuild-backend='b'\nbackend-path=['.']";
        check(text, Ok((&[], "b")));
    }

    #[test]
    fn broken_tables_are_refused() {
        check("[build-system]\n", Err("requires"));
        check("[build-system]\nrequires=[]\nbackend-path=['../x']", Err("outside the source"));
        check("[", Err("cannot be read"));
    }
}
