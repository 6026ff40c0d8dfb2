//! Which requirements file is meant: by what a Dockerfile names, by nearness, by its name. Owns the choice; touches no
//! disk.

use std::path::{Component, Path, PathBuf};

use super::Facts;
use super::dockerfile::{Copied, Reading};

/// A path without `.` and with `..` taken out, as far as the text alone says.
pub fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.parent().is_some() => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// A path as it is written in the project's file: relative to the directory, with `/`.
pub(super) fn shown(path: &Path, directory: &Path) -> String {
    if let Ok(below) = path.strip_prefix(directory) {
        return below.display().to_string();
    }
    let mut up = PathBuf::new();
    for ancestor in directory.ancestors() {
        if let Ok(below) = path.strip_prefix(ancestor) {
            return up.join(below).display().to_string();
        }
        up.push("..");
    }
    path.display().to_string()
}

/// Where in the context a file may lie that a Dockerfile installs, the likeliest first. `name` is as written there:
/// most often a path in the container.
pub(super) fn candidates(name: &str, context: &Path, copies: &[Copied]) -> Vec<PathBuf> {
    let base = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let renamed = copies.iter().filter(|copied| {
        copied.sources.len() == 1
            && !copied.destination.ends_with('/')
            && base(&copied.destination) == base(name)
    });
    let renamed = renamed.map(|copied| copied.sources[0].trim_start_matches('/').to_owned());
    let sources = copies.iter().flat_map(|copied| &copied.sources);
    // `COPY x/requirements.txt .` and `pip install -r requirements.txt`.
    let copied = sources.filter(|source| base(source) == base(name));
    let copied = copied.map(|source| source.trim_start_matches('/').to_owned());
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
    let suffixes = (0..parts.len()).map(|from| parts[from..].join("/"));
    let all = renamed.chain(copied).chain(suffixes);
    all.map(|below| normal(&context.join(below))).collect()
}

/// Names in a Dockerfile that it copies and that look like requirements files.
pub(super) fn copied_requirements(reading: &Reading) -> Vec<String> {
    let sources = reading.copies.iter().flat_map(|copied| &copied.sources);
    let sources = sources.filter(|source| is_requirements(Path::new(source)));
    sources.map(|source| source.trim_start_matches('/').to_owned()).collect()
}

/// Whether a path looks like a requirements file: `requirements*.txt`, `*-requirements.txt`, `requirements/*.txt`.
pub(super) fn is_requirements(path: &Path) -> bool {
    let text = path.extension().is_some_and(|extension| extension == "txt");
    let name = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
    let folder = path.parent().and_then(Path::file_name).is_some_and(|name| name == "requirements");
    text && (folder
        || name
            .is_some_and(|name| name.starts_with("requirements") || name.ends_with("requirements")))
}

impl Facts {
    /// The files among those known that a Dockerfile names, each name once.
    pub(super) fn resolve(
        &self,
        names: &[String],
        context: &Path,
        copies: &[Copied],
    ) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        for name in names {
            let known =
                candidates(name, context, copies).into_iter().find(|path| self.is_known(path));
            found.extend(known.filter(|path| !found.contains(path)));
        }
        found
    }

    fn is_known(&self, path: &Path) -> bool {
        self.requirements.iter().any(|known| known == path) || self.named.contains(path)
    }

    /// The requirements file nearest to these directories: the nearest one in or below the first that has any, else one
    /// right in a directory above.
    pub(super) fn nearest(&self, places: &[PathBuf]) -> Option<&PathBuf> {
        let below = places.iter().find_map(|place| self.nearest_below(place));
        below.or_else(|| places.iter().find_map(|place| self.nearest_above(place)))
    }

    /// The project file of the first of these directories that has any, or of one above them.
    pub(super) fn nearest_project(&self, places: &[PathBuf]) -> Option<&PathBuf> {
        let of = |directory: &Path| {
            self.projects.iter().find(move |file| file.parent() == Some(directory))
        };
        let within = |place: &&Path| place.starts_with(&self.directory);
        places.iter().find_map(|place| place.ancestors().take_while(within).find_map(of))
    }

    fn nearest_below(&self, place: &Path) -> Option<&PathBuf> {
        let below = self.requirements.iter().filter(|file| file.starts_with(place));
        below.min_by_key(|file| {
            let aside = standing(file) == Standing::Aside;
            (aside, file.components().count(), standing(file))
        })
    }

    fn nearest_above(&self, place: &Path) -> Option<&PathBuf> {
        let above =
            place.ancestors().skip(1).take_while(|above| above.starts_with(&self.directory));
        above
            .flat_map(|above| {
                self.requirements.iter().filter(move |file| file.parent() == Some(above))
            })
            .find(|file| standing(file) == Standing::Plain)
    }
}

/// How likely a file is what a service runs on, the likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// `requirements.txt`.
    Plain,
    /// Of production.
    Production,
    /// Any other.
    Other,
    /// For development, tests, documentation.
    Aside,
}

pub(super) fn standing(file: &Path) -> Standing {
    let stem =
        file.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let has = |words: &[&str]| {
        stem.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| words.contains(&part))
    };
    if stem == "requirements" {
        Standing::Plain
    } else if has(&[
        "dev",
        "develop",
        "development",
        "test",
        "tests",
        "testing",
        "doc",
        "docs",
        "lint",
        "ci",
        "local",
        "typing",
        "mypy",
        "build",
        "bench",
    ]) {
        Standing::Aside
    } else if has(&["prod", "production"]) {
        Standing::Production
    } else {
        Standing::Other
    }
}
