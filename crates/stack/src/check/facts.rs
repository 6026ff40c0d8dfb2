//! What is known of a service before it starts: its words, its directory, its variables, its files. Owns where each is
//! read; must not know what is made of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pyfast_checker::Files as _;
use pyfast_checker::entry::{Around, Known};
use pyfast_launcher::compose_file::{Build, ComposeProject, Service, Written};
use pyfast_launcher::image::{BuildSource, Picture, WantedImage};
use pyfast_launcher::propose::normal;

use super::view::{Mounted, Packages, View};

/// Texts that are larger are no scripts.
const LARGEST: usize = 1 << 20;

/// A service as it would start.
#[derive(Debug)]
pub(super) struct Facts {
    /// Its name.
    pub(super) name: String,
    /// How its image is built, if it is.
    pub(super) build: Option<Build>,
    /// Its command line; `None` where only the image knows.
    pub(super) words: Option<Vec<String>>,
    /// Where these stand, in compose files behind those of its Dockerfile.
    pub(super) starts: Vec<Written>,
    /// Where it starts; `None` where only the image knows.
    pub(super) directory: Option<PathBuf>,
    /// Its variables, with those that the Dockerfile sets; `None` is a value that is not certain.
    pub(super) variables: BTreeMap<String, Option<String>>,
    /// Whether there are no others.
    pub(super) all_variables: bool,
    /// Its files.
    pub(super) view: View,
    /// Whether it is known what its image has of this machine.
    has_picture: bool,
    /// Places where something is that is not of this machine.
    pub(super) foreign: Vec<PathBuf>,
    /// Whether its build may have made files that are not of this machine.
    pub(super) makes_files: bool,
    /// Places to which its build fetches others' sources.
    fetched: Vec<PathBuf>,
    /// Console scripts of the environment.
    pub(super) scripts: BTreeMap<String, String>,
    /// The minor version of Python that the Dockerfile's base names, or the image where there is no Dockerfile.
    pub(super) minor: Option<u8>,
}

/// Variables that the usual images of Python set.
pub(super) const OF_PYTHON: [&str; 6] =
    ["PATH", "LANG", "GPG_KEY", "PYTHON_VERSION", "PYTHON_SHA256", "HOME"];

impl Facts {
    /// Reads what compose files and Dockerfile say of a service.
    pub(super) fn read(
        project: &ComposeProject,
        name: &str,
        image: Option<&WantedImage>,
        variables: &BTreeMap<String, String>,
    ) -> Option<Self> {
        let service = project.services.get(name)?;
        let build = image.and_then(|image| image.build.as_ref()).or(service.build.as_ref());
        let source = build.and_then(|build| BuildSource::open(build, variables).ok());
        let picture = source.as_ref().and_then(BuildSource::picture);
        let base = source.as_ref().and_then(BuildSource::base_images).map(|bases| bases.own);
        let base = base.unwrap_or_default();
        let own_image = service.image.as_deref().unwrap_or_default();
        let picture_known = picture.is_some();
        let picture = picture.unwrap_or_default();
        let own = service_key(project, name, "working_dir").map(PathBuf::from);
        let below = picture.working_dir.as_ref().map(PathBuf::from);
        let directory = match own {
            Some(own) if own.is_absolute() => Some(own),
            own => own.map_or(below.clone(), |own| below.map(|below| below.join(own))),
        };
        Some(Self {
            name: name.to_owned(),
            build: build.cloned(),
            words: words(service, &picture),
            starts: starts(project, name, &picture),
            directory,
            variables: all_variables(service, &picture),
            all_variables: picture_known && is_python(&base),
            view: View {
                files: files(&picture),
                mounts: mounts(project, name, service),
                packages: None,
            },
            has_picture: picture_known,
            makes_files: picture.makes_files || picture.fetched.iter().any(String::is_empty),
            fetched: picture.fetched.iter().map(PathBuf::from).collect(),
            foreign: picture.foreign.iter().map(PathBuf::from).collect(),
            scripts: BTreeMap::new(),
            minor: minor(if build.is_some() { &base } else { own_image }),
        })
    }

    /// Gives it an environment.
    pub(super) fn with_packages(mut self, packages: Option<Packages>) -> Self {
        self.view.packages = packages;
        self
    }

    /// Whether it is known here which files are in a directory.
    pub(super) fn is_known(&self, directory: &Path) -> bool {
        match self.view.is_dark(directory) {
            Some(dark) => !dark,
            None => {
                self.has_picture && !self.foreign.iter().any(|place| directory.starts_with(place))
            }
        }
    }

    /// Whether files that nobody knows here may be in a directory.
    pub(super) fn is_open(&self, directory: &Path) -> bool {
        let fetched = self.fetched.iter().any(|place| {
            let is_named = !place.as_os_str().is_empty();
            is_named && (place.starts_with(directory) || directory.starts_with(place))
        });
        self.makes_files || fetched || self.foreign.iter().any(|place| place.starts_with(directory))
    }

    /// A path as it is meant where the service starts.
    pub(super) fn path(&self, path: &str) -> Option<PathBuf> {
        match &self.directory {
            _ if path.starts_with('/') => Some(PathBuf::from(path)),
            Some(directory) if path.is_empty() => Some(directory.clone()),
            Some(directory) => Some(normal(&directory.join(path))),
            None => None,
        }
    }
}

impl Around for Facts {
    fn text(&self, path: &str) -> Option<String> {
        let bytes = self.view.read(&self.path(path)?).ok()?;
        (bytes.len() <= LARGEST).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn variable(&self, name: &str) -> Known {
        match self.variables.get(name) {
            Some(Some(value)) => Known::Value(value.clone()),
            None if self.all_variables && !OF_PYTHON.contains(&name) => Known::Unset,
            Some(None) | None => Known::Unknown,
        }
    }

    fn console_script(&self, name: &str) -> Option<String> {
        self.scripts.get(name).cloned()
    }
}

/// What it runs by itself. An entrypoint of the service's drops the image's command.
fn words(service: &Service, picture: &Picture) -> Option<Vec<String>> {
    let first = service.entrypoint.clone().or_else(|| picture.entrypoint.clone());
    let behind = match (&service.command, &service.entrypoint) {
        (Some(command), _) => Some(command.clone()),
        (None, Some(_)) => Some(Vec::new()),
        (None, None) => picture.command.clone(),
    };
    let words: Vec<String> = first.into_iter().flatten().chain(behind?).collect();
    (!words.is_empty()).then_some(words)
}

fn starts(project: &ComposeProject, name: &str, picture: &Picture) -> Vec<Written> {
    picture.starts.iter().chain(project.starts.get(name).into_iter().flatten()).cloned().collect()
}

fn all_variables(service: &Service, picture: &Picture) -> BTreeMap<String, Option<String>> {
    let mut variables = picture.environment.clone();
    for (name, value) in &service.environment {
        // One without a value is not set by the service.
        if value.is_some() || !variables.contains_key(name) {
            variables.insert(name.clone(), value.clone());
        }
    }
    variables.retain(|name, value| value.is_some() || picture.environment.contains_key(name));
    variables
}

fn files(picture: &Picture) -> BTreeMap<PathBuf, PathBuf> {
    picture.files.iter().map(|(place, path)| (PathBuf::from(place), path.clone())).collect()
}

/// What is mounted: volumes, and files of the project's `configs` and `secrets`.
fn mounts(project: &ComposeProject, name: &str, service: &Service) -> Vec<Mounted> {
    let files = ["configs", "secrets"].into_iter().flat_map(|kind| given(project, name, kind));
    volumes(service).into_iter().chain(files).collect()
}

/// Files that a service gets of one kind.
fn given(project: &ComposeProject, service: &str, kind: &str) -> Vec<Mounted> {
    let own = project.model.get("services").and_then(|all| all.get(service)?.get(kind)?.as_array());
    let all = project.model.get(kind);
    let mounted = |one: &serde_json::Value| {
        let source = one.get("source")?.as_str()?;
        let target = one.get("target").and_then(|target| target.as_str()).unwrap_or(source);
        let default = if kind == "secrets" { "/run/secrets" } else { "/" };
        let file = all.and_then(|all| all.get(source)?.get("file")?.as_str()).map(PathBuf::from);
        let at = normal(&Path::new(default).join(target));
        Some(Mounted { at, from: file, is_file: true })
    };
    own.into_iter().flatten().filter_map(mounted).collect()
}

/// The short form of compose files: paths of this machine begin with `/` there.
fn volumes(service: &Service) -> Vec<Mounted> {
    let mounted = |text: &String| {
        let mut parts = text.split(':');
        let (source, target) = (parts.next()?, parts.next());
        let (source, at) = match target {
            Some(target) => (source, target),
            None => ("", source),
        };
        let from = source.starts_with('/').then(|| PathBuf::from(source));
        Some(Mounted { at: normal(Path::new(at)), from, is_file: false })
    };
    service.volumes.iter().filter_map(mounted).collect()
}

/// A key of a service that the model has no field for.
fn service_key<'p>(project: &'p ComposeProject, service: &str, key: &str) -> Option<&'p str> {
    project.model.get("services")?.get(service)?.get(key)?.as_str()
}

/// Whether an image is one of those that are named for Python, of which it is known what they set.
fn is_python(base: &str) -> bool {
    let name = base.rsplit('/').next().unwrap_or(base);
    name == "python" || name.starts_with("python:")
}

/// The minor version that such an image's tag names.
fn minor(base: &str) -> Option<u8> {
    let tag = base.rsplit('/').next().filter(|_| is_python(base))?.strip_prefix("python:3.")?;
    let digits = tag.find(|c: char| !c.is_ascii_digit()).unwrap_or(tag.len());
    tag[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_python_names_its_version() {
        for (base, found) in [
            ("python:3.12-slim", Some(12)),
            ("registry.test/library/python:3.9.1", Some(9)),
            ("python:3", None),
            ("python", None),
            ("app:3.12", None),
        ] {
            assert_eq!(minor(base), found, "{base}");
        }
    }

    #[test]
    fn mounts_are_directories_of_this_machine_or_nobody_knows() {
        let named = ["/src:/app:ro", "data:/data", "/tmp/anonymous"].map(str::to_owned).to_vec();
        let service = Service { volumes: named, ..Service::default() };
        let found = volumes(&service).into_iter().map(|one| (one.at, one.from));
        let from = |text: &str| Some(PathBuf::from(text));
        let expected = [("/app", from("/src")), ("/data", None), ("/tmp/anonymous", None)];
        let expected = expected.map(|(at, from)| (PathBuf::from(at), from));
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
