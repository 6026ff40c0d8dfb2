//! Gathers the facts of a project from its directory. Owns the walk; decides nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::dockerfile;
use super::environments::dockerfile_of;
use super::files::{candidates, copied_requirements, is_requirements, normal, shown};
use super::{Facts, Wishes};
use crate::compose_file::{ComposeError, ComposeProject, ComposeRequest, read_compose};
use crate::error::Error;
use crate::image::is_remote;

/// How many directories deep files are looked for.
const DEPTH: usize = 2;
/// A Dockerfile that is larger is none.
const LARGEST: u64 = 1 << 20;

/// Which project is looked at.
#[derive(Debug)]
pub struct Question<'a> {
    /// Its directory, absolute.
    pub directory: &'a Path,
    /// The variables that compose files may refer to.
    pub environment: &'a BTreeMap<String, String>,
    /// What the user asked for.
    pub wishes: Wishes,
}

impl Facts {
    /// Reads what lies in the project's directory. Directories that cannot be read (a database's, say) are passed over.
    ///
    /// # Errors
    /// When the compose files are wrong.
    pub fn gather(question: Question) -> Result<Self, Error> {
        let directory = normal(question.directory);
        let mut facts = Self { wishes: question.wishes, ..Self::default() };
        facts.compose = compose(&directory, question.environment, &mut facts.notes)?;
        facts.directory = directory;
        facts.walk(&facts.directory.clone(), DEPTH);
        facts.requirements.sort();
        facts.projects.sort();
        facts.locks.sort();
        facts.own_locks.sort();
        facts.virtual_environments.sort();
        facts.read_builds();
        facts.find_named();
        Ok(facts)
    }

    fn walk(&mut self, directory: &Path, depth: usize) {
        let Ok(entries) = fs_err::read_dir(directory) else { return };
        let mut folders = Vec::new();
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let (Some(name), Ok(kind)) = (name.to_str(), entry.file_type()) else { continue };
            if !kind.is_dir() {
                // A link leads to a file, to nowhere, to a directory, or to a socket.
                let is_file = kind.is_file() || kind.is_symlink() && path.is_file();
                self.note_file(path, name, is_file);
            } else if path.join("pyvenv.cfg").is_file() {
                self.virtual_environments.push(path);
            } else if !is_passed_over(name) {
                folders.push(path);
            }
        }
        if let Some(depth) = depth.checked_sub(1) {
            for folder in folders {
                self.walk(&folder, depth);
            }
        }
    }

    fn note_file(&mut self, path: PathBuf, name: &str, is_file: bool) {
        if name == ".dockerignore" {
            self.ignore_files.insert(path);
        } else if !is_file {
            // Nobody reads it.
        } else if is_requirements(&path) {
            self.requirements.push(path);
        } else if name == "pyproject.toml" {
            let document = document(&path);
            if is_project(&document) {
                self.projects.push(path);
            } else if path.parent() == Some(&self.directory) {
                self.foreign = foreign(&document);
            }
        } else if matches!(name, "uv.lock" | "poetry.lock" | "pdm.lock") {
            self.locks.push(path);
        } else if is_own_lock(name) {
            self.own_locks.push(path);
        } else if is_dockerfile(name) {
            self.read_dockerfile(path);
        }
    }

    fn read_dockerfile(&mut self, path: PathBuf) {
        let small = fs_err::metadata(&path).is_ok_and(|metadata| metadata.len() <= LARGEST);
        if let Ok(text) = pyfast_root::regular_file::read_text(&path)
            && small
        {
            self.dockerfiles.insert(path, text);
        }
    }

    /// Reads what the compose project builds from, wherever it lies.
    fn read_builds(&mut self) {
        let services = self.compose.iter().flat_map(|compose| &compose.services);
        let builds = services.filter_map(|(name, one)| Some((name.clone(), one.build.clone()?)));
        for (service, build) in &builds.collect::<Vec<_>>() {
            let context = normal(Path::new(&build.context));
            if !is_remote(&build.context)
                && !context.is_dir()
                && self.absent.insert(context.clone())
            {
                let place = shown(&context, &self.directory);
                self.notes.push(format!("{service} is built from {place}, which is no directory"));
            }
            let ignore = context.join(".dockerignore");
            if ignore.symlink_metadata().is_ok() {
                self.ignore_files.insert(ignore);
            }
            let Some(path) = dockerfile_of(build) else { continue };
            if !self.dockerfiles.contains_key(&path) {
                self.read_dockerfile(path);
            }
        }
    }

    /// Finds the files that Dockerfiles install, whatever their names.
    fn find_named(&mut self) {
        let mut readings: Vec<(PathBuf, dockerfile::Reading)> = Vec::new();
        let none = BTreeMap::new();
        for (path, text) in &self.dockerfiles {
            let reading = dockerfile::read(text, &none, None);
            readings.extend(path.parent().map(|parent| (parent.to_owned(), reading.clone())));
            readings.push((self.directory.clone(), reading));
        }
        let services = self.compose.iter().flat_map(|compose| compose.services.values());
        for build in services.filter_map(|service| service.build.as_ref()) {
            let path = dockerfile_of(build);
            let known = path.and_then(|path| self.dockerfiles.get(&path));
            let Some(text) = build.dockerfile_inline.as_ref().or(known) else { continue };
            let reading = dockerfile::read(text, &build.args, build.target.as_deref());
            readings.push((PathBuf::from(&build.context), reading));
        }
        for (context, reading) in readings {
            let copied = copied_requirements(&reading);
            let names = reading.requirements.iter().chain(&reading.constraints).chain(&copied);
            let paths = names.flat_map(|name| candidates(name, &context, &reading.copies));
            // Installers take locks where they take requirements; environments do not.
            let is_lock = |path: &Path| {
                path.file_name().is_some_and(|name| is_own_lock(&name.to_string_lossy()))
            };
            let files =
                paths.filter(|path| path.to_str().is_some() && path.is_file() && !is_lock(path));
            self.named.extend(files);
        }
    }
}

/// The compose project of the directory. One that lies above it is another's, unless it is named.
fn compose(
    directory: &Path,
    environment: &BTreeMap<String, String>,
    notes: &mut Vec<String>,
) -> Result<Option<ComposeProject>, Error> {
    let request = ComposeRequest {
        directory,
        files: &[],
        environment,
        profiles: &["*".to_owned()],
        services: &[],
        project_name: None,
    };
    match read_compose(&request) {
        Ok(project) if project.found && !project.directory.starts_with(directory) => {
            let place = project.directory.display();
            notes.push(format!(
                "the compose file in `{place}` is above the project, and is left out"
            ));
            Ok(None)
        }
        Ok(project) => {
            notes.extend(project.warnings.iter().cloned());
            Ok(Some(project))
        }
        Err(Error::Compose(ComposeError::NotFound { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_passed_over(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "node_modules" | "site-packages" | "__pycache__")
}

/// What a project file says; nothing where it cannot be read.
fn document(path: &Path) -> toml::Table {
    let text = pyfast_root::regular_file::read_text(path).unwrap_or_default();
    toml::from_str(&text).unwrap_or_default()
}

/// Whether a `pyproject.toml` states dependencies.
fn is_project(document: &toml::Table) -> bool {
    document.get("project").is_some_and(toml::Value::is_table)
}

/// The tool that has its own way of stating dependencies in a `pyproject.toml`.
fn foreign(document: &toml::Table) -> Option<&'static str> {
    let tools = document.get("tool")?.as_table()?;
    [("poetry", "Poetry"), ("pdm", "PDM")]
        .into_iter()
        .find_map(|(key, name)| tools.contains_key(key).then_some(name))
}

/// `pylock.toml`, `pylock.NAME.toml` (PEP 751).
fn is_own_lock(name: &str) -> bool {
    let own = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
    own.is_some_and(|own| own.is_empty() || own.ends_with('.'))
}

/// `Dockerfile`, `Dockerfile.web`, `web.Dockerfile`.
fn is_dockerfile(name: &str) -> bool {
    let ignores = name.ends_with(".dockerignore");
    !ignores
        && (name == "Dockerfile"
            || name.starts_with("Dockerfile.")
            || name.ends_with(".Dockerfile"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_what_has_a_table_of_that_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pyproject.toml");
        let check = |text: &str, expected: bool| {
            fs_err::write(&path, text).unwrap();
            assert_eq!(is_project(&document(&path)), expected, "{text}");
        };
        check("[project]\nname = 'a'\n", true);
        check("[ project ] # the package\nname = 'a'\n", true);
        check("project.name = 'a'\n", true);
        check("[project.scripts]\na = 'a:main'\n", true);
        check("[tool.a]\ntext = \"\"\"\n[project]\n\"\"\"\n", false);
        check("[tool.a]\n", false);
        check("[project", false);
    }
}
