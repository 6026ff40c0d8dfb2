//! What an environment holds, read from its dist-info directories (the same way for every tool), and how two differ.
//! Knows nothing of the tools that made it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::module_name::module_name;

/// The distributions of an environment: normalised name → version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Contents(pub(crate) BTreeMap<String, String>);

impl Contents {
    /// Reads the `site-packages` directory. Symbolic links to dist-info directories count as directories.
    ///
    /// # Errors
    /// When the directory or a METADATA file cannot be read.
    pub(crate) fn read(site_packages: &Path) -> io::Result<Self> {
        let mut found = BTreeMap::new();
        for entry in fs_err::read_dir(site_packages)? {
            let entry = entry?;
            if !entry.file_name().to_string_lossy().ends_with(".dist-info") {
                continue;
            }
            let metadata = fs_err::read(entry.path().join("METADATA"))?;
            if let Some((name, version)) = name_and_version(&String::from_utf8_lossy(&metadata)) {
                found.insert(name, version);
            }
        }
        Ok(Self(found))
    }

    /// Takes `name==version` lines; comments, options and blank lines are passed over.
    pub(crate) fn from_pins(text: &str) -> Self {
        let pins = text.lines().filter_map(|line| {
            let line = line.split(['#', ';', '\\']).next()?.trim();
            let (name, version) = line.split_once("==")?;
            let name = name.split('[').next()?;
            Some((normalise(name), version.split_whitespace().next()?.to_owned()))
        });
        Self(pins.collect())
    }

    /// The distributions as `name==version` lines.
    pub(crate) fn pins(&self) -> String {
        self.0.iter().flat_map(|(name, version)| [name, "==", version, "\n"]).collect()
    }

    /// Each difference from `expected` in words; empty when both hold the same.
    pub(crate) fn differences(&self, expected: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, version) in &expected.0 {
            match self.0.get(name) {
                None => differences.push(format!("{name} {version} is missing")),
                Some(other) if other != version => {
                    differences.push(format!("{name} is {other} instead of {version}"));
                }
                Some(_) => {}
            }
        }
        let extra = self.0.iter().filter(|(name, _)| !expected.0.contains_key(*name));
        differences.extend(extra.map(|(name, version)| format!("{name} {version} is too much")));
        differences
    }
}

/// The `site-packages` directory of the environment at `prefix`.
///
/// # Errors
/// When there is none, or `prefix` cannot be read.
pub(crate) fn site_packages(prefix: &Path) -> io::Result<PathBuf> {
    let lib = prefix.join("lib");
    for entry in fs_err::read_dir(&lib)? {
        let path = entry?.path().join("site-packages");
        if path.is_dir() {
            return Ok(path);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        format!("no site-packages under {}", lib.display()),
    ))
}

/// The names of the modules and packages that lie directly in `site_packages`, in order, without private ones and without
/// what virtual environments come with.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn modules(site_packages: &Path) -> io::Result<Vec<String>> {
    const CAME_WITH_IT: [&str; 3] = ["pip", "setuptools", "pkg_resources"];
    let mut names = Vec::new();
    for entry in fs_err::read_dir(site_packages)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let module = name.strip_suffix(".py");
        let module = module.or(path.join("__init__.py").is_file().then_some(name));
        names.extend(module.map(str::to_owned));
    }
    names.retain(|name| {
        let is_name = module_name(name).is_ok() && !name.contains('.');
        is_name && !name.starts_with('_') && !CAME_WITH_IT.contains(&name.as_str())
    });
    names.sort_unstable();
    Ok(names)
}

/// Whether there is any compiled bytecode below `site_packages`; pip's own, which its environment comes with, does not count.
pub(crate) fn has_bytecode(site_packages: &Path) -> io::Result<bool> {
    let mut open = vec![site_packages.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs_err::read_dir(&directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "pyc") {
                return Ok(true);
            }
            let pips_own =
                directory == site_packages && path.file_name().is_some_and(|name| name == "pip");
            if path.is_dir() && !pips_own {
                open.push(path);
            }
        }
    }
    Ok(false)
}

fn name_and_version(metadata: &str) -> Option<(String, String)> {
    let header = |wanted: &str| {
        metadata.lines().take_while(|line| !line.is_empty()).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
        })
    };
    Some((normalise(&header("Name")?), header("Version")?))
}

/// The normalised form of a project's name: lower case, runs of `-`, `_`, `.` as one `-`.
pub(crate) fn normalise(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for letter in name.trim().chars() {
        match letter {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.push(letter.to_ascii_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(pins: &[(&str, &str)]) -> Contents {
        Contents(
            pins.iter()
                .map(|(name, version)| ((*name).to_owned(), (*version).to_owned()))
                .collect(),
        )
    }

    fn add(site: &Path, folder: &str, metadata: &str) {
        fs_err::create_dir_all(site.join(folder)).unwrap();
        fs_err::write(site.join(folder).join("METADATA"), metadata).unwrap();
    }

    #[test]
    fn an_environment_is_read_from_its_metadata_through_links() {
        let work = tempfile::tempdir().unwrap();
        let prefix = work.path().join("env");
        let site = prefix.join("lib/python3.11/site-packages");
        add(
            &site,
            "ruamel.yaml-0.18.dist-info",
            "Metadata-Version: 2.1\nName: ruamel.yaml\nVersion: 0.18\n\nName: x\n",
        );
        add(work.path(), "store", "Name: Some__Thing\nVersion: 1!2.0\n");
        fs_err::os::unix::fs::symlink("../../../../store", site.join("some_thing-1.dist-info"))
            .unwrap();
        fs_err::create_dir_all(site.join("package")).unwrap();
        let read = Contents::read(&site_packages(&prefix).unwrap()).unwrap();
        assert_eq!(read, contents(&[("ruamel-yaml", "0.18"), ("some-thing", "1!2.0")]));
        assert_eq!(Contents::from_pins(&read.pins()), read);
    }

    #[test]
    fn pins_are_read_with_extras_markers_hashes_and_comments() {
        let text = "# made by\nuvicorn[standard]==0.30.1 \\\n    --hash=sha256:00\nA_b==1 ; python_version > '3'\n--index-url x\n\n";
        assert_eq!(Contents::from_pins(text), contents(&[("a-b", "1"), ("uvicorn", "0.30.1")]));
    }

    #[test]
    fn differences_name_each_package() {
        let expected = contents(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let other = contents(&[("a", "1"), ("b", "2.1"), ("d", "4")]);
        assert_eq!(
            other.differences(&expected),
            ["b is 2.1 instead of 2", "c 3 is missing", "d 4 is too much"]
        );
        assert!(expected.differences(&expected).is_empty());
    }

    #[test]
    fn bytecode_is_seen_anywhere_but_in_pip() {
        let work = tempfile::tempdir().unwrap();
        for folder in ["pip/__pycache__", "a/b/__pycache__"] {
            fs_err::create_dir_all(work.path().join(folder)).unwrap();
        }
        fs_err::write(work.path().join("pip/__pycache__/x.pyc"), "").unwrap();
        assert!(!has_bytecode(work.path()).unwrap());
        fs_err::write(work.path().join("a/b/__pycache__/x.pyc"), "").unwrap();
        assert!(has_bytecode(work.path()).unwrap());
    }
}
