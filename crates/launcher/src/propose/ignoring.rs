//! The `.dockerignore` files that a project's build contexts lack. Owns the patterns; must not know disks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::environments::dockerfile_of;
use super::files::{normal, shown};
use super::{Facts, IgnoreFile, dockerfile};
use crate::image::is_remote;

/// Patterns by the reason for which they are left out of images.
const PATTERNS: &[(&str, &[&str])] = &[
    ("Version control", &[".git", ".gitignore", ".gitattributes", ".github", ".hg", ".svn"]),
    (
        "Virtual environments and other tools' packages",
        &["**/.venv", "**/venv", "**/node_modules", "**/.tox", "**/.nox"],
    ),
    (
        "What Python and its tools leave behind",
        &[
            "**/__pycache__",
            "**/*.pyc",
            "**/.pytest_cache",
            "**/.mypy_cache",
            "**/.ruff_cache",
            "**/.ipynb_checkpoints",
            "**/.coverage",
            "**/htmlcov",
            "**/*.egg-info",
        ],
    ),
    ("Caches and logs", &["**/.cache", "logs", "**/*.log"]),
    ("Documentation", &["docs"]),
    ("Editors", &[".idea", ".vscode", "**/*.swp", "**/.DS_Store"]),
    ("Secrets belong into the environment of containers, not into images", &["**/.env"]),
    (
        "What starts the containers",
        &[
            ".pyfast",
            ".dockerignore",
            "compose*.yaml",
            "compose*.yml",
            "docker-compose*.yaml",
            "docker-compose*.yml",
        ],
    ),
];

/// The missing files: one in each directory of the project that an image is built from.
pub(super) fn missing(facts: &Facts) -> Vec<IgnoreFile> {
    let contexts = contexts(facts).into_iter();
    let missing = contexts.filter(|(context, _)| {
        context.starts_with(&facts.directory)
            && !facts.absent.contains(context)
            && !facts.ignore_files.contains(&context.join(".dockerignore"))
    });
    missing.map(|(context, copied)| ignore_file(facts, &context, &copied)).collect()
}

/// Each directory that images are built from, with the paths that its Dockerfiles copy.
fn contexts(facts: &Facts) -> BTreeMap<PathBuf, Vec<String>> {
    let sources = |reading: dockerfile::Reading| {
        reading.copies.into_iter().flat_map(|copied| copied.sources).collect::<Vec<String>>()
    };
    let mut contexts = BTreeMap::new();
    // Whoever builds an image by hand does so from here, more often than not.
    if !facts.dockerfiles.is_empty() {
        contexts.insert(facts.directory.clone(), Vec::new());
    }
    let mut composed: BTreeSet<PathBuf> = BTreeSet::new();
    let services = facts.compose.iter().flat_map(|compose| compose.services.values());
    for build in services.filter_map(|service| service.build.as_ref()) {
        if is_remote(&build.context) {
            continue;
        }
        let path = dockerfile_of(build);
        let known = path.as_ref().and_then(|path| facts.dockerfiles.get(path));
        composed.extend(path);
        let copied: &mut Vec<String> =
            contexts.entry(normal(Path::new(&build.context))).or_default();
        if let Some(text) = build.dockerfile_inline.as_ref().or(known) {
            copied.extend(sources(dockerfile::read(text, &build.args, build.target.as_deref())));
        }
    }
    // Any other Dockerfile may be built by hand, from its own directory or from the project's.
    for (path, text) in facts.dockerfiles.iter().filter(|(path, _)| !composed.contains(*path)) {
        let copied = sources(dockerfile::read(text, &BTreeMap::new(), None));
        for context in path.parent().into_iter().chain([facts.directory.as_path()]) {
            if let Some(known) = contexts.get_mut(context) {
                known.extend(copied.iter().cloned());
            }
        }
    }
    contexts
}

fn ignore_file(facts: &Facts, context: &Path, copied: &[String]) -> IgnoreFile {
    let mut text =
        "# What images do not need: their builds neither send it nor depend on it.\n".to_owned();
    let mut needed = Vec::new();
    for (reason, patterns) in PATTERNS {
        let (out, kept): (Vec<&str>, Vec<&str>) = patterns
            .iter()
            .partition(|pattern| copied.iter().any(|source| is_needed(pattern, source)));
        needed.extend(out.into_iter().map(str::to_owned));
        if !kept.is_empty() {
            text += &section(reason, &kept);
        }
    }
    let below =
        facts.virtual_environments.iter().filter_map(|path| path.strip_prefix(context).ok());
    let below = below
        .filter(|path| !path.file_name().is_some_and(|name| name == ".venv" || name == "venv"));
    let below: Vec<String> =
        below.map(|path| path.display().to_string()).filter(|path| is_plain(path)).collect();
    if !below.is_empty() {
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        text += &section("Virtual environments of this machine", &below);
    }
    IgnoreFile { path: shown(&context.join(".dockerignore"), &facts.directory), text, needed }
}

fn section(reason: &str, patterns: &[&str]) -> String {
    format!("\n# {reason}\n{}\n", patterns.join("\n"))
}

/// Whether a path means itself as a pattern.
fn is_plain(path: &str) -> bool {
    !path.is_empty()
        && !path.contains(['*', '?', '[', '\\', '\n'])
        && !path.starts_with(['#', '!', ' '])
}

/// Whether a pattern would leave out what a Dockerfile copies by name.
fn is_needed(pattern: &str, source: &str) -> bool {
    let name = pattern.trim_start_matches("**/");
    let matches = |part: &str| match name.split_once('*') {
        Some((start, end)) => {
            part != "*"
                && part.len() >= start.len() + end.len()
                && part.starts_with(start)
                && part.ends_with(end)
        }
        None => part == name,
    };
    source.split('/').any(matches)
}
