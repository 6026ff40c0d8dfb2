//! Words of a project's file that choose what is run and where is written. Such a file may be somebody else's: it names
//! no program by its path, and no directory but one below the project. Owns these rules; must not know flags.

use std::io;
use std::path::{Component, Path, PathBuf};

use pyfast_packaging::VersionSpecifiers;

use super::{Config, PythonFrom};
use crate::error::Error;
use crate::interpreters::{is_range, is_version};
use crate::settings::Python;

/// The root that a file names.
pub(crate) enum ConfiguredRoot {
    Volume(String),
    Directory(PathBuf),
}

impl Config {
    /// The interpreter of an environment. A file may be somebody else's: it names a version or a program that is looked
    /// up on `PATH`, never a file to run.
    ///
    /// # Errors
    /// If it names anything else.
    pub fn python(&self, env: &str) -> Result<Option<Python>, Error> {
        let Some(wanted) = self.env.get(env).and_then(|env| env.python.as_ref()) else {
            return Ok(None);
        };
        let python = &wanted.version;
        let usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
        let range = is_range(python) && python.parse::<VersionSpecifiers>().is_ok();
        let named = python.starts_with(|c: char| c.is_ascii_alphanumeric());
        if range || named && python.chars().all(usual) {
            return Ok(Some(match wanted.from {
                PythonFrom::Managed => Python::Managed(python.clone()),
                PythonFrom::Usual => Python::Host(Some(python.clone())),
            }));
        }
        let (file, env, word) = (self.file.clone(), env.to_owned(), python.clone());
        Err(Error::ConfiguredPython { file, env, word })
    }

    /// The directory that the file names as root, which lies below the project, or the volume. The command line may
    /// name any.
    pub(crate) fn root(&self, project: &Path) -> Result<Option<ConfiguredRoot>, Error> {
        let Some(root) = &self.project.root else { return Ok(None) };
        if let Some(volume) = root.strip_prefix("volume:") {
            return Ok(Some(ConfiguredRoot::Volume(volume.to_owned())));
        }
        let directory = below_project(project, root).map_err(|reason| {
            let (file, word) = (self.file.clone(), root.clone());
            Error::ConfiguredRoot { file, word, reason }
        })?;
        Ok(Some(ConfiguredRoot::Directory(directory)))
    }
}

/// Whether a word is a version of Python or a range of versions, and no program.
pub(super) fn is_version_or_range(word: &str) -> bool {
    is_version(word) || is_range(word) && word.parse::<VersionSpecifiers>().is_ok()
}

/// The directory that the word of a project's file means.
///
/// # Errors
/// Why it is none that a file may name.
fn below_project(project: &Path, word: &str) -> Result<PathBuf, String> {
    let path = Path::new(word);
    let normal = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let somewhere = path.components().any(|part| matches!(part, Component::Normal(_)));
    if word.starts_with('~') || !somewhere || !path.components().all(normal) {
        return Err("it is no plain path below the project's directory".to_owned());
    }
    let mut directory = project.to_owned();
    for part in path.components() {
        directory.push(part);
        // By itself and not by what it leads to: whoever wrote the file can have brought links along.
        match fs_err::symlink_metadata(&directory) {
            Ok(facts) if facts.is_symlink() => {
                return Err(format!("`{}` is a symbolic link", directory.display()));
            }
            Ok(facts) if !facts.is_dir() => {
                return Err(format!("`{}` is no directory", directory.display()));
            }
            Ok(_) => {}
            // What is not there yet is made by this program; nothing can be below it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(project.join(path)),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[track_caller]
    fn refused(project: &Path, word: &str, reason: &str) {
        let refusal = below_project(project, word).expect_err("it is refused");
        assert!(refusal.contains(reason), "{word}: {refusal}");
    }

    #[test]
    fn an_interpreter_is_a_version_or_a_name_and_never_a_path() {
        let python = |word: &str| {
            let text = format!("[env.x]\npython = '{word}'\n");
            Config::parse(Path::new("pyfast.toml"), &text, &[]).unwrap().python("x")
        };
        for word in ["3.12", "3.12.1", "python3.12", "pypy3", "python3.13t", ">=3.11,<3.13"] {
            assert_eq!(python(word).unwrap(), Some(Python::Host(Some(word.to_owned()))));
        }
        for word in [">=x", "./x", "/usr/bin/python3", "a/b", "..", ".venv", "-c", "", "a b", "~x"]
        {
            let refused = python(word).expect_err("it is refused");
            for needed in ["pyfast.toml", "[env.x]", "never a path"] {
                assert!(refused.to_string().contains(needed), "{refused}");
            }
        }
    }

    #[test]
    fn only_plain_paths_below_the_project_are_taken() {
        let project = tempfile::tempdir().unwrap();
        let project = project.path();
        for word in [".pyfast", "a/b/c", "a/./b", "a//b", "..a"] {
            assert_eq!(below_project(project, word).as_deref(), Ok(project.join(word).as_path()));
        }
        for word in
            ["", ".", "./", "..", "../a", "a/../..", "a/../b", "/", "/srv", "~", "~/a", "~x"]
        {
            refused(project, word, "no plain path below");
        }
    }

    #[test]
    fn links_and_files_on_the_way_are_refused() {
        let project = tempfile::tempdir().unwrap();
        let project = project.path();
        fs_err::create_dir_all(project.join("real/deep")).unwrap();
        fs_err::write(project.join("file"), "").unwrap();
        symlink("real", project.join("link")).unwrap();
        symlink("/nowhere", project.join("real/dangling")).unwrap();
        symlink("/", project.join("real/deep/out")).unwrap();
        for word in ["link", "link/deep", "link/absent", "real/dangling", "real/deep/out/srv"] {
            refused(project, word, "is a symbolic link");
        }
        refused(project, "file", "is no directory");
        refused(project, "file/below", "is no directory");
        assert!(below_project(project, "real/deep/absent/too").is_ok());
    }

    #[test]
    fn the_project_itself_may_be_reached_by_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let (real, link) = (directory.path().join("real"), directory.path().join("link"));
        fs_err::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        assert_eq!(below_project(&link, "root"), Ok(link.join("root")));
    }
}
