//! What words of a Dockerfile say of packages: where they are, who reads which file, what may be a secret. Owns the reading
//! of single texts; must not know what is decided by it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::dockerfile::shell::programs;
use crate::installs::command::{Install, is_installer};
use crate::installs::stages::Variable;

/// Whether a container is started in the place where the image has its packages, or installs some itself.
pub(in crate::installs) fn starts_in(words: &[String], places: &BTreeSet<String>) -> bool {
    let runner = words.windows(2).any(|pair| {
        matches!(pair[0].as_str(), "uv" | "poetry" | "pipenv" | "pdm") && pair[1] == "run"
    });
    let script = words.first().and_then(|word| word.strip_prefix("/usr/local/bin/"));
    let own = script.is_some_and(|name| Path::new(name).extension().is_none());
    let installs = programs(words);
    runner || own || mentions(words, places) || installs.iter().any(|call| is_installer(call))
}

/// Lines of an instruction as one, without comments and marks of continuation.
pub(in crate::installs) fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let words = lines.flat_map(|line| line.trim_end_matches('\\').split_whitespace());
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Whether a requirement's address has what may be a password.
pub(in crate::installs) fn has_login(requirement: &str) -> bool {
    requirement.split("://").skip(1).any(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        host.contains('@') || rest.contains('?')
    })
}

pub(in crate::installs) fn mentions(words: &[String], places: &BTreeSet<String>) -> bool {
    words.iter().any(|word| names_place(word, places))
}

/// Whether a text names a directory in which packages were.
pub(in crate::installs) fn names_place(text: &str, places: &BTreeSet<String>) -> bool {
    let known = ["site-packages", "dist-packages"];
    known.iter().any(|one| text.contains(one))
        || places.iter().any(|place| text.contains(place.as_str()))
}

impl Variable {
    /// Whether it leads to a place where packages were installed, and nowhere else.
    pub(in crate::installs) fn leads_to(&self, places: &BTreeSet<String>) -> bool {
        let value = self.value.trim_matches('"');
        let binary = |part: &str| {
            let place = part.strip_suffix("/bin").unwrap_or(part);
            places.contains(place)
        };
        match self.name.as_str() {
            "VIRTUAL_ENV" | "UV_PROJECT_ENVIRONMENT" => {
                places.contains(value.trim_end_matches('/'))
            }
            "PATH" => {
                let own = |part: &&str| !matches!(*part, "$PATH" | "${PATH}");
                let mut parts = value.split(':').filter(own);
                value.contains("PATH") && parts.clone().count() > 0 && parts.all(binary)
            }
            _ => false,
        }
    }
}

/// Whether a file of the context is one that only installs read.
pub(super) fn is_read_by(source: &str, installs: &[&Install]) -> bool {
    let base = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned();
    let name = base(source);
    let files = || installs.iter().flat_map(|one| one.files.iter().chain(&one.constraints));
    let project = installs.iter().any(|install| install.project);
    let matches = |file: &String| match name.split_once('*') {
        Some((start, end)) => {
            !start.is_empty() && base(file).starts_with(start) && base(file).ends_with(end)
        }
        None => base(file) == name,
    };
    let folder = name == "requirements" && files().any(|file| file.contains("requirements/"));
    let lock = matches!(name.trim_end_matches('*'), "uv.lock" | "poetry.lock" | "pdm.lock");
    files().any(matches) || folder || project && lock
}

/// Whether an image is there to bring uv.
pub(super) fn brings_uv(image: &str) -> bool {
    let name = image.split('@').next().and_then(|name| name.rsplit('/').next()).unwrap_or("");
    name.split(':').next() == Some("uv")
}

/// Whether a file is one of uv's programs.
pub(super) fn is_uv(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some("uv" | "uvx"))
}
