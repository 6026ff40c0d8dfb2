//! What a command that could not be run may have been meant as. Owns the guess; must not know how it is told.

use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pyfast_packaging::pyproject::Parts;
use pyfast_settings::Project;

/// So much of a file says what it is.
const HEAD: u64 = 128;
/// The file that states a project's own commands.
const PROJECT: &str = "pyproject.toml";

/// What it may have been meant as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// A file of Python's source, which an interpreter runs.
    Script,
    /// A package that an interpreter runs.
    Package,
    /// A program in the working directory, where nobody looks for commands.
    Here,
    /// A file that nobody may execute.
    Closed,
    /// A command of the project itself, which this file states and which is not installed.
    Own(PathBuf),
}

/// What a word that named no program may have meant, where it was given in a project.
pub fn meant(word: &OsStr, project: &Project) -> Option<Meant> {
    let (path, bare) = (project.working_directory.join(word), !word.as_bytes().contains(&b'/'));
    if let Ok(facts) = fs_err::metadata(&path)
        && facts.is_file()
    {
        let runs = facts.permissions().mode() & 0o111 != 0;
        return match (is_source(&path), runs) {
            (true, _) => Some(Meant::Script),
            (false, true) => bare.then_some(Meant::Here),
            (false, false) => Some(Meant::Closed),
        };
    }
    let text = pyfast_root::regular_file::read_text(&project.directory.join(PROJECT));
    let text = text.unwrap_or_default();
    if Parts::of(&text).commands.iter().any(|command| OsStr::new(command) == word) {
        return Some(Meant::Own(project.shown(Path::new(PROJECT))));
    }
    (bare && path.join("__main__.py").is_file()).then_some(Meant::Package)
}

/// Whether it is Python's source by its name, or by its first line.
fn is_source(path: &Path) -> bool {
    if path.extension().is_some_and(|end| end == "py" || end == "pyw") {
        return true;
    }
    let mut head = Vec::new();
    // What is no regular file may keep whoever opens it waiting.
    let file = pyfast_root::regular_file::open(path);
    let read = file.and_then(|file| file.take(HEAD).read_to_end(&mut head));
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    read.is_ok() && line.starts_with(b"#!") && line.windows(6).any(|part| part == b"python")
}

#[cfg(test)]
mod tests {
    use fs_err::os::unix::fs::OpenOptionsExt as _;
    use pyfast_settings::{Flags, Settings, Surroundings, Variables};

    use super::*;

    /// What a word means in a directory with these files, each with its mode.
    fn guessed(files: &[(&str, &str, u32)], word: &str) -> Option<Meant> {
        let place = tempfile::tempdir().unwrap();
        for (name, text, mode) in files {
            let path = place.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            let mut options = fs_err::OpenOptions::new();
            let mut file = options.create(true).write(true).mode(*mode).open(path).unwrap();
            std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        }
        let home = ("HOME".into(), place.path().as_os_str().to_owned());
        let working_directory = place.path().to_owned();
        let variables = Variables::new([home]);
        let surroundings = Surroundings { variables, working_directory, program: None };
        let settings = Settings::new(Flags::default(), surroundings).unwrap();
        meant(OsStr::new(word), &settings.project)
    }

    #[test]
    fn a_file_that_is_there_says_how_it_is_run() {
        let files = [
            ("s.py", "print(1)\n", 0o644),
            ("x.py", "print(1)\n", 0o755),
            ("tool", "#!/usr/bin/env python3\n", 0o644),
            ("go", "#!/bin/sh\n", 0o755),
            ("shut", "#!/bin/sh\n", 0o644),
            ("d/go", "#!/bin/sh\n", 0o755),
        ];
        for (word, expected) in [
            ("s.py", Some(Meant::Script)),
            ("./s.py", Some(Meant::Script)),
            ("x.py", Some(Meant::Script)),
            ("tool", Some(Meant::Script)),
            ("go", Some(Meant::Here)),
            ("./shut", Some(Meant::Closed)),
            ("shut", Some(Meant::Closed)),
            // It is there and may be executed: something else is wrong with it.
            ("d/go", None),
            ("d", None),
            ("absent", None),
        ] {
            assert_eq!(guessed(&files, word), expected, "{word}");
        }
    }

    #[test]
    fn a_command_of_the_project_itself_is_known_by_what_the_project_states() {
        let text = "[project]\nname = 'shop'\n[project.scripts]\nshop = 'shop:main'\n[project.gui-scripts]\nwin = 'shop:win'\n";
        let files = [("pyproject.toml", text, 0o644), ("shop/__main__.py", "", 0o644)];
        for word in ["shop", "win"] {
            assert_eq!(guessed(&files, word), Some(Meant::Own("pyproject.toml".into())), "{word}");
        }
        assert_eq!(guessed(&files[1..], "shop"), Some(Meant::Package));
        assert_eq!(guessed(&files, "other"), None);
        assert_eq!(guessed(&[("pyproject.toml", "[", 0o644)], "shop"), None);
    }
}
