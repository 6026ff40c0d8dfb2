//! What a project's own files want of its interpreter: `.python-version`, as pyenv and uv write it, and
//! `requires-python` of `pyproject.toml`. Must not know which interpreters there are.

use std::path::{Path, PathBuf};

use pyfast_packaging::VersionSpecifiers;
use pyfast_root::regular_file;

use crate::error::Error;

/// The name of the file.
const FILE: &str = ".python-version";

/// What a `.python-version` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// A version, a range or the name of a program, each good enough; the first is preferred.
    pub(crate) requests: Vec<String>,
    /// The file.
    pub(crate) file: PathBuf,
}

/// What the nearest `.python-version` of a project asks for: in its directory, or above it in its repository.
///
/// # Errors
/// [`Error::PinnedPython`] for what a file may not name.
pub(crate) fn pinned(directory: &Path) -> Result<Option<Pinned>, Error> {
    let repository = directory.ancestors().find(|above| above.join(".git").exists());
    let last = repository.unwrap_or(directory);
    let within = directory.ancestors().take_while(|above| above.starts_with(last));
    for above in within {
        let file = above.join(FILE);
        let Ok(text) = regular_file::read_text(&file) else { continue };
        let lines = text.lines().filter_map(|line| {
            let line = line.split('#').next().unwrap_or_default().trim();
            (!line.is_empty()).then_some(line)
        });
        let requests = lines.filter(|line| *line != "system").map(|word| {
            request(word)
                .ok_or_else(|| Error::PinnedPython { file: file.clone(), word: word.to_owned() })
        });
        let requests = requests.collect::<Result<Vec<_>, _>>()?;
        // One that names nothing leaves it to whoever looks.
        return Ok((!requests.is_empty()).then_some(Pinned { requests, file }));
    }
    Ok(None)
}

/// A word of the file as a request: `3.12`, `cpython-3.12.1-linux-x86_64-gnu`, `pypy@3.10`, `>=3.11,<3.13`, `myenv`.
fn request(word: &str) -> Option<String> {
    if is_range(word) {
        return word.parse::<VersionSpecifiers>().is_ok().then(|| word.to_owned());
    }
    let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@');
    if !word.starts_with(|c: char| c.is_ascii_alphanumeric()) || !word.chars().all(usual) {
        return None;
    }
    let cpython = ["cpython", "python"].iter().find_map(|name| word.strip_prefix(name));
    let version = cpython.map(|rest| rest.trim_start_matches(['-', '@']));
    let version = version.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    Some(match version {
        // The rest of uv's names is the platform.
        Some(version) => version.split('-').next().unwrap_or(version).to_owned(),
        None => word.replace('@', ""),
    })
}

/// Whether a request is a range of versions.
pub(crate) fn is_range(request: &str) -> bool {
    request.starts_with(['<', '>', '=', '~', '!'])
}

/// The Pythons that the project's `pyproject.toml` is for. It is read by its lines: a no-op is done in less time than TOML
/// takes, and whoever locks reads it whole.
pub(crate) fn required(directory: &Path) -> Option<VersionSpecifiers> {
    let text = regular_file::read_text(&directory.join("pyproject.toml")).ok()?;
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != "[project]").skip(1);
    let line = lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix("requires-python")?.trim_start().strip_prefix('='))?;
    let line = line.trim_start();
    let quote = line.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    line[1..].split(quote).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_pyenv_and_uv_are_versions_ranges_and_names() {
        for (word, expected) in [
            ("3.12", "3.12"),
            ("3.12.1", "3.12.1"),
            ("cpython-3.12.1-linux-x86_64-gnu", "3.12.1"),
            ("cpython@3.12", "3.12"),
            ("python3.12", "3.12"),
            ("cpython3.13t", "3.13t"),
            ("pypy@3.10", "pypy3.10"),
            ("pypy3.10-7.3.15", "pypy3.10-7.3.15"),
            ("myenv", "myenv"),
            (">=3.11,<3.13", ">=3.11,<3.13"),
        ] {
            assert_eq!(request(word).as_deref(), Some(expected), "{word}");
        }
        for word in ["/usr/bin/python3", "./python", "..", "-c", "~x", "a b", ">=x"] {
            assert_eq!(request(word), None, "{word}");
        }
    }

    #[test]
    fn the_nearest_file_of_the_repository_counts() {
        let made = tempfile::tempdir().unwrap();
        let project = made.path().join("repository/project");
        fs_err::create_dir_all(&project).unwrap();
        fs_err::write(made.path().join(FILE), "3.8\n").unwrap();
        assert_eq!(pinned(&project).unwrap(), None, "it is nobody's");
        fs_err::create_dir(made.path().join("repository/.git")).unwrap();
        fs_err::write(made.path().join("repository").join(FILE), "# ours\n\n3.9\n3.10 # too\n")
            .unwrap();
        assert_eq!(pinned(&project).unwrap().unwrap().requests, ["3.9", "3.10"]);
        fs_err::write(project.join(FILE), "system\n").unwrap();
        assert_eq!(pinned(&project).unwrap(), None);
        fs_err::write(project.join(FILE), "/bin/sh\n").unwrap();
        assert!(pinned(&project).is_err());
    }

    #[test]
    fn the_projects_own_limit_is_found_by_its_line() {
        let made = tempfile::tempdir().unwrap();
        let limit = |text: &str| {
            fs_err::write(made.path().join("pyproject.toml"), text).unwrap();
            required(made.path()).map(|limit| limit.to_string())
        };
        let text = "[tool.x]\nrequires-python = \"<3\"\n[project]\nname = 'a'\nrequires-python= '>=3.9' # why\n";
        assert_eq!(limit(text).as_deref(), Some(">=3.9"));
        assert_eq!(limit("[project]\n[tool.x]\nrequires-python = \"<3\"\n"), None);
        assert_eq!(limit("requires-python = \"<3\"\n"), None);
        assert_eq!(limit("[project]\nrequires-python = \"any\"\n"), None);
    }
}
