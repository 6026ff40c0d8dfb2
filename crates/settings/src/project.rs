//! The project: its directory, its name, its requirements files and locks.

use std::path::{Path, PathBuf};

use pyfast_launcher::compose_file::NAMES;
use pyfast_packaging::PackageName;
use pyfast_packaging::hash::Sha256;
use pyfast_packaging::pyproject::foreign;
use url::Url;

use crate::config::{Config, Itself};
use crate::error::Error;

/// A project directory with its configuration.
#[derive(Debug, Clone)]
pub struct Project {
    /// The directory, absolute.
    pub directory: PathBuf,
    /// Where the command was given.
    pub working_directory: PathBuf,
    /// `pyfast.toml`, or the table of `pyproject.toml`.
    pub config: Config,
    /// A name given on the command line.
    pub given_name: Option<String>,
}

/// Requirements files looked for where none is named, in this order.
const USUAL: [&str; 3] = ["requirements.txt", "backend/requirements.txt", PYPROJECT];

/// What a project is called that is in no directory with a name.
const UNTITLED: &str = "project";

/// A file that states dependencies only where it has a `[project]` table.
const PYPROJECT: &str = "pyproject.toml";

impl Project {
    /// Finds the project: `given`, else the nearest parent with `pyfast.toml`, else the nearest of the same
    /// repository with what dependencies or services are written in, else the working directory.
    pub(crate) fn find(
        given: Option<&Path>,
        name: Option<&str>,
        working_directory: PathBuf,
    ) -> Result<Self, Error> {
        let directory = if let Some(directory) = given {
            working_directory.join(directory)
        } else {
            let above = || Self::around(&working_directory);
            let found = Config::nearest(&working_directory).or_else(above);
            found.unwrap_or_else(|| working_directory.clone())
        };
        if !directory.is_dir() {
            return Err(Error::NoProject { directory });
        }
        let config = Config::read(&directory)?;
        Ok(Self { directory, working_directory, config, given_name: name.map(str::to_owned) })
    }

    /// The project that a directory is a part of. Outside of a repository only a `pyproject.toml` is enough: a stray
    /// requirements file of a home directory would take everything below it for its own.
    fn around(directory: &Path) -> Option<PathBuf> {
        let mut way = directory.ancestors();
        let repository = way.clone().find(|above| above.join(".git").exists());
        let is_one = |above: &&Path| match repository {
            Some(repository) if above.starts_with(repository) => {
                let mut names = USUAL.iter().filter(|file| states_dependencies(above, file));
                let mut compose = NAMES.iter().filter(|file| above.join(file).is_file());
                let name = names.next().or_else(|| compose.next());
                name.is_some_and(|name| is_trusted(&above.join(name)))
            }
            _ => states_dependencies(above, PYPROJECT) && is_trusted(&above.join(PYPROJECT)),
        };
        way.find(is_one).map(Path::to_owned)
    }

    /// The name below which the root keeps the project's environments. Without a configured name it
    /// is the directory's, made unique by its path.
    pub fn name(&self) -> String {
        if let Some(name) = self.own_name() {
            return name.clone();
        }
        let digest = Sha256::of(self.directory.as_os_str().as_encoded_bytes()).to_string();
        format!("{}-{}", self.plain_title().trim_matches('.'), &digest[..8])
    }

    /// Its name where there is no other project, and nobody knows its directory.
    pub fn carried_name(&self) -> String {
        let plain = || self.plain_title().trim_matches(['.', '-']).chars().take(100).collect();
        let name = self.own_name().cloned().unwrap_or_else(plain);
        if name.is_empty() { UNTITLED.to_owned() } else { name }
    }

    /// What people call it, in letters that names have.
    fn plain_title(&self) -> String {
        let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        self.title().chars().map(|c| if of_name(c) { c } else { '-' }).collect()
    }

    /// What people call it: its configured name, else its directory's.
    pub(crate) fn title(&self) -> String {
        let directory = || Some(self.directory.file_name()?.to_string_lossy().into_owned());
        self.own_name().cloned().or_else(directory).unwrap_or_else(|| UNTITLED.to_owned())
    }

    /// The name that the user or the configuration gave it.
    fn own_name(&self) -> Option<&String> {
        self.given_name.as_ref().or(self.config.project.name.as_ref())
    }

    /// The requirements files: those given, those of `pyfast.toml`, else the usual ones.
    ///
    /// # Errors
    /// If there are none, or the configuration names what is not read.
    pub fn requirements(&self, given: &[PathBuf], env: &str) -> Result<Vec<PathBuf>, Error> {
        if !given.is_empty() {
            return Ok(given.iter().map(|file| named(file)).collect());
        }
        if let Some(configured) = self.config.env.get(env)
            && !(configured.requirements.is_empty() && configured.groups.is_empty())
        {
            let files = configured.requirements.iter().map(|file| self.shown(file));
            return files.map(|file| self.readable(file, env)).collect();
        }
        let found = USUAL.iter().find(|file| states_dependencies(&self.directory, file));
        found.map(|file| vec![self.shown(Path::new(file))]).ok_or_else(|| {
            let text = pyfast_root::regular_file::read_text(&self.directory.join(PYPROJECT));
            let foreign = text.ok().and_then(|text| foreign(&text));
            Error::NoRequirements { directory: self.directory.clone(), looked_for: &USUAL, foreign }
        })
    }

    /// Whether there are any; those that are given have to be.
    ///
    /// # Errors
    /// If given ones cannot be used.
    pub fn has_requirements(&self, given: &[PathBuf], env: &str) -> Result<bool, Error> {
        match self.requirements(given, env) {
            Ok(_) => Ok(true),
            Err(_) if given.is_empty() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// How the project itself is part of an environment.
    pub fn itself(&self, env: &str) -> Itself {
        self.config.env.get(env).map(|env| env.project).unwrap_or_default()
    }

    /// A file that the configuration names is read, not waited for: it names no pipe.
    fn readable(&self, file: PathBuf, env: &str) -> Result<PathBuf, Error> {
        if is_remote(&file) {
            return Ok(file);
        }
        let facts = fs_err::metadata(self.working_directory.join(&file));
        if facts.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            let (env, configuration) = (env.to_owned(), self.config.file_name());
            return Err(Error::MissingFile { file, env, configuration });
        }
        if facts.is_ok_and(|facts| !facts.is_file() && !facts.is_dir()) {
            return Err(Error::NoRegularFile { file });
        }
        Ok(file)
    }

    /// A dependency group as it is named on a command line (`[FILE:]GROUP`), with the file that has it.
    pub fn group(&self, named: &str) -> (PathBuf, String) {
        match named.rsplit_once(':') {
            Some((file, group)) => (PathBuf::from(file), group.to_owned()),
            None => (self.shown(Path::new(PYPROJECT)), named.to_owned()),
        }
    }

    /// The same as it is named in the configuration, whose paths are the project's.
    pub fn configured_group(&self, named: &str) -> (PathBuf, String) {
        let (file, group) = named.rsplit_once(':').unwrap_or((PYPROJECT, named));
        (self.shown(Path::new(file)), group.to_owned())
    }

    /// The file that the project's lock is beside: the first that an environment's dependencies are written in.
    pub fn first_file(&self, env: &str) -> Option<PathBuf> {
        let first = self.requirements(&[], env).ok()?.into_iter().find(|file| !is_remote(file));
        first.or_else(|| {
            let group = self.config.env.get(env)?.groups.first()?;
            Some(self.configured_group(group).0)
        })
    }

    /// The constraints files: those given and those of `pyfast.toml`.
    pub fn constraints(&self, given: &[PathBuf], env: &str) -> Vec<PathBuf> {
        let configured = self.config.env.get(env).into_iter().flat_map(|env| &env.constraints);
        given
            .iter()
            .map(|file| named(file))
            .chain(configured.map(|file| self.shown(file)))
            .collect()
    }

    /// The packages that `pyfast.toml` leaves out of an environment.
    ///
    /// # Errors
    /// If it names what is no package.
    pub fn excluded(&self, env: &str) -> Result<Vec<PackageName>, Error> {
        let names = self.config.env.get(env).into_iter().flat_map(|env| &env.exclude_dependencies);
        let parse = |name: &String| {
            name.parse().map_err(|error: <PackageName as std::str::FromStr>::Err| Error::Excluded {
                name: name.clone(),
                reason: error.to_string(),
            })
        };
        names.map(parse).collect()
    }

    /// A path of the project as the user would write it from where they are.
    pub fn shown(&self, file: &Path) -> PathBuf {
        let file = &named(file);
        if self.directory == self.working_directory || is_remote(file) {
            return file.clone();
        }
        let path = self.directory.join(file);
        path.strip_prefix(&self.working_directory).map(Path::to_owned).unwrap_or(path)
    }
}

fn states_dependencies(directory: &Path, file: &str) -> bool {
    let path = directory.join(file);
    if file != PYPROJECT {
        return path.is_file();
    }
    pyfast_root::regular_file::read_text(&path)
        .is_ok_and(|text| text.lines().any(|line| line.trim() == "[project]"))
}

/// Whether a file that nobody named is this user's or root's: anybody may write one into a directory like `/tmp`.
pub(crate) fn is_trusted(file: &Path) -> bool {
    let owner = fs_err::metadata(file).map(|facts| std::os::unix::fs::MetadataExt::uid(&facts));
    owner.is_ok_and(|owner| owner == 0 || owner == rustix::process::geteuid().as_raw())
}

/// Whether a file is named by the URL of a server.
pub fn is_remote(file: &Path) -> bool {
    let start = |scheme: &str| {
        let start = file.to_str().and_then(|name| name.get(..scheme.len()));
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    start("http://") || start("https://")
}

/// The file that a name means: a `file://` URL is that of a path.
fn named(file: &Path) -> PathBuf {
    let url = file.to_str().filter(|name| name.starts_with("file://"));
    let path = url.and_then(|url| Url::parse(url).ok()?.to_file_path().ok());
    path.unwrap_or_else(|| file.to_owned())
}
