//! Words of a command line that a request is kept as: files by absolute paths, and shown again as the user would type
//! them from where they are. Must not know which options there are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pyfast_settings::{Project, is_remote};

/// Words of a command line that grow.
#[derive(Debug)]
pub struct Words<'a> {
    words: Vec<OsString>,
    project: &'a Project,
}

impl<'a> Words<'a> {
    /// None yet, of a request for this project.
    pub fn of(project: &'a Project) -> Self {
        Self { words: Vec::new(), project }
    }

    /// All of them.
    pub fn finish(self) -> Vec<OsString> {
        self.words
    }

    /// An option without a value, where it is set.
    pub fn flag(&mut self, name: &str, is_set: bool) {
        if is_set {
            self.words.push(format!("--{name}").into());
        }
    }

    /// An option with a value.
    pub fn value(&mut self, name: &str, value: &str) {
        self.words.push(format!("--{name}={value}").into());
    }

    /// An option for each value.
    pub fn values(&mut self, name: &str, values: impl IntoIterator<Item = impl ToString>) {
        for value in values {
            self.value(name, &value.to_string());
        }
    }

    /// An option for each file.
    pub fn files(&mut self, name: &str, files: &[PathBuf]) {
        for file in files {
            let mut word = OsString::from(format!("--{name}="));
            word.push(absolute(file, self.project));
            self.words.push(word);
        }
    }

    /// An option for each dependency group, `[FILE:]GROUP`.
    pub fn groups(&mut self, name: &str, groups: &[String]) {
        for group in groups {
            let group = match group.rsplit_once(':') {
                Some((file, group)) => {
                    format!("{}:{group}", absolute(Path::new(file), self.project).display())
                }
                None => group.clone(),
            };
            self.value(name, &group);
        }
    }
}

/// A file as it is kept.
pub fn absolute(file: &Path, project: &Project) -> PathBuf {
    if is_remote(file) { file.to_owned() } else { project.working_directory.join(file) }
}

/// A word as the user would type it from where they are.
pub fn shown(word: &OsString, project: &Project) -> OsString {
    let Some((name, path)) = word.to_str().and_then(|word| word.split_once("=/")) else {
        return word.clone();
    };
    let path = Path::new("/").join(path);
    let inside = path.strip_prefix(&project.working_directory);
    inside.map_or_else(|_| word.clone(), |inside| format!("{name}={}", inside.display()).into())
}

/// A request for a reader.
pub fn described(words: &[OsString], project: &Project) -> String {
    let words = words.iter().map(|word| shown(word, project).to_string_lossy().into_owned());
    let text = words.collect::<Vec<_>>().join(" ");
    if text.is_empty() { "what the project says".to_owned() } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use pyfast_settings::{Flags, Settings, Surroundings};

    use super::*;

    #[test]
    fn files_are_kept_by_absolute_paths_and_shown_from_where_the_user_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let working_directory = directory.path().to_owned();
        let surroundings = Surroundings { working_directory, ..Surroundings::default() };
        let root = Some(directory.path().join("root"));
        let settings = Settings::new(Flags { root, ..Flags::default() }, surroundings);
        let project = settings.expect("settings").project;
        let mut words = Words::of(&project);
        words.files("requirements", &["a/r.txt".into(), "https://h.test/r.txt".into()]);
        words.groups("group", &["dev".to_owned(), "b/pyproject.toml:test".to_owned()]);
        words.flag("strict", true);
        words.flag("compile", false);
        let here = directory.path().display();
        let kept = words.finish();
        assert_eq!(
            kept,
            [
                format!("--requirements={here}/a/r.txt").as_str(),
                "--requirements=https://h.test/r.txt",
                "--group=dev",
                format!("--group={here}/b/pyproject.toml:test").as_str(),
                "--strict",
            ]
        );
        let shown: Vec<_> = kept.iter().map(|word| shown(word, &project)).collect();
        assert_eq!(
            shown,
            [
                "--requirements=a/r.txt",
                "--requirements=https://h.test/r.txt",
                "--group=dev",
                "--group=b/pyproject.toml:test",
                "--strict",
            ]
        );
    }
}
