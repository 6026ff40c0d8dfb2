//! Which compose files make the project, and the variables they may use. Owns the search and the precedence of `.env`;
//! must not know what the files say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ComposeRequest;
use super::dotenv::{self, Assignments};
use super::error::{ComposeError, Place};
use super::interpolate::Budget;
use super::own::is_own;
use super::paths::absolute;
use super::seen::Seen;

/// The names of a project's compose file, by preference.
pub const NAMES: [&str; 4] =
    ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// The names of the file that is merged over it, by preference.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The project's files and variables.
pub(super) struct Found {
    /// Absolute, in the order of merging; at least one.
    pub(super) files: Vec<PathBuf>,
    /// Overrides that this program made; they are not among the files.
    pub(super) own: Vec<PathBuf>,
    /// The directory of the first.
    pub(super) directory: PathBuf,
    /// Whether they were searched for.
    pub(super) searched: bool,
    /// The process's environment, and what `.env` adds to it.
    pub(super) values: BTreeMap<String, String>,
    pub(super) warnings: Vec<String>,
}

/// Finds the files as Compose does: named ones, `COMPOSE_FILE`, else the nearest directory upwards. What this program
/// made of the project is no part of it.
pub(super) fn find(request: &ComposeRequest<'_>, seen: &Seen) -> Result<Found, ComposeError> {
    let mut values = request.environment.clone();
    let mut warnings = Vec::new();
    let named = if request.files.is_empty() {
        add_env_files(&mut values, [request.directory; 2], seen)?;
        files_of_variable(&values)
    } else {
        request.files.to_vec()
    };
    let named = named.iter().map(|file| absolute(request.directory, file));
    let (mut own, mut files): (Vec<_>, Vec<_>) = named.partition(|file| is_own(file));
    let searched = files.is_empty();
    if searched {
        (files, own) = search(request.directory, &mut warnings, seen)?;
    }
    let directory = files[0].parent().unwrap_or(request.directory).to_owned();
    if !request.files.is_empty() || directory != request.directory {
        add_env_files(&mut values, [request.directory, &directory], seen)?;
    }
    Ok(Found { files, own, directory, searched, values, warnings })
}

fn files_of_variable(values: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let Some(list) = values.get("COMPOSE_FILE").filter(|list| !list.is_empty()) else {
        return Vec::new();
    };
    let separator = values.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
    let separator = if separator.is_empty() { ":" } else { separator };
    list.split(separator).filter(|file| !file.is_empty()).map(PathBuf::from).collect()
}

/// The nearest directory's files, and the overrides there that are this program's own.
fn search(
    start: &Path,
    warnings: &mut Vec<String>,
    seen: &Seen,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), ComposeError> {
    for directory in start.ancestors() {
        let Some(file) = first_of(present(directory, &NAMES), warnings) else { continue };
        let overrides = present(directory, &OVERRIDES).into_iter();
        let (own, others): (Vec<_>, Vec<_>) = overrides.partition(|file| is_own(file));
        // One that comes to be there would count.
        let looked_for = NAMES.iter().chain(&OVERRIDES).map(|name| directory.join(name));
        for file in looked_for.filter(|file| !own.contains(file)) {
            seen.note(&file);
        }
        let mut files = vec![file];
        files.extend(first_of(others, warnings));
        return Ok((files, own));
    }
    for name in NAMES {
        seen.note(&start.join(name));
    }
    Err(ComposeError::NotFound { directory: start.to_owned(), looked_for: NAMES.to_vec() })
}

fn present(directory: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(|name| directory.join(name)).filter(|path| path.is_file()).collect()
}

fn first_of(present: Vec<PathBuf>, warnings: &mut Vec<String>) -> Option<PathBuf> {
    let mut present = present.into_iter();
    let first = present.next()?;
    if let Some(other) = present.next() {
        warnings.push(format!("{} is used, not {}", first.display(), other.display()));
    }
    Some(first)
}

/// Adds what `COMPOSE_ENV_FILES` (relative to where the search began) or the directory's `.env` say; what is set already
/// stays.
fn add_env_files(
    values: &mut BTreeMap<String, String>,
    [start, directory]: [&Path; 2],
    seen: &Seen,
) -> Result<(), ComposeError> {
    let named = values.get("COMPOSE_ENV_FILES").filter(|list| !list.is_empty()).cloned();
    let usual = directory.join(".env");
    let files: Vec<PathBuf> = if let Some(list) = named {
        list.split(',').map(|file| absolute(start, Path::new(file.trim()))).collect()
    } else {
        seen.note(&usual);
        Some(usual).into_iter().filter(|file| file.is_file()).collect()
    };
    let (mut added, mut budget) = (BTreeMap::new(), Budget::default());
    for file in files {
        seen.note(&file);
        added.extend(
            read_env(&file, values, &mut budget)?.into_iter().filter_map(|(k, v)| Some((k, v?))),
        );
    }
    for (name, value) in added {
        values.entry(name).or_insert(value);
    }
    Ok(())
}

/// Reads a file of variables.
pub(super) fn read_env(
    file: &Path,
    outer: &BTreeMap<String, String>,
    budget: &mut Budget,
) -> Result<Assignments, ComposeError> {
    let text = fs_err::read_to_string(file).map_err(|source| ComposeError::Read { source })?;
    dotenv::parse(&text, outer, budget).map_err(|(line, reason)| {
        // The line may hold a secret: its number must do.
        let (key, text) = (String::new(), String::new());
        let place = Place { file: file.to_owned(), line, column: 1, key, text };
        ComposeError::Invalid { place, reason }
    })
}
